"""The cinema embeds the client, which is taken from its folder where it is not installed."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "client"))
