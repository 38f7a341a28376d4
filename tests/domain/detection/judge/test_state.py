"""What a check remembers of its findings, and what it does not learn from."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from domain.detection.judge.state import ACCEPT_AFTER, CheckState, ExcludedWindow, TrackedFinding, confirm
from domain.values import Finding, Severity, slice_of

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
FRANCE = slice_of(country="France")


def seen(**more: object) -> CheckState:
    return CheckState(
        seen={"rows": TrackedFinding(slice=FRANCE, since=NOW - HOUR, reported=True).model_copy(update=more)}
    )


def test_what_stands_is_learned_from_only_where_the_check_could_not_look() -> None:
    assert seen().wrong(NOW) == (ExcludedWindow(slice=FRANCE, since=NOW - HOUR, until=NOW),)
    assert seen(blind=True).wrong(NOW) == ()


def test_what_is_over_is_learned_from_only_where_the_check_could_not_look() -> None:
    over = confirm(seen(), [], HOUR.total_seconds(), NOW)
    assert over.cleared == ("rows",)
    assert over.state.excluded == (ExcludedWindow(slice=FRANCE, since=NOW - HOUR, until=NOW),)
    looked = confirm(seen(blind=True), [], HOUR.total_seconds(), NOW)
    assert (looked.cleared, looked.state.excluded) == (("rows",), ())


def test_what_is_found_again_is_not_over() -> None:
    again = Finding(
        check="c", table="views", slice=FRANCE, window_start=NOW - HOUR, window_end=NOW, observed=10.0,
        expected=90.0, p_value=1e-9, severity=Severity.SEV2, title="fewer rows",
    )  # fmt: skip
    before = seen().seen["rows"]
    verdict = confirm(CheckState(seen={again.fingerprint: before}), [again], HOUR.total_seconds(), NOW)
    assert (verdict.cleared, verdict.state.excluded) == ((), ())
    assert verdict.state.seen[again.fingerprint].looks == before.looks + 1


def test_what_was_never_reported_is_over_without_a_word_and_learned_from() -> None:
    over = confirm(seen(reported=False), [], HOUR.total_seconds(), NOW)
    assert (over.cleared, over.state.seen, over.state.excluded) == ((), {}, ())


def test_of_short_windows_a_finding_is_over_at_the_second_look_without_it() -> None:
    first = confirm(seen(), [], MINUTE.total_seconds(), NOW)
    assert (first.cleared, first.state.seen["rows"].missing) == ((), 1)
    assert confirm(first.state, [], MINUTE.total_seconds(), NOW).cleared == ("rows",)


@pytest.mark.parametrize(("lasted", "count"), [(ACCEPT_AFTER - HOUR, 1), (ACCEPT_AFTER, 0)])
def test_what_has_lasted_so_long_is_usual_now(lasted: timedelta, count: int) -> None:
    assert len(seen(since=NOW - lasted).wrong(NOW)) == count
