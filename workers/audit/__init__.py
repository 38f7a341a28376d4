"""How good the practice is: the ML Test Score, the scorecard, and taking checks out of shadow mode."""
