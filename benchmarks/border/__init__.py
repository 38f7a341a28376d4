"""How the web process copes with hostile and malformed requests."""
