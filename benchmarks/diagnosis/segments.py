"""
A training took something faulty from one of four hundred segments: is it the one that the diagnosis names?

A shop's nightly lessons, drawn anew for each case: three columns, 416 segments by one or two of them, rows
and labels that differ from night to night. The struck segment holds 3 to 30 % of the rows. The tables are
read as in an incident, from the files to the diagnosis; a check says that something is off, not where.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmarks.table import Row, Rows
from domain.diagnosis.diagnose import diagnose
from domain.diagnosis.material import Material
from domain.recommender.lineage import lineage
from domain.recommender.recommender import Recommender
from domain.values import CandidateCause, Finding, Severity, Slice
from workers.respond.diagnose.reading import Reader
from workers.respond.diagnose.training_rows import training_rows_of

CASES, HEALTHY, LEAST = 100, 40, 0.9
SIZES = {"aisle": 20, "store": 10, "till": 6}
SEGMENTS = sum(SIZES.values()) + 20 * 10 + 20 * 6 + 10 * 6
WAYS = ("left out", "thinned", "repeated", "labels lost", "labels turned round")
NIGHTS, ROWS, LIKED = 7, 30_000, 0.12
SMALLEST, LARGEST = 0.03, 0.3
NIGHT = datetime(2026, 4, 9, 2, 30, tzinfo=UTC)


@dataclass(frozen=True)
class Lessons:
    """Rows of every night, what was done to the last one, and in which segment."""

    rows: pd.DataFrame
    way: str
    where: Slice


def lessons(number: int, way: str | None, seed: int) -> Lessons:
    """One case, by its number; without a `way` nothing is wrong."""
    rng = np.random.default_rng([seed, number, SEGMENTS])
    shares = {name: rng.dirichlet(np.full(count, 1.5)) for name, count in SIZES.items()}
    liked = {name: rng.normal(0, 0.4, count) for name, count in SIZES.items()}
    nights = [_night(rng, shares, liked).assign(at=NIGHT - n * timedelta(days=1)) for n in range(NIGHTS)]
    where = _segment(nights[0], rng)
    if way is not None:
        nights[0] = _struck(nights[0], way, where, rng)
    return Lessons(pd.concat(nights, ignore_index=True), way or "nothing", where)


def _night(
    rng: np.random.Generator,
    shares: dict[str, npt.NDArray[np.float64]],
    liked: dict[str, npt.NDArray[np.float64]],
) -> pd.DataFrame:
    count, codes = rng.poisson(ROWS * rng.uniform(0.8, 1.25)), {}
    for name, share in shares.items():  # each night is made up a little differently
        moved = share * rng.lognormal(0, 0.1, len(share))
        codes[name] = rng.choice(len(share), count, p=moved / moved.sum())
    chance = (
        np.log(LIKED / (1 - LIKED)) + rng.normal(0, 0.1) + sum(liked[name][codes[name]] for name in codes)
    )
    frame = pd.DataFrame(
        {name: np.array([f"{name} {n}" for n in range(SIZES[name])])[codes[name]] for name in codes}
    )
    return frame.assign(bought=rng.random(count) < 1 / (1 + np.exp(-chance)))


def _segment(frame: pd.DataFrame, rng: np.random.Generator) -> Slice:
    names = sorted(rng.choice(list(SIZES), int(rng.integers(1, 3)), replace=False))
    shares = frame.groupby(names).size() / len(frame)
    fit = shares[(shares >= SMALLEST) & (shares <= LARGEST)]
    if fit.empty:
        return _segment(frame, rng)
    value = fit.index[int(rng.integers(len(fit)))]
    return tuple(zip(names, value if isinstance(value, tuple) else (value,), strict=True))


def _struck(frame: pd.DataFrame, way: str, where: Slice, rng: np.random.Generator) -> pd.DataFrame:
    there = np.asarray(np.logical_and.reduce([frame[name] == value for name, value in where]))
    chance = rng.random(len(frame))
    match way:
        case "left out":
            return frame[~there]
        case "thinned":
            return frame[~(there & (chance > rng.uniform(0.1, 0.4)))]
        case "repeated":
            return pd.concat([frame, *[frame[there]] * int(rng.integers(2, 12))])
        case "labels lost":
            return frame.assign(bought=frame["bought"] & ~(there & (chance < rng.uniform(0.6, 1.0))))
        case _:
            return frame.assign(bought=frame["bought"] ^ there)


def proposed(folder: Path, case: Lessons) -> Sequence[CandidateCause]:
    """The diagnosis's candidates that lie in the training data, the best first."""
    case.rows.to_parquet(folder / "lessons.parquet", coerce_timestamps="us", allow_truncated_timestamps=True)
    declared = _declared(folder)
    at = NIGHT + timedelta(minutes=20)
    finding = Finding(
        check="lessons_as_before",
        table="lessons",
        window_start=NIGHT,
        window_end=at,
        observed=0.4,
        expected=0.0,
        unit="share",
        p_value=1e-9,
        severity=Severity.SEV3,
        title="lessons: made up otherwise than the nights before",
    )
    taken = training_rows_of(Reader(declared, finding, at), NIGHT)
    made_from = lineage(declared.tables, declared.models.values())
    found = diagnose(Material(finding, lineage=made_from, training_rows=taken))
    return [one for one in found.candidates if one.kind == "training_data"]


def _declared(folder: Path) -> Recommender:
    lessons = {"time": "at", "window": "1d", "dimensions": tuple(SIZES), "label": "bought"}
    tables = {
        "offers": {"name": "offers", "path": str(folder / "offers.parquet"), "time": "at"},
        "lessons": {"name": "lessons", "path": str(folder / "lessons.parquet"), **lessons},
    }
    model = {"name": "shelf", "path": "shelf.skops", "features": ("age",), "candidates": "offers"}
    models = {"shelf": {**model, "learned_from": ("lessons",)}}
    return Recommender.model_validate(
        {"name": "shop", "folder": str(folder), "tables": tables, "models": models}
    )


def rows(table: Rows, cases: int = CASES, seed: int = 3) -> Iterator[Row]:
    """How often the struck segment comes first, and how often one is put forward when nothing is wrong."""
    right, put = Counter[str](), 0
    with TemporaryDirectory() as made:
        for number in range(cases):
            case = lessons(number, WAYS[number % len(WAYS)], seed)
            first = next(iter(proposed(Path(made), case)), None)
            right[case.way] += first is not None and set(first.place) == set(case.where)
        for number in range(HEALTHY):
            healthy = proposed(Path(made), lessons(cases + number, None, seed))
            put += any(one.place for one in healthy)
    each = ", ".join(
        f"{way} {right[way]} of {len(range(place, cases, len(WAYS)))}" for place, way in enumerate(WAYS)
    )
    work = f"faulty training segment among {SEGMENTS}, {cases} cases: put first"
    yield table.above(work, right.total() / cases, "", LEAST, each)
    yield table.below(
        f"the same, {HEALTHY} healthy trainings: a segment put forward", put / HEALTHY, "", 0.05
    )
