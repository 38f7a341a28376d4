"""The slices of a cube, and which of them has the most evidence of a factor of its own."""
