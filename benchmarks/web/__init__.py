"""How light the web process is."""
