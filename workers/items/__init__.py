"""A look at one item for whoever asks: what it is shown, its expected exposure, in words and as a picture."""
