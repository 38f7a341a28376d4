from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest

from domain.detection.correlate.joining import joined_by, over_already, same_items
from domain.incident.state import Incident
from domain.recommender.lineage import Lineage
from domain.values import Finding, Severity, Slice, slice_of

AT = datetime(2026, 5, 4, tzinfo=UTC)
DAY = timedelta(days=1)


def found(where: Slice, day: int, check: str = "genres", times: float = 2.0) -> Finding:
    return Finding(
        check=check,
        table="plays",
        slice=where,
        window_start=AT + (day - 1) * DAY,
        window_end=AT + day * DAY,
        observed=100 * times,
        expected=100,
        p_value=1e-6,
        severity=Severity.SEV3,
        title=f"{where}",
    )


def opened(finding: Finding, **more: object) -> Incident:
    known = Incident(
        stream="s",
        number=1,
        title=finding.title,
        kind="detected",
        severity=finding.severity,
        fingerprint=finding.fingerprint,
        first_finding=finding,
        finding=finding,
        opened_at=finding.window_end,
        opened_by="worker:detect",
        version=1,
        last_event_id="1",
        last_at=finding.window_end,
    )
    return known.model_copy(update=more)


def joins(finding: Finding, incident: Incident, items: Mapping[str, Mapping[str, float]]) -> str | None:
    shared = joined_by(
        finding,
        [incident],
        [incident],
        Lineage(),
        None,
        lambda _one: False,
        lambda one: items.get(one.title, {}),
    )
    return shared[1] if shared else None


ACTION, COMEDY = found(slice_of(genre="Action"), 1), found(slice_of(genre="Comedy"), 3)


@pytest.mark.parametrize(
    ("own", "day", "times", "shares"),
    [
        ({"film": 0.8}, 3, 2.0, "items"),
        ({"film": 0.3, "second": 0.6}, 3, 2.0, None),
        ({"film": 0.8}, 12, 2.0, None),
        ({"film": 0.8}, 3, 0.5, None),
        ({}, 3, 2.0, None),
    ],
)
def test_more_of_the_same_items_within_a_week_is_the_same_incident(
    own: dict[str, float], day: int, times: float, shares: str | None
) -> None:
    finding = found(slice_of(genre="Comedy"), day, times=times)
    assert joins(finding, opened(ACTION), {ACTION.title: {"film": 0.7}, finding.title: own}) == shares


def test_items_are_asked_for_only_where_nothing_else_joins() -> None:
    def never(_one: Finding) -> dict[str, float]:
        raise AssertionError

    wider = found(slice_of(genre="Action"), 1, check="other")
    assert joined_by(wider, [opened(ACTION)], [], Lineage(), None, lambda _one: False, never) is not None


def test_what_joined_stays_with_the_incident_while_it_goes_on() -> None:
    later = COMEDY.model_copy(update={"window_start": AT + 4 * DAY, "window_end": AT + 5 * DAY})
    known = opened(ACTION, also=(COMEDY,))
    since = COMEDY.window_start
    shared = joined_by(later, [known], [], Lineage(), since, lambda _one: False, lambda _one: {})
    assert shared is not None
    assert joins(later, known, {}) is None


@pytest.mark.parametrize("how", ["hotfix", "elsewhere", "by_itself"])
def test_what_goes_on_in_a_window_that_began_after_the_fix_is_reported_by_itself(how: str) -> None:
    resolved = opened(ACTION, status="resolved", also=(COMEDY,), resolved_how=how, resolved_at=AT + 4 * DAY)

    def joined(start: int) -> bool:
        again = COMEDY.model_copy(
            update={"window_start": AT + start * DAY, "window_end": AT + (start + 1) * DAY}
        )
        since = COMEDY.window_start
        return joined_by(again, [resolved], [], Lineage(), since, lambda _: False, lambda _: {}) is not None

    assert joined(3)  # of this window a part is from before the fix
    assert joined(4) is (how == "by_itself")


def test_a_window_that_reaches_back_into_what_has_ended_is_over_already() -> None:
    closed = opened(ACTION, status="closed", mitigated_at=AT + DAY)
    same = found(slice_of(genre="Action"), 1)
    assert over_already(same, [closed], Lineage())
    assert not over_already(found(slice_of(genre="Action"), 2), [closed], Lineage())


def test_a_silence_after_the_delivery_that_ended_another_is_reported_however_late_that_was_closed() -> None:
    late = found((), 1).model_copy(update={"unit": "seconds"})
    came = late.window_end + timedelta(minutes=2)
    closed = opened(late, status="closed", mitigated_at=came + timedelta(minutes=10))
    again = late.model_copy(update={"window_start": came, "window_end": came + DAY})
    assert not over_already(again, [closed], Lineage())
    assert over_already(late.model_copy(update={"window_end": came}), [closed], Lineage())


def test_most_of_both_has_to_be_the_same() -> None:
    assert same_items({"a": 0.3, "b": 0.3}, {"a": 0.2, "b": 0.4})
    assert not same_items({"a": 0.3}, {"a": 0.9})
    assert not same_items({}, {"a": 0.9})
