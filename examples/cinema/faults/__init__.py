"""
What can be made to go wrong: each fault is a value that says where it strikes and what its truth is.

    catalogue ─▶ features ─▶ model ─▶ serving ─▶ logging ─▶ feed
        │            │         ▲
        └ deliveries └ overrides training

There are also ten innocent events of the world: what they change is no fault.
"""

from .catalogue import COUNTRY, film_to_lose
from .fault import Acts, Drawn, Fault, Scene, World
from .features import BLANK
from .feed import LOST_SHARE, LOST_SLICE
from .kinds import FAULTS, INNOCENT, KINDS, SWITCHES
from .serving import HELD_DOWN
from .switches import Faults, UnknownFault, now
from .training import FLIPPED

__all__ = [
    "BLANK",
    "COUNTRY",
    "FAULTS",
    "FLIPPED",
    "HELD_DOWN",
    "INNOCENT",
    "KINDS",
    "LOST_SHARE",
    "LOST_SLICE",
    "SWITCHES",
    "Acts",
    "Drawn",
    "Fault",
    "Faults",
    "Scene",
    "UnknownFault",
    "World",
    "film_to_lose",
    "now",
]
