"""How good the practice is: the ML Test Score and the scorecard."""
