"""A recommender that falls back on its most popular items is found, in the slice where it does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from domain.detection.data.window import WINDOW, Grid
from domain.detection.judge.state import CheckState, Verdict
from domain.detection.kinds.exposure.concentration import (
    MEETINGS,
    PART,
    SHOWN,
    VALUE,
    concentration,
    judge,
    metric_of,
)
from domain.errors import SourceError
from domain.recommender.check import Check
from domain.recommender.recommender import Recommender
from domain.values import Finding
from workers.checks.backtest import backtest
from workers.checks.measure import measure

from ..looks import look_at
from ..traffic import HOUR, grid

CHECK = Check(name="concentration", kind="concentration", table="impressions", options={"item": "film"})
ITEMS, POPULAR = 400, 8
DEVICES = {"mobile": 0.5, "tv": 0.3, "web": 0.2}
DAYS = 14
SOUND: dict[str, float] = {}


def shares(collapse: float) -> np.ndarray:
    """(ITEMS,) how often each item is shown: by rank, and `collapse` of it the most popular ones instead."""
    usual = 1 / np.arange(1, ITEMS + 1) ** 0.8
    usual /= usual.sum()
    few = np.where(np.arange(ITEMS) < POPULAR, usual, 0.0)
    return np.asarray((1 - collapse) * usual + collapse * few / few.sum())


def traffic(hour: int) -> int:
    """Impressions of an hour: a quiet night is a fifth of the evening."""
    return int(1_500 * (1 + 0.66 * np.sin(2 * np.pi * (hour % 24 - 14) / 24)))


def drawn(hour: int, chance: np.random.Generator, collapse: dict[str, float]) -> Iterator[tuple[str, Any]]:
    """Of each device, how often each item was shown in an hour."""
    for device, part in DEVICES.items():
        yield device, chance.multinomial(int(traffic(hour) * part), shares(collapse.get(device, 0.0)))


def frame(
    over: Grid, seed: int = 0, fault: range = range(0), collapse: dict[str, float] = SOUND
) -> pd.DataFrame:
    """What the engine would answer, with `collapse` of what a device is shown in the hours of `fault`."""
    chance, rows = np.random.default_rng(seed), []
    for hour in range(over.count):
        shown = dict(drawn(hour, chance, collapse if hour in fault else SOUND))
        for part, of in ((0, {"": sum(shown.values())}), (1, shown)):
            rows += [(hour, part, name, n.sum(), float((n * (n - 1)).sum())) for name, n in of.items()]
    return pd.DataFrame(rows, columns=[WINDOW, PART, VALUE, SHOWN, MEETINGS])


def looked(seen: pd.DataFrame, over: Grid, last: int, state: CheckState | None = None) -> Verdict:
    """The look at window `last`, with all that was before it."""
    cut = Grid(over.start, over.width, last + 1, over.offsets, over.zone)
    look = replace(look_at(CHECK, cut), dimensions=("device",))
    now = seen[seen[WINDOW] <= last]
    return judge(look, now, state or CheckState())


def walked(seen: pd.DataFrame, over: Grid, first: int, every: int = 1) -> list[tuple[int, Finding]]:
    """Look after look from window `first` on, one in `every` windows, each remembering those before."""
    state, findings = CheckState(), list[tuple[int, Finding]]()
    for last in range(first, over.count, every):
        verdict = looked(seen, over, last, state)
        state = verdict.state
        findings += [(last, finding) for finding in verdict.findings]
    return findings


def test_how_often_two_meet_does_not_depend_on_how_many_there_are() -> None:
    chance = np.random.default_rng(0)
    for rows in (200, 20_000):
        counts = chance.multinomial(rows, np.full(50, 1 / 50))
        index = concentration(np.array([counts.sum()]), np.array([(counts * (counts - 1)).sum()]))
        assert index[0] == pytest.approx(1 / 50, rel=0.15)


def test_of_few_impressions_nothing_is_said() -> None:
    assert np.isnan(concentration(np.array([12.0, 49.0]), np.array([40.0, 4.0]))).all()


@pytest.mark.parametrize("device", DEVICES)
def test_a_collapse_onto_the_most_popular_items_in_one_slice_is_reported_there_in_its_first_hour(
    device: str,
) -> None:
    over = grid(HOUR, DAYS * 24 + 4)
    onset = DAYS * 24
    seen = frame(over, fault=range(onset, over.count), collapse={device: 0.5})
    findings = walked(seen, over, onset - 12)
    assert findings[0][0] == onset
    assert {finding.slice for _at, finding in findings} == {(("device", device),)}
    first = findings[0][1]
    assert first.observed > 2 * first.expected
    assert "how often two impressions show the same item" in first.title
    assert "higher" in first.title


def test_everywhere_at_once_it_is_the_table() -> None:
    over = grid(HOUR, DAYS * 24 + 2)
    seen = frame(over, fault=range(DAYS * 24, over.count), collapse=dict.fromkeys(DEVICES, 0.5))
    assert {finding.slice for _at, finding in walked(seen, over, DAYS * 24)} == {()}


@pytest.mark.parametrize("seed", range(3))
def test_a_week_in_which_only_the_traffic_breathes_says_nothing(seed: int) -> None:
    """Three weeks, each looked at in another third of its hours: as many looks as a week has, no alarm."""
    over = grid(HOUR, (DAYS + 7) * 24)
    findings = walked(frame(over, seed), over, DAYS * 24 + seed, every=3)
    assert findings == []


def test_half_the_traffic_is_no_more_concentrated() -> None:
    over = grid(HOUR, DAYS * 24 + 1)
    seen = frame(over)
    last = seen[WINDOW] == DAYS * 24
    chance = np.random.default_rng(5)
    halved = frame(over, seed=9)
    shown = {device: chance.binomial(n, 0.5) for device, n in drawn(DAYS * 24, chance, {})}
    for part, of in ((0, {"": sum(shown.values())}), (1, shown)):
        for name, n in of.items():
            row = last & (halved[PART] == part) & (halved[VALUE] == name)
            halved.loc[row, [SHOWN, MEETINGS]] = [n.sum(), float((n * (n - 1)).sum())]
    assert looked(halved, over, DAYS * 24).findings == ()


def test_more_slices_than_people_can_name_are_refused() -> None:
    many = pd.DataFrame(
        {WINDOW: 0, PART: 1, VALUE: [str(n) for n in range(201)], SHOWN: 50.0, MEETINGS: 90.0}
    )
    with pytest.raises(SourceError, match="201 slices, more than 200"):
        metric_of(many, grid(HOUR, 1), ("city",))


def test_from_a_table_to_its_incident_and_measured_again_once_it_is_fixed(tmp_path: Path) -> None:
    start = datetime(2026, 3, 2, tzinfo=UTC)
    chance, rows, onset = np.random.default_rng(1), [], 5 * 24
    for hour in range(onset + 4):
        collapse = {"tv": 0.7} if hour in (onset, onset + 1) else {}
        for device, counts in drawn(hour, chance, collapse):
            items = np.repeat(np.arange(ITEMS), counts)
            at = start + hour * HOUR
            moments = pd.Timestamp(at) + pd.to_timedelta(chance.uniform(0, 3_600, len(items)), unit="s")
            rows.append(pd.DataFrame({"at": moments.floor("us"), "film": items, "device": device}))
    pd.concat(rows).to_parquet(tmp_path / "impressions.parquet", index=False)
    table = {"name": "impressions", "path": str(tmp_path / "impressions.parquet"), "time": "at"}
    recommender = Recommender.model_validate(
        {
            "name": "shop",
            "tables": {"impressions": {**table, "window": "1h", "dimensions": ("device",)}},
            "checks": {"concentration": CHECK},
        }
    )
    begin = start + onset * HOUR
    result = backtest(recommender, begin - 3 * HOUR, begin + 2 * HOUR)
    assert result.faults == ()
    assert {one.slice for one in result.findings} == {(("device", "tv"),)}
    (first, *_more) = result.findings
    still = measure(recommender, first, begin, begin + HOUR)
    fixed = measure(recommender, first, begin + 2 * HOUR, begin + 4 * HOUR)
    assert (still.within, fixed.within) == (False, True)
    assert fixed.repaired(first) == pytest.approx(1.0, abs=0.1)
