"""What goes wrong with the job board: fourteen faults, and three events of the world."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

import numpy as np
import pandas as pd

from benchmarks.diagnosis.case import BEFORE, Strike
from benchmarks.diagnosis.jobs.board import DAY, Board
from benchmarks.diagnosis.jobs.hold import Hold
from benchmarks.diagnosis.jobs.market import CONTRACTS, INPUTS, SECTORS, STATES, Bools, Floats, train
from benchmarks.diagnosis.jobs.market import vacancies as posted
from benchmarks.diagnosis.jobs.traffic import CHANNELS
from benchmarks.diagnosis.judge import Truth
from domain.values import slice_of

T = TypeVar("T")
Drawn = tuple[Truth, str, Hold]
Draw = Callable[[np.random.Generator, Board], Drawn]
AFTER = timedelta(hours=2)  # later findings do not count

PAGES, MODEL = CHANNELS[1:], "matcher"
MOMENTS = (9.0, 19.0)  # of the day, in hours


class JobsWorld(Board):
    """The board with what can go wrong in it."""

    def branch(self, folder: Path, name: str, seed: int) -> None:
        """Go on in a copy of its tables, to eight minutes before a moment drawn by kind and seed."""
        shutil.copytree(self.folder, folder)
        self.folder = folder
        hours = float(np.random.default_rng([seed, *name.encode()]).uniform(*MOMENTS))
        if KINDS[name].exported:
            hours = round(hours / 2) * 2
        self.live((DAY + timedelta(minutes=round(hours * 60))).astimezone(UTC) - BEFORE - self.at)

    def strike(self, name: str, seed: int) -> Strike:
        """Make something go wrong, or change the world."""
        rng = np.random.default_rng([seed, list(KINDS).index(name)])
        truth, size, self.hold = KINDS[name].draw(rng, self)
        if KINDS[name].exported:
            self.export()
        return Strike(truth, size, self.at)


@dataclass(frozen=True)
class Kind:
    """One kind of fault or event; `exported`: it comes with an export of the catalogue."""

    draw: Draw
    exported: bool = False


def _one(rng: np.random.Generator, values: tuple[T, ...]) -> T:
    return values[int(rng.integers(len(values)))]


def _cents(rng: np.random.Generator, board: Board) -> Drawn:
    sector = _one(rng, SECTORS)

    def exported(frame: pd.DataFrame) -> pd.DataFrame:
        paid = frame["salary_brl"]
        return frame.assign(salary_brl=paid.where(frame["sector"] != sector, paid * 100))

    truth = Truth("feature", ("salary_brl",), (slice_of(sector=sector),))
    return truth, "in centavos", Hold(exported=exported)


def _zero(rng: np.random.Generator, board: Board) -> Drawn:
    province = _one(rng, STATES[:5])

    def exported(frame: pd.DataFrame) -> pd.DataFrame:
        there = frame["province"] == province
        return frame.assign(employer_rating=frame["employer_rating"].mask(there, 0.0))

    truth = Truth("feature", ("employer_rating",), (slice_of(province=province),))
    return truth, "0 in place of each", Hold(exported=exported)


def _empty(rng: np.random.Generator, board: Board) -> Drawn:
    def fed(_rows: pd.DataFrame, inputs: Floats) -> Floats:
        inputs[:, INPUTS.index("applicants_7d")] = np.nan
        return inputs

    return Truth("feature", ("applicants_7d",)), "the joined counts are empty", Hold(fed=fed)


def _behind(rng: np.random.Generator, board: Board) -> Drawn:
    channel, days = _one(rng, PAGES), int(rng.integers(5, 10))
    old = board.past[-days * 12].set_index("vacancy_id")["applicants_7d"]

    def read(frame: pd.DataFrame) -> pd.DataFrame:
        return frame.assign(applicants_7d=frame["vacancy_id"].map(old).to_numpy(float))

    truth = Truth("feature", ("applicants_7d",), (slice_of(channel=channel),))
    return truth, f"a replica {days} days old", Hold(looked_up=(channel, read))


def _unlogged(rng: np.random.Generator, board: Board) -> Drawn:
    channel, share = _one(rng, PAGES), float(rng.uniform(0.5, 0.9))

    def strike(rows: pd.DataFrame) -> pd.DataFrame:
        updated = rows["seeker_id"] * 2_654_435_761 % 1_000 < share * 1_000
        return rows[~((rows["channel"] == channel) & updated)]

    truth = Truth("logging", ("offers",), (slice_of(channel=channel),))
    return truth, f"a release that {share:.0%} have", Hold(rows={"offers": strike})


def _cut(rng: np.random.Generator, board: Board) -> Drawn:
    province, share = _one(rng, STATES[:3]), float(rng.uniform(0.7, 1.0))

    def strike(rows: pd.DataFrame) -> pd.DataFrame:
        return rows[~((rows["province"] == province) & (rng.random(len(rows)) < share))]

    # There is no second copy of the applications, so lost ones and ones never logged look alike.
    truth = Truth("feed", ("applications",), (slice_of(province=province),), ("logging",))
    return truth, f"{share:.0%} of the rows", Hold(rows={"applications": strike})


def _twice(rng: np.random.Generator, board: Board) -> Drawn:
    channel = _one(rng, PAGES)

    def strike(rows: pd.DataFrame) -> pd.DataFrame:
        return pd.concat([rows, rows[rows["channel"] == channel]])

    truth = Truth("duplicate", ("saves",), (slice_of(channel=channel),))
    return truth, "each row twice", Hold(rows={"saves": strike})


def _local_time(rng: np.random.Generator, board: Board) -> Drawn:
    channel = _one(rng, PAGES)

    def strike(rows: pd.DataFrame) -> pd.DataFrame:
        early = np.where(rows["channel"] == channel, 3, 0)
        return rows.assign(applied_at=rows["applied_at"] - pd.to_timedelta(early, unit="h"))

    truth = Truth("time_shift", ("applications", "applied_at"), (slice_of(channel=channel),))
    return truth, "local time as UTC", Hold(rows={"applications": strike})


def _renamed(rng: np.random.Generator, board: Board) -> Drawn:
    old, new = _one(rng, (("clt", "efetivo"), ("pj", "pessoa_juridica"), ("temporary", "temporario")))

    def exported(frame: pd.DataFrame) -> pd.DataFrame:
        return frame.assign(contract=frame["contract"].replace(old, new))

    places = (slice_of(contract=old), slice_of(contract=new))
    truth = Truth("renaming", ("contract", "vacancies", "exports", old, new), places)
    return truth, f"{old} is {new}", Hold(exported=exported)


def _rule(rng: np.random.Generator, board: Board) -> Drawn:
    contract, home = _one(rng, CONTRACTS[:3]), _one(rng, STATES[:4])

    def kept(rows: pd.DataFrame) -> Bools:
        return np.asarray(~((rows["contract"] == contract) & (rows["home"] == home)))

    truth = Truth("filter", (), (slice_of(contract=contract, home=home),))
    return truth, "none of them is shown there", Hold(kept=kept)


def _boost(rng: np.random.Generator, board: Board) -> Drawn:
    sector, times = _one(rng, SECTORS), float(rng.uniform(1.6, 2.5))
    truth = Truth("serving", (MODEL, "score"), (slice_of(sector=sector),))
    return truth, f"× {times:.1f}", Hold(score=lambda rows: np.where(rows["sector"] == sector, times, 1.0))


def _rolled_back(rng: np.random.Generator, board: Board) -> Drawn:
    version = f"gb06{int(rng.integers(10, 29))}"
    board.serve(board.older.model, version)
    return Truth("model", (version, MODEL)), "of before two inputs were of use", Hold()


def _misrouted(rng: np.random.Generator, board: Board) -> Drawn:
    channel, version = _one(rng, PAGES), f"gb06{int(rng.integers(10, 29))}"
    board.store(board.older.model, version)
    truth = Truth("model", (version, MODEL), (slice_of(channel=channel),))
    return truth, f"{version} serves there", Hold(served=(board.older.model, version, channel))


def _blind(rng: np.random.Generator, board: Board) -> Drawn:
    contract, share = _one(rng, CONTRACTS[:3]), float(rng.uniform(0.7, 1.0))
    version = f"gb{DAY:%m%d}b"
    board.learn(train(rng, board.people, board.open, board.at, lost=(contract, share)), version)
    truth = Truth("training_data", ("training_sets", "applied"), (slice_of(contract=contract),))
    return truth, f"{share:.0%} of the applications were no applications to it", Hold()


def _football(rng: np.random.Generator, board: Board) -> Drawn:
    return Truth("world"), "45% fewer lists on the page", Hold(traffic=dict.fromkeys(PAGES, 0.55))


def _campaign(rng: np.random.Generator, board: Board) -> Drawn:
    home = _one(rng, STATES[1:6])
    return Truth("world"), f"seekers of {home} come twice as often", Hold(homes={home: 2.0})


def _employer(rng: np.random.Generator, board: Board) -> Drawn:
    sector, province = _one(rng, SECTORS), _one(rng, STATES[:3])
    fresh = posted(rng, 60, 90_001, board.at, 0.2)
    board.post(
        fresh.assign(
            sector=sector, province=province, employer_id=181, employer_rating=4.2, applicants_7d=0.0
        )
    )
    return Truth("world"), f"60 new vacancies, {sector} in {province}", Hold()


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "salary_in_centavos": Kind(_cents, exported=True),
        "rating_zero": Kind(_zero, exported=True),
        "counts_empty": Kind(_empty),
        "replica_behind": Kind(_behind),
        "offers_unlogged": Kind(_unlogged),
        "applications_cut": Kind(_cut),
        "saves_twice": Kind(_twice),
        "applications_in_local_time": Kind(_local_time),
        "contract_renamed": Kind(_renamed, exported=True),
        "rule_too_wide": Kind(_rule),
        "sector_boosted": Kind(_boost),
        "rolled_back": Kind(_rolled_back),
        "bucket_misrouted": Kind(_misrouted),
        "trained_blind": Kind(_blind),
        "football": Kind(_football),
        "campaign": Kind(_campaign),
        "employer_posts": Kind(_employer, exported=True),
    }
)
INNOCENT = ("football", "campaign", "employer_posts")
