"""What a look is compared with: the finding as it was, the earlier looks, and how many windows passed."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import Engine

from domain.incident import commands as c
from domain.recommender.recommender import Recommender
from domain.recommender.table import Table
from domain.values import Finding, Option
from tests.workers.conftest import NOON, make_finding, make_option
from tests.workers.respond.resolve.test_watched import (
    FOUND,
    GOOD,
    MINUTE,
    NOTHING_CAME,
    SHARP,
    UNSURE,
    WATCHED,
    Begin,
    Watched,
    measured,
    remember,
)
from workers.respond.resolve.watch import guard

STAGES = make_option(watch=WATCHED, stages=(0.5, 1.0))
SECOND = timedelta(seconds=1)


@pytest.fixture
def begin(log: Engine, monkeypatch: pytest.MonkeyPatch) -> Begin:
    table = Table(name="impressions", path="none.parquet", time="at", window=MINUTE)
    recommender = Recommender(name="cinema", tables={"impressions": table})

    def watched(finding: Finding | None = FOUND, option: Option | None = None) -> Watched:
        return Watched(log, recommender, monkeypatch, finding, option)

    return watched


def repaired(watched: Watched, minutes: float) -> float:
    """The share of the gap that a look sees closed where 60 of 100 are observed."""
    look = watched.said(minutes, measured(60.0))
    assert isinstance(look, c.RecordWatch)
    return look.repaired_share


def found_in(start: float, end: float) -> Finding:
    """The finding once more, worse than at first, in a window of these minutes after noon."""
    window = {"window_start": NOON + start * MINUTE, "window_end": NOON + end * MINUTE}
    return FOUND.model_copy(update={"observed": 20.0, **window})


def test_what_was_found_before_a_hotfix_and_reported_late_is_what_the_next_one_is_held_against(
    begin: Begin,
) -> None:
    watched = begin(make_finding(minutes=-5, observed=50.0))
    watched.repeated(found_in(-1, 0), 1)
    watched.revert(2)
    watched.deploy(6)
    assert repaired(watched, 7) == pytest.approx(0.5)  # of the 80 that were lacking, and not of 50


def test_what_was_found_from_the_moment_on_in_which_a_hotfix_ended_is_as_it_was_without_it(
    begin: Begin,
) -> None:
    watched = begin()
    watched.revert(2)
    watched.repeated(found_in(2, 3), 4)
    watched.deploy(6)
    assert repaired(watched, 7) == pytest.approx(0.5)


def test_a_second_fix_of_what_no_check_raised_is_left_to_people_as_well(begin: Begin) -> None:
    watched = begin(None)
    watched.revert(2)
    watched.deploy(6)
    assert watched.look(7, GOOD) == "HotfixRefuted"


def test_after_the_verdict_there_is_nothing_to_look_at_where_no_check_raised_it(begin: Begin) -> None:
    watched = begin(None)
    assert remember(watched, 2, GOOD) == "HotfixRefuted"
    assert watched.answered(3, GOOD, room=guard) == ()


def test_after_the_verdict_a_whole_window_is_waited_for_however_short_the_watch_was(begin: Begin) -> None:
    watched = begin(FOUND.model_copy(update={"window_start": NOON - 60 * MINUTE}))
    assert remember(watched, 5, GOOD) == "HotfixVerified"
    said = [watched.guarded(minutes, GOOD) for minutes in (30, 59.9, 60)]
    assert said == ["nothing", "nothing", "HotfixWatched"]


def test_looks_at_an_earlier_stage_prove_nothing_of_the_last_and_those_at_it_do(begin: Begin) -> None:
    watched = begin(FOUND, STAGES)
    assert remember(watched, 4, UNSURE) == "HotfixWatched"
    watched.widen(0.5, 1.0, 6)
    assert remember(watched, 7, UNSURE) == "HotfixWatched"
    assert watched.look(8, UNSURE) == "HotfixVerified"


def test_rows_are_waited_for_in_each_stage_anew(begin: Begin) -> None:
    watched = begin(FOUND, STAGES)
    watched.saw(0.1, window_end=4)
    watched.widen(0.5, 1.0, 6)
    assert [watched.look(minutes, NOTHING_CAME) for minutes in (7.9, 8)] == ["nothing", "RecordHarm"]


@pytest.mark.parametrize(("observed", "said"), [(27.0, "RecordHarm"), (28.0, "HotfixWatched")])
def test_looks_that_end_in_one_window_share_what_that_window_may_err(
    begin: Begin, observed: float, said: str
) -> None:
    # In the third window each of four looks may err once in 5,900; of nine windows with a look each, the
    # last might once in 13,000.
    watched = begin(SHARP)
    worse = measured(observed, low=90.0, high=110.0)
    assert remember(watched, 1, worse) == "HotfixWatched"
    assert watched.look(2, worse) == said


@pytest.mark.parametrize(("observed", "said"), [(28.0, "RecordHarm"), (30.0, "HotfixWatched")])
def test_of_windows_shorter_than_the_pause_between_looks_only_those_looked_at_count(
    begin: Begin, observed: float, said: str
) -> None:
    # The third look may err once in 1,500; the seventh window might once in 8,100.
    watched = begin(SHARP.model_copy(update={"window_start": SHARP.window_end - 5 * SECOND}))
    worse = measured(observed, low=90.0, high=110.0)
    assert remember(watched, 0.25, worse) == "HotfixWatched"
    assert watched.look(0.5, worse) == said
