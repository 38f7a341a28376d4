"""New members who are shown, or choose, other things than those who joined before them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from domain.detection.kinds.exposure.cold_start import KIND, Keys, _standardised, columns
from domain.errors import SourceError
from domain.recommender.recommender import Recommender
from domain.values import Finding, slice_of
from workers.checks.measure import measure
from workers.checks.run import State, run_checks
from workers.declaration.declare import load

START, DAYS, LAST = datetime(2026, 3, 2, tzinfo=UTC), 22, 21
END = START + timedelta(days=DAYS)
ITEMS, SHOWN = 120, 8
DEVICES = ("mobile", "tv", "web")
DECLARED = """
[recommender]
name = "reader"

[tables.shown]
path = "shown.parquet"
time = "at"
window = "1d"
member = "reader"
dimensions = ["device"]

[checks.cold]
kind = "cold_start"
table = "shown"
item = "article"
session = "visit"
chosen = "read"
"""


@cache
def visits(joiners: int = 90, seed: int = 3) -> pd.DataFrame:
    """
    Readers of a magazine: some join each day and come back on two days more; the longer somebody reads,
    the more is read. Whoever is new is shown what is popular, half of the time.
    """
    chance = np.random.default_rng(seed)
    rows = []
    for joined in range(-7, DAYS):
        for reader in range(joiners):
            begins = max(joined, 0)
            for age, day in enumerate(range(begins, min(begins + 3, DAYS))):
                rows.append((f"r{joined}-{reader}", joined, age, day, reader % 3, chance.random()))
    frame = pd.DataFrame(rows, columns=["reader", "joined_day", "age", "day", "which", "clock"])
    frame["visit"] = np.arange(len(frame))
    shown = frame.loc[frame.index.repeat(SHOWN)].reset_index(drop=True)
    shown["device"] = np.array(DEVICES)[shown["which"]]
    shown["at"] = pd.Timestamp(START) + pd.to_timedelta(shown["day"] + shown["clock"] * 0.99, unit="D")
    shown["joined_at"] = pd.Timestamp(START) + pd.to_timedelta(shown["joined_day"], unit="D")
    popular = chance.random(len(shown)) < 0.5
    number = np.where(popular, chance.integers(0, 10, len(shown)), chance.integers(0, ITEMS, len(shown)))
    shown["article"] = number
    shown["read"] = chance.random(len(shown)) < 0.2 + 0.1 * shown["age"]
    return shown


def faulty(kind: str) -> pd.DataFrame:
    """On the last day, those who join that day: nothing fits them on television, or all get the same."""
    frame, chance = visits().copy(), np.random.default_rng(8)
    new = (frame["joined_day"] == LAST) & (frame["day"] == LAST)
    if kind == "chosen":
        gone = new & (frame["device"] == "tv") & (chance.random(len(frame)) < 0.9)
        frame["read"] = frame["read"] & ~gone
    if kind == "popular":
        frame.loc[new, "article"] = chance.integers(0, 10, int(new.sum()))
    if kind == "many more join":
        more = frame[new]
        twice = [
            more.assign(reader=more["reader"] + f"x{n}", visit=more["visit"] + 10**6 * n) for n in (1, 2)
        ]
        frame = pd.concat([frame, *twice])
    return frame


def declared(folder: Path, frame: pd.DataFrame, **keys: str) -> Recommender:
    frame.drop(columns=["joined_day", "age", "day", "which", "clock"]).to_parquet(folder / "shown.parquet")
    more = "\n".join(f"{name} = {value}" for name, value in keys.items())
    (folder / "recsysops.toml").write_text(DECLARED + more)
    return load(folder)


def found(folder: Path, frame: pd.DataFrame, keys: dict[str, str], looks: int = 1) -> list[Finding]:
    """What the last looks say, one after the other."""
    recommender, state, findings = declared(folder, frame, **keys), State(), list[Finding]()
    for back in range(looks)[::-1]:
        now = run_checks(recommender, END - timedelta(days=back), state)
        assert now.unjudged == frozenset()
        state, findings = now.state, [*findings, *now.findings]
    return findings


@pytest.mark.parametrize("more", [{}, {"joined": '"joined_at"'}])
def test_cohorts_alike_are_no_incident(tmp_path: Path, more: dict[str, str]) -> None:
    assert found(tmp_path, visits(), more, looks=2) == []


@pytest.mark.parametrize("more", [{}, {"joined": '"joined_at"'}])
def test_a_cohort_that_chooses_less_is_found_in_its_slice_and_in_words(
    tmp_path: Path, more: dict[str, str]
) -> None:
    (finding,) = found(tmp_path, faulty("chosen"), {"first": "1", **more})
    assert finding.slice == slice_of(device="tv")
    assert finding.subject == "chosen"
    assert "of what new members are shown in their first session they choose" in finding.title
    assert "for those who joined before" in finding.title
    assert finding.window_end == END


def test_a_cohort_that_is_shown_nothing_but_what_is_popular_is_found_as_a_whole(tmp_path: Path) -> None:
    (finding,) = found(tmp_path, faulty("popular"), {"first": "1"})
    assert (finding.slice, finding.subject) == ((), "popular")
    assert "the most popular items are" in finding.title


def test_a_day_on_which_many_more_join_is_no_worse_cohort_though_first_visits_choose_less(
    tmp_path: Path,
) -> None:
    assert found(tmp_path, faulty("many more join"), {}) == []


def test_a_finding_is_measured_again(tmp_path: Path) -> None:
    (finding,) = found(tmp_path, faulty("chosen"), {"first": "1"})
    again = measure(load(tmp_path), finding, START + timedelta(days=LAST), END)
    assert not again.within
    declared(tmp_path, visits(), first="1")
    assert measure(load(tmp_path), finding, START + timedelta(days=LAST), END).within


def test_windows_are_held_against_each_other_at_the_same_ages() -> None:
    """Twice as many first sessions, of which half as many choose: the same cohort."""
    shown = np.array([[[100.0, 100.0]], [[100.0, 100.0]], [[400.0, 100.0]]])
    held = shown * np.array([0.1, 0.2])
    now = held.sum(axis=2)[-1, 0] / shown.sum(axis=2)[-1, 0]
    assert _standardised(shown, held)[0, 0] / 200 == pytest.approx(now, rel=0.02)


def test_without_a_member_nobody_is_new_and_that_is_said() -> None:
    with pytest.raises(SourceError, match="member = "):
        columns(Keys(item="article", session="visit", at="at"))


def test_the_tables_own_member_and_time_are_taken(tmp_path: Path) -> None:
    recommender = declared(tmp_path, visits())
    check: Any = KIND.settled(recommender, recommender.checks["cold"])
    assert (check.options["member"], check.options["at"]) == ("reader", "at")
