"""One item looked at for whoever asks: what it is shown, what it merits, in words and as a picture."""
