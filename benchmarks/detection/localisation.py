"""
Which slices a change is traced to: one hundred cubes with a known truth, and cubes of counts made here.

The hundred (LOCALISATION_DATA, a tar.gz) hold amounts in four dimensions with up to three faults each, of up
to four dimensions. Another hundred of the same kind are made here as the literature describes them
(`amounts`); nothing was developed on the seeds that are scored. The counts have three dimensions; those
before and those now are both random.
"""

from __future__ import annotations

import os
import tarfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from statistics import median
from typing import IO

import numpy as np
import pandas as pd

from benchmarks.table import Row, Rows
from domain.diagnosis.localise import localise
from domain.values import Slice

BESIDE = Path(__file__).parents[3] / "shared/data/slice_localization/small100.tar.gz"
INFO = "injection_info.csv"
MOST_SLICES = 16
LEAST_F1, MOST_SECONDS = 0.95, 0.1
CUBES, DRAWS = 100, 200
COUNTRIES, DEVICES, GENRES = 15, 4, 12
COUNTED = {
    "country": [f"country {n}" for n in range(COUNTRIES)],
    "device": [f"device {n}" for n in range(DEVICES)],
    "genre": [f"genre {n}" for n in range(GENRES)],
}
SIZES = (10, 12, 10, 2)  # values of the dimensions of a cube of amounts
FAULTS, LAYERS = (1, 3), (1, 3)  # faults of a cube of amounts, dimensions of each
SEVERITY, DEVIATION, NOISE = (0.2, 1.0), (0.0, 0.1), (0.0, 0.2)
AMOUNT_SEEDS = range(40_000, 40_100)
TOTAL = (4.0, 5.5)  # powers of ten: rows of a cube
KEPT = (0.2, 0.6)  # of the rows of a faulty slice
NOTICEABLE = 6.0  # standard deviations by which each fault is off at least, were its slice looked at alone
SCATTER = 0.05  # of each cell beyond counting


@dataclass(frozen=True)
class Case:
    """A cube (columns: its dimensions, `observed`, `expected`) and the slices that were tampered with."""

    cells: pd.DataFrame
    dimensions: tuple[str, ...]
    truth: frozenset[Slice]


@dataclass(frozen=True)
class Score:
    """Slices named rightly, wrongly and not at all, in total; cases without a mistake; seconds a case."""

    right: int
    wrong: int
    missed: int
    exact: int
    seconds: list[float]

    @property
    def f1(self) -> float:
        """Over the slices, 0–1."""
        return 2 * self.right / max(2 * self.right + self.wrong + self.missed, 1)


def scored(cases: Iterable[Case]) -> Score:
    """Scores one answer per case, slices of any number of its dimensions: every slice named counts."""
    right = wrong = missed = exact = 0
    seconds = []
    for case in cases:
        begun = time.process_time()
        found = localise(case.cells, case.dimensions, len(case.dimensions), most=MOST_SLICES, least_share=0.0)
        seconds.append(time.process_time() - begun)
        named = {one.slice for one in found}
        right += len(named & case.truth)
        wrong += len(named - case.truth)
        missed += len(case.truth - named)
        exact += named == case.truth
    return Score(right, wrong, missed, exact, seconds)


def stored(archive: Path) -> Iterator[Case]:
    """The cases of the archive, read in place."""
    with tarfile.open(archive) as packed:
        members = {Path(member.name).name: member for member in packed.getmembers() if member.isfile()}
        info = pd.read_csv(_opened(packed, members[INFO]), dtype={"timestamp": str})
        for name, truth in zip(info["timestamp"], info["set"], strict=True):
            cells = pd.read_csv(_opened(packed, members[f"{name}.csv"]))
            cells = cells.rename(columns={"real": "observed", "predict": "expected"})
            dimensions = tuple(str(column) for column in cells if column not in ("observed", "expected"))
            yield Case(cells, dimensions, frozenset(_slice(one) for one in truth.split(";")))


def _opened(packed: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    opened = packed.extractfile(member)
    if opened is None:
        raise ValueError(f"{member.name} is no file")
    return opened


def _slice(text: str) -> Slice:
    pairs = (pair.partition("=") for pair in text.split("&"))
    return tuple(sorted((name, value) for name, _, value in pairs))


def amounts(seed: int) -> Case:
    """
    A cube of amounts in which up to three slices, of any dimensions, lost some or all of their amounts.

    Each fault has its own severity, from which its cells deviate; what is expected of a cell is off by noise.

    Source:
        The recipe of Kalander (2022), "RiskLoc", arXiv:2205.10004, section 5.1, which goes back to Li et al.
        (2019), "Generic and robust localization of multi-dimensional root causes", IEEE ISSRE.
    """
    chance = np.random.default_rng(seed)
    names = [f"d{n}" for n in range(len(SIZES))]
    values = {name: [f"{name}v{n}" for n in range(size)] for name, size in zip(names, SIZES, strict=True)}
    cells = pd.DataFrame(list(product(*values.values())), columns=names)
    real = chance.weibull(chance.uniform(0.5, 1.0), len(cells)) * 100
    expected = real * np.maximum(1 + chance.normal(0, chance.uniform(*NOISE), len(cells)), 0)
    truth: set[Slice] = set()
    left = np.ones(len(cells))
    for _fault in range(int(chance.integers(FAULTS[0], FAULTS[1] + 1))):
        ways = int(chance.integers(LAYERS[0], LAYERS[1] + 1))
        chosen = sorted(str(name) for name in chance.choice(names, ways, replace=False))
        where: Slice = tuple((name, str(chance.choice(values[name]))) for name in chosen)
        if any(set(where) <= set(one) or set(one) <= set(where) for one in truth):
            continue
        inside = np.logical_and.reduce([cells[name] == value for name, value in where])
        severity = chance.normal(chance.uniform(*SEVERITY), chance.uniform(*DEVIATION), int(inside.sum()))
        left[inside] = np.minimum(left[inside], np.clip(1 - severity, 0, 1))
        truth.add(where)
    return Case(cells.assign(observed=real * left, expected=expected), tuple(names), frozenset(truth))


def counted(seed: int) -> Case:
    """Up to three slices of the same dimensions lose most of their rows; unequal cells, all random."""
    chance = np.random.default_rng(seed)
    cells = pd.DataFrame(list(product(*COUNTED.values())), columns=list(COUNTED))
    weight = chance.lognormal(0, 0.5, len(cells))
    for name, values in COUNTED.items():
        weight *= cells[name].map(dict(zip(values, chance.dirichlet(np.full(len(values), 1.5)), strict=True)))
    mean = weight / weight.sum() * 10 ** chance.uniform(*TOTAL)
    kept = float(chance.uniform(*KEPT))
    truth = _faults(chance, cells, mean, kept)
    hit = np.zeros(len(cells), dtype=bool)
    for where in truth:
        hit |= np.logical_and.reduce([cells[name] == value for name, value in where])
    left = np.where(hit, kept, 1.0)
    loose = chance.gamma(1 / SCATTER**2, SCATTER**2, (2, len(cells)))
    before, now = chance.poisson(mean * loose[0]), chance.poisson(mean * left * loose[1])
    made = cells.assign(observed=now.astype(float), expected=before.astype(float))
    return Case(made, tuple(COUNTED), truth)


def _faults(
    chance: np.random.Generator, cells: pd.DataFrame, mean: np.ndarray, kept: float
) -> frozenset[Slice]:
    """One to three faults that would be noticed if looked at alone; fewer where no more are drawn in time."""
    wanted, ways = int(chance.integers(1, 4)), int(chance.integers(1, 4))
    truth: set[Slice] = set()
    for draw in range(DRAWS):
        if not draw or not truth:
            names = sorted(str(name) for name in chance.choice(list(COUNTED), ways, replace=False))
        where: Slice = tuple((name, str(chance.choice(COUNTED[name]))) for name in names)
        inside = np.logical_and.reduce([cells[name] == value for name, value in where])
        rows = float(mean[inside].sum())
        if rows * (1 - kept) >= NOTICEABLE * np.sqrt(2 * rows + 1):
            truth.add(where)
        if len(truth) == wanted:
            break
    return frozenset(truth)


def rows(table: Rows) -> Iterator[Row]:
    """F1 of the named slices, cases without a mistake, and time."""
    archive = Path(os.environ.get("LOCALISATION_DATA", BESIDE)).resolve()
    if archive.is_file():
        yield from _score_rows(table, scored(stored(archive)), f"{archive.name.partition('.')[0]}", LEAST_F1)
    else:
        yield table.not_run("localisation, the hundred cubes", "LOCALISATION_DATA names no archive of them")
    yield from _score_rows(table, scored(map(amounts, AMOUNT_SEEDS)), "cubes of amounts made here", None)
    yield from _score_rows(table, scored(map(counted, range(CUBES))), "counts by chance", None)


def _score_rows(table: Rows, score: Score, what: str, least: float | None) -> Iterator[Row]:
    cases = len(score.seconds)
    work = f"localisation, {what}: F1 of the slices named, {cases} cases"
    beside = (
        f"precision {score.right / max(score.right + score.wrong, 1):.3f}, "
        f"recall {score.right / max(score.right + score.missed, 1):.3f}, {score.exact} cases without mistake"
    )
    if least is None:
        yield table.without_goal(work, score.f1, "of 1", beside)
    else:
        yield table.above(work, score.f1, "of 1", least, beside)
    yield table.below(
        f"localisation, {what}: processor time a case, median",
        median(score.seconds),
        "s",
        MOST_SECONDS,
        f"worst {max(score.seconds):.2f} s",
    )
