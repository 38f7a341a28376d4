"""When a model was trained, what its runs report, and how old what serves is."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt

from domain.detection.data.counts import Floats


@dataclass(frozen=True)
class Runs:
    """
    Trainings in order of time, the last one being judged: `values` (n_runs, n_columns), NaN where a run does
    not say.
    """

    at: tuple[datetime, ...]
    columns: tuple[str, ...]
    values: Floats

    def until(self, end: datetime) -> Runs:
        """Those up to `end`."""
        held = sum(1 for one in self.at if one < end)
        return Runs(self.at[:held], self.columns, self.values[:held])


@dataclass(frozen=True)
class Ages:
    """
    What served, in turn, unix seconds: `since` (n,) when each began to serve, ascending, and `born` (n,) the
    time each dates from. `serving` is the place of the one that serves at `at`, the only one since `alone`,
    which is before `since` if none ever served beside it. `width` is the resolution of ages, seconds; `what`
    names the thing whose age it is.
    """

    since: npt.NDArray[np.float64]
    born: npt.NDArray[np.float64]
    serving: int
    at: float
    width: float
    what: str = "the model that serves"
    alone: float = -math.inf

    @property
    def age(self) -> float:
        """The age of what serves, in seconds."""
        return self.at - float(self.born[self.serving])

    @property
    def began(self) -> float:
        """When what serves most recently began to serve."""
        return max(self.alone, float(self.since[self.serving]))

    def replaced(self) -> npt.NDArray[np.float64]:
        """(n − 1,) how old each was when the next one replaced it."""
        return np.asarray(self.since[1:] - self.born[:-1])
