"""How soon a press is acknowledged while everything else is busy."""
