"""Which few slices explain what many of them show."""
