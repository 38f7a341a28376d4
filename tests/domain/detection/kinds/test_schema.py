from __future__ import annotations

from datetime import timedelta

import pytest

from domain.detection.data.columns import Columns
from domain.detection.judge.state import CheckState
from domain.detection.kinds.tables.schema import judge_schema, restored
from domain.recommender.check import Check
from domain.values import Severity

from ..traffic import DAY, END

CHECK = Check(name="c", kind="schema", table="views")
KNOWN = {"rating": "number", "device": "text", "at": "time"}


def columns(types: dict[str, str], day: int = 0, history: timedelta = 7 * DAY) -> Columns:
    end = END + day * DAY
    return Columns(types, end - DAY, end, end - history)


def first() -> CheckState:
    return judge_schema(CHECK, columns(KNOWN), CheckState()).state


def test_the_first_look_notes_what_there_is() -> None:
    verdict = judge_schema(CHECK, columns(KNOWN), CheckState())
    assert (verdict.findings, verdict.judged, verdict.state.accepted) == ((), False, KNOWN)


@pytest.mark.parametrize(
    ("types", "subject", "severity", "words"),
    [
        ({"device": "text", "at": "time"}, "rating", Severity.SEV2, "views: column rating is gone"),
        (KNOWN | {"x": "text"}, "x", Severity.SEV4, "views: a new column x, of text"),
        (
            KNOWN | {"rating": "text"},
            "rating of type number",
            Severity.SEV2,
            "views: column rating holds text, before numbers",
        ),
        (
            KNOWN | {"rating": "integer"},
            "rating of type number",
            Severity.SEV4,
            "views: column rating holds whole numbers, before numbers",
        ),
    ],
)
def test_each_change_is_reported_until_it_is_taken_back(
    types: dict[str, str], subject: str, severity: Severity, words: str
) -> None:
    changed = judge_schema(CHECK, columns(types, 1), first())
    (finding,) = changed.findings
    assert (finding.subject, finding.severity, finding.title) == (subject, severity, words)
    assert not restored(finding, types)
    assert restored(finding, KNOWN)
    back = judge_schema(CHECK, columns(KNOWN, 2), changed.state)
    assert (back.findings, back.cleared) == ((), (finding.fingerprint,))


def test_a_change_that_stands_as_long_as_the_history_is_the_new_normal() -> None:
    state, counts = first(), []
    for day in range(1, 12):
        verdict = judge_schema(CHECK, columns(KNOWN | {"x": "text"}, day), state)
        state = verdict.state
        counts.append(len(verdict.findings))
    assert counts == [1] * 8 + [0] * 3
    assert state.accepted == KNOWN | {"x": "text"}


def test_what_is_declared_never_becomes_something_else() -> None:
    declared = CHECK.with_options(types={"rating": "number"})
    state = CheckState()
    for day in range(1, 30):
        verdict = judge_schema(declared, columns({"device": "text"}, day), state)
        state = verdict.state
        assert [finding.subject for finding in verdict.findings] == ["rating"]
    assert judge_schema(declared, columns({"rating": "integer"}), CheckState()).findings == ()


def test_columns_that_are_not_named_are_nobodys_business() -> None:
    named = CHECK.with_options(columns=("rating",))
    state = judge_schema(named, columns(KNOWN), CheckState()).state
    assert judge_schema(named, columns({"rating": "number", "y": "text"}, 1), state).findings == ()
