"""Which version served how many rows, and which should."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from domain.detection.data.tally import Tally


@dataclass(frozen=True)
class Served:
    """
    `tally`: of all rows, those that each version served; `due`: version → its due share, in [0, 1].

    `steady`: it was due in the windows before as well, as far as they are judged together with the last.
    """

    tally: Tally
    due: Mapping[str, float]
    steady: bool
