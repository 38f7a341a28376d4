"""
One of sixty features goes wrong for some of the items: is it the one that the diagnosis names first?

Items are drawn anew for each case: sixty features derived from eight hidden traits, most of them numbers,
which all move a little from one delivery to the next. Nothing in it comes from a cinema.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmarks.table import Row, Rows
from domain.diagnosis.diagnose import diagnose
from domain.diagnosis.material import Material, Snapshots
from domain.values import Diagnosis, Finding, Severity

CASES, LEAST = 200, 0.95
ITEMS, FEATURES, TRAITS, WORDY = 700, 60, 8, 12
SECTORS = tuple(f"sector {n}" for n in range(7))
WAYS = ("unset", "shifted", "scaled", "stale", "swapped")
DAYS = 3.0  # of movement that a stale feature has missed, in standard deviations of a day's
DELIVERED = datetime(2026, 4, 2, 6, 0, tzinfo=UTC)

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Corrupted:
    """Items before and after a delivery, which of them were struck, how, and in which features."""

    before: pd.DataFrame
    after: pd.DataFrame
    sector: str
    way: str
    features: tuple[str, ...]


def corrupted(number: int, seed: int = 1) -> Corrupted:
    """One case, by its number; the cases take the ways in turn."""
    rng = np.random.default_rng([seed, number, FEATURES])
    traits = rng.normal(size=(ITEMS, TRAITS))
    mixing = rng.normal(size=(TRAITS, FEATURES)) * (rng.random((TRAITS, FEATURES)) < 0.4)
    level, scale = rng.uniform(-50, 50, FEATURES), 10 ** rng.uniform(-1, 2, FEATURES)
    steady = traits @ mixing + 0.5 * rng.normal(size=(ITEMS, FEATURES))
    moved = 0.15 * rng.normal(size=(2, ITEMS, FEATURES)) * (rng.random(FEATURES) < 0.5)
    sectors = np.array(SECTORS)[rng.integers(0, len(SECTORS), ITEMS)]
    before, after = (_frame(steady + part, level, scale, sectors) for part in moved)
    way, sector = WAYS[number % len(WAYS)], SECTORS[int(rng.integers(len(SECTORS)))]
    one, other = (f"number_{place:02d}" for place in rng.choice(np.arange(WORDY, FEATURES), 2, replace=False))
    if way == "stale":  # only a feature that moves can be stale; this one moves much
        drift = DAYS * after[one].std() * np.sign(rng.normal()) * rng.uniform(0.5, 1.0, ITEMS)
        after = after.assign(**{one: after[one] + drift})
    there = after["sector"] == sector
    after = after.assign(**_struck(way, before, after, there, one, other, rng))
    return Corrupted(before, after, sector, way, (one, other) if way == "swapped" else (one,))


def _struck(
    way: str,
    before: pd.DataFrame,
    after: pd.DataFrame,
    there: pd.Series,
    one: str,
    other: str,
    rng: np.random.Generator,
) -> dict[str, pd.Series]:
    column, spread = after[one], float(after[one].std())
    match way:
        case "unset":
            return {one: column.mask(there)}
        case "shifted":
            return {one: column.mask(there, column + rng.choice([-1, 1]) * rng.uniform(2, 4) * spread)}
        case "scaled":
            return {one: column.mask(there, column * rng.choice([0.01, 0.1, 10.0, 100.0]))}
        case "stale":
            return {one: column.mask(there, before[one])}
        case _:
            return {one: column.mask(there, after[other]), other: after[other].mask(there, column)}


def _frame(values: Floats, level: Floats, scale: Floats, sectors: npt.NDArray[np.str_]) -> pd.DataFrame:
    columns: dict[str, object] = {"key": [f"k{n:04d}" for n in range(len(values))], "sector": sectors}
    for place in range(FEATURES):
        if place < WORDY:
            edges = np.array([-1.0, 0.0, 1.0])
            columns[f"word_{place:02d}"] = [f"w{n}" for n in np.searchsorted(edges, values[:, place])]
        else:
            columns[f"number_{place:02d}"] = level[place] + scale[place] * values[:, place]
    return pd.DataFrame(columns)


def named(case: Corrupted) -> str | None:
    """The feature that the diagnosis names first: the cause's object, else the top of its oddities."""
    features = tuple(str(name) for name in case.after if name not in ("key", "sector"))
    at = DELIVERED + timedelta(minutes=10)
    finding = Finding(
        check="by_sector",
        table="shown",
        slice=(("sector", case.sector),),
        window_start=at - timedelta(minutes=5),
        window_end=at,
        observed=400,
        expected=1_000,
        p_value=1e-9,
        severity=Severity.SEV3,
        title=f"shown where sector = {case.sector}: 60 % fewer rows",
    )
    taken = Snapshots(case.before, case.after, DELIVERED, DELIVERED - timedelta(days=1))
    material = Material(finding, items=case.after, key="key", features=features, snapshots=taken)
    return first_named(diagnose(material), features)


def first_named(found: Diagnosis, features: tuple[str, ...]) -> str | None:
    """The feature that a diagnosis puts first."""
    if (cause := found.object or found.feature) in features:
        return cause
    for competing in found.candidates:
        if competing.object in features:
            return competing.object
    for line in found.evidence:
        if line.kind == "feature" and len(line.table) > 1:
            return line.table[1][0]
    return None


def rows(table: Rows, cases: int = CASES, seed: int = 1) -> Iterator[Row]:
    """The share of cases in which the feature that was struck comes first."""
    right: dict[str, list[bool]] = {way: [] for way in WAYS}
    for number in range(cases):
        case = corrupted(number, seed)
        right[case.way].append(named(case) in case.features)
    every = [one for way in WAYS for one in right[way]]
    said = ", ".join(f"{way} {np.mean(right[way]):.0%}" for way in WAYS if right[way])
    work = f"seeded bad feature among {FEATURES}, {len(every)} cases: named first"
    yield table.above(work, float(np.mean(every)), "", LEAST, f"{said}; by chance {1 / FEATURES:.0%}")
