"""How the newest training's data differ from those before it: rows of a segment, or their labels."""
