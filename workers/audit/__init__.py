"""How good the practice is: the ML Test Score, the scorecard, and checks on their way out of shadow mode."""
