"""Which few slices explain what shows in many."""
