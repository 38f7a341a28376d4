"""Requests that one table has and a related one lacks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import pandas as pd
from scipy import stats

from domain.diagnosis.localise import localise
from domain.diagnosis.rerun.interval import share_interval
from domain.diagnosis.rerun.values import StepDifference
from domain.values import Slice, name_slice

Numbers = TypeVar("Numbers", float, pd.Series)

PRIOR = 20.0  # requests that the whole counts for, beside a slice's own
CERTAIN = 1e-4  # chance of as many lacking if no more lack than before


@dataclass(frozen=True)
class Presence:
    """
    Requests of the table `has`, by cell, and how many of them the table `lacks` has none of.

    `cells`: a column for each of `dimensions`, with `requests` and `missing` since the onset, and the same
    before it as `requests_before` and `missing_before`. What is always lacking, by sampling say, is usual.
    """

    has: str
    lacks: str
    cells: pd.DataFrame
    dimensions: tuple[str, ...]


def missing_requests(presence: Presence) -> tuple[StepDifference, ...]:
    """Slices in which more requests lack than before, or one difference for all of them; else nothing."""
    cells = presence.cells
    usual = _usual(cells["requests_before"], cells["missing_before"], _overall(cells))
    tellable = cells.assign(
        observed=cells["requests"] - cells["missing"], expected=cells["requests"] * (1 - usual)
    )
    places: list[Slice] = []
    if presence.dimensions:
        places = [one.slice for one in localise(tellable, presence.dimensions)]
    found = [_difference(presence, where) for where in places or [()]]
    return tuple(one for one in found if one is not None)


def _overall(cells: pd.DataFrame) -> float:
    """The share that lacked before, over all cells, a little above none."""
    requests, missing = float(cells["requests_before"].sum()), float(cells["missing_before"].sum())
    return (missing + 0.5) / (requests + 1) if requests else 0.0


def _usual(requests: Numbers, missing: Numbers, overall: float) -> Numbers:
    """What lacked before in a cell or slice, drawn towards the whole where it had few requests."""
    return (missing + PRIOR * overall) / (requests + PRIOR)


def _difference(presence: Presence, where: Slice) -> StepDifference | None:
    inside = np.ones(len(presence.cells), dtype=bool)
    for name, value in where:
        inside &= (presence.cells[name].astype(str) == value).to_numpy()
    mine = presence.cells[inside].sum(numeric_only=True)
    requests, missing = int(mine["requests"]), int(mine["missing"])
    usual = _usual(float(mine["requests_before"]), float(mine["missing_before"]), _overall(presence.cells))
    if not requests or stats.binom.sf(missing - 1, requests, usual) > CERTAIN:
        return None
    low, high = share_interval(missing, requests)
    size = missing / requests - usual
    of = f" of {name_slice(where)}" if where else ""
    before = "as none did before" if usual < 0.001 else f"{100 * usual:.1f} % did before"
    words = (
        f"`{presence.lacks}` lacks {missing:,} of {requests:,} requests{of} that `{presence.has}` has "
        f"({100 * missing / requests:.0f} % [{100 * low:.0f}–{100 * high:.0f}]); {before}"
    )
    return StepDifference(
        step="logging",
        rows=requests,
        requests=requests,
        differing=missing,
        size=size,
        low=low - usual,
        high=high - usual,
        where=where,
        version=None,
        column=presence.lacks,
        words=words,
        unit="share of requests",
        before=0.0 if mine["requests_before"] else None,
    )
