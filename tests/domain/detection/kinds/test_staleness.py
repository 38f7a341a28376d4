"""The age of what is serving, against a promise and against the ages at which models are usually replaced."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pytest

from domain.detection.data.trainings import Ages
from domain.detection.judge.state import CheckState, ExcludedWindow
from domain.detection.kinds.models.staleness import judge_staleness
from domain.recommender.check import Check
from domain.values import Severity

from ..traffic import DAY, END, HOUR

CHECK = Check(name="age", kind="staleness", table="training_runs")


def nightly(days: int = 20, late: float = 0.0, lag: timedelta = timedelta(0), seed: int = 1) -> Ages:
    """
    Trained every night at about three, the last one `late` hours longer ago than a day; each from data that
    ended `lag` before.
    """
    chance = np.random.default_rng(seed)
    since = END.timestamp() - 86_400 * np.arange(days, 0, -1.0) + chance.normal(0, 600, days)
    return Ages(since, since - lag.total_seconds(), days - 1, END.timestamp() + 3_600 * late, 3_600.0)


def test_a_model_that_was_not_trained_last_night_is_reported_with_its_age() -> None:
    (found,) = judge_staleness(CHECK, nightly(late=20), CheckState()).findings
    assert found.unit == "seconds"
    assert found.observed == pytest.approx(44 * 3_600, abs=1_800)
    assert found.title == "training_runs: the model that serves is 1d20h3m old, usually at most 1d11m"
    assert found.severity is Severity.SEV4
    assert found.low == 0.0 and found.high is not None and found.observed > found.high


def test_what_is_very_old_is_worse() -> None:
    severities = [
        judge_staleness(CHECK, nightly(late=24 * n), CheckState()).findings[0].severity for n in (2, 6)
    ]
    assert severities == [Severity.SEV3, Severity.SEV2]


@pytest.mark.parametrize("seed", range(40))
def test_a_night_like_any_other_raises_no_alarm(seed: int) -> None:
    for late in (-12, -1, 0, 1):
        assert judge_staleness(CHECK, nightly(late=late, seed=seed), CheckState()).findings == ()


def test_a_promise_needs_no_history() -> None:
    promised = CHECK.model_copy(update={"within": timedelta(hours=30)})
    assert judge_staleness(CHECK, nightly(days=1, late=20), CheckState()).note == "not enough history yet"
    (found,) = judge_staleness(promised, nightly(days=1, late=20), CheckState()).findings
    assert "promised at most 1d6h" in found.title
    assert judge_staleness(promised, nightly(days=1, late=2), CheckState()).findings == ()


def test_data_that_lag_are_as_old_as_they_usually_are() -> None:
    data = CHECK.with_options(as_of="data_until")
    assert judge_staleness(data, nightly(lag=timedelta(hours=30)), CheckState()).findings == ()
    fresh = nightly(lag=timedelta(hours=2))
    stuck = Ages(
        fresh.since, np.append(fresh.born[:-1], fresh.born[-4]), fresh.serving, fresh.at, fresh.width
    )
    (found,) = judge_staleness(data, stuck, CheckState()).findings
    assert found.subject == "data_until"
    assert found.observed > 3 * 86_400


def test_a_roll_back_serves_what_is_older() -> None:
    nights = nightly()
    back = Ages(nights.since, nights.born, nights.serving - 3, nights.at, nights.width)
    (found,) = judge_staleness(CHECK, back, CheckState()).findings
    assert found.observed > 3 * 86_400


def test_outages_in_the_past_do_not_make_it_patient() -> None:
    """Three nights were left out once; that the log knows of it keeps the limit where it was."""
    since = np.delete(nightly(days=20).since, [8, 9, 10, 14, 15, 16, 3, 4])
    ages = Ages(since, since, len(since) - 1, END.timestamp() + 30 * 3_600, 3_600.0)
    known = tuple(
        ExcludedWindow(slice=(), since=END - (20 - first) * DAY, until=END - (20 - last) * DAY + HOUR)
        for first, last in ((3, 5), (8, 11), (14, 17))
    )
    assert judge_staleness(CHECK, ages, CheckState()).findings == ()
    assert len(judge_staleness(CHECK, ages, CheckState(known=known)).findings) == 1


def test_it_is_over_with_the_next_training() -> None:
    first = judge_staleness(CHECK, nightly(late=20), CheckState())
    again = judge_staleness(CHECK, nightly(late=1), first.state)
    assert again.cleared == (first.findings[0].fingerprint,)


def test_nothing_trained_is_said_to_be_nothing() -> None:
    nothing = Ages(np.zeros(0), np.zeros(0), -1, END.timestamp(), 60.0)
    assert judge_staleness(CHECK, nothing, CheckState()).note == "nothing was trained yet"


def test_the_finding_begins_when_it_became_too_old() -> None:
    (found,) = judge_staleness(CHECK, nightly(late=20), CheckState()).findings
    assert isinstance(found.window_start, datetime)
    assert END < found.window_start < END + 2 * HOUR
