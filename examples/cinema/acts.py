"""The points of the recommender's data flow at which a fault or an event of the world can act."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from .catalogue import Catalogue
from .demand import Crowd
from .members import DEVICES, REGIONS, Audience
from .ranking import Ranker

Floats = npt.NDArray[np.float32]
Bools = npt.NDArray[np.bool_]
Strike = Callable[[np.random.Generator, pa.Table], pa.Table]


@dataclass(frozen=True)
class Scene:
    """
    Candidates about to be ranked: `rails` (n, 1) and `films` (n, k), places in audience and catalogue.
    """

    audience: Audience
    catalogue: Catalogue
    rails: npt.NDArray[np.integer]
    films: npt.NDArray[np.integer]
    at: datetime

    def on(self, where: Mapping[str, str]) -> Bools:
        """(n, k) which candidates belong to a slice of device, region, genre, country, decade."""
        inside = np.ones(self.films.shape, dtype=bool)
        for name, value in where.items():
            if name == "device":
                inside &= self.rails % len(DEVICES) == DEVICES.index(value)
            elif name == "region":
                names = np.array([region.name for region in REGIONS])
                inside &= names[self.audience.region[self.rails // len(DEVICES)]] == value
            else:
                inside &= self.catalogue.where({name: value})[self.films]
        return inside


@dataclass(frozen=True)
class Lesson:
    """
    How a training misreads the log: the labels of a segment (column, value) are inverted, a segment is not
    read, the plays of a segment are read several times, or the plays of the last hours have not arrived yet.
    """

    flipped: tuple[str, str] | None = None
    dropped: tuple[str, str] | None = None
    repeated: tuple[str, str, int] | None = None
    labels_late: timedelta = timedelta(0)


@dataclass(frozen=True)
class Acts:
    """
    What a fault changes in the cinema's data flow; whatever is None or empty is unchanged.

    Attributes:
        catalogue: the films as the next delivery brings them.
        items:     the rows of a delivery as they are written.
        seen:      the features as they are fed to the model, (n, k, 8).
        score:     (n, k) log-odds that production adds to the model's.
        kept:      (n, k) which candidates, in the order in which they would be shown, may be shown.
        ranker:    the model that serves; `registered` if its registry names it.
        lesson:    how the next training reads the log.
        taste:     (films,) the change in members' own log-odds.
        crowd:     who comes.
        rows:      table → rows as they are written.
        late:      table → how much later its rows arrive.
        once:      applied once to the folder of the tables.
        planned:   how long it was announced for; None if nobody announced it.
    """

    catalogue: Callable[[Catalogue], Catalogue] | None = None
    items: Callable[[pa.Table], pa.Table] | None = None
    seen: Callable[[Scene, Floats], Floats] | None = None
    score: Callable[[Scene], Floats] | None = None
    kept: Callable[[Scene], Bools] | None = None
    ranker: Ranker | None = None
    registered: bool = True
    lesson: Lesson | None = None
    taste: Callable[[Catalogue], Floats] | None = None
    crowd: Crowd | None = None
    rows: Mapping[str, Strike] = field(default_factory=dict)
    late: Mapping[str, timedelta] = field(default_factory=dict)
    once: Callable[[Path], None] | None = None
    planned: timedelta | None = None
