"""One item looked at for whoever asks: what it is shown, its expected exposure, in words and as a picture."""
