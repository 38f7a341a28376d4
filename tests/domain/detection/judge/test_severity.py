"""How bad it is: members affected, how bad for them, and whether it grows."""

from __future__ import annotations

from itertools import pairwise, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.detection.judge.severity import grows, severity_by_members, worse
from domain.values import Severity
from tests.domain.incident.given import FINDING

SHARES = st.floats(0.0, 1.0)


@pytest.mark.parametrize(
    ("members", "share", "severity"),
    [
        (1.0, 0.5, Severity.SEV1),
        (1.0, 0.05, Severity.SEV2),
        (1.0, 0.01, Severity.SEV3),
        (0.03, 0.03, Severity.SEV2),  # few, and all of theirs
        (1.0, 0.03, Severity.SEV2),
        (0.03, 0.01, Severity.SEV3),
        (0.003, 0.003, Severity.SEV3),
        (0.003, 0.001, Severity.SEV4),
        (0.0, 0.1, Severity.SEV4),
    ],
)
def test_the_table_says_how_bad_it_is(members: float, share: float, severity: Severity) -> None:
    assert severity_by_members(members, share) == severity


@given(SHARES, SHARES)
def test_too_many_is_never_worse_than_too_few_and_growing_never_better(members: float, share: float) -> None:
    base = severity_by_members(members, share)
    assert severity_by_members(members, share, drop=False) >= base
    assert severity_by_members(members, share, growing=True) <= base
    assert severity_by_members(members, share, growing=True) == worse(base)


def test_more_members_or_a_greater_loss_of_theirs_is_never_milder() -> None:
    reach, loss = (0.001, 0.01, 0.1, 0.5), (0.01, 0.1, 0.5, 0.9)
    for lost in loss:
        by_members = [severity_by_members(members, members * lost) for members in reach]
        assert all(later <= earlier for earlier, later in pairwise(by_members))
    for members, (less, more) in product(reach, pairwise(loss)):
        assert severity_by_members(members, members * more) <= severity_by_members(members, members * less)


@pytest.mark.parametrize(
    ("then", "now", "grown"),
    [
        (0.02, 0.03, True),
        (0.02, 0.029, False),
        (0.002, 0.004, False),
        (0.03, 0.02, False),
        (None, 0.5, False),
    ],
)
def test_it_grows_when_clearly_more_is_affected(then: float | None, now: float, grown: bool) -> None:
    first, latest = (FINDING.model_copy(update={"affected_share": share}) for share in (then, now))
    assert grows(first, latest) is grown
