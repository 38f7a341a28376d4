"""The client is a distribution of its own: tested from its folder where it is not installed."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "client"))
