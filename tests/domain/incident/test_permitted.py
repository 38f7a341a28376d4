"""Who may do what, by name, by group, and where groups are not known."""

from __future__ import annotations

import pytest

from domain.incident.permitted import Right, right

DANGEROUS = ("deploy", "approve", "break_glass")


@pytest.mark.parametrize("need", ["respond", *DANGEROUS])
@pytest.mark.parametrize(
    ("allowed", "named", "groups", "fresh", "said"),
    [
        ((), ("U1",), ("oncall",), True, "nobody"),
        (("U1",), ("U1", None), (), False, "yes"),
        (("ann",), ("U1", "ann"), (), False, "yes"),
        (("oncall",), ("U1",), ("oncall", "ml"), True, "yes"),
        (("oncall",), ("U1",), ("ml",), True, "no"),
        (("oncall",), ("U1",), (), True, "no"),
        (("oncall",), (None,), (), False, "unknown"),
    ],
)
def test_a_right_comes_from_a_name_or_from_a_group_that_is_known(
    need: str,
    allowed: tuple[str, ...],
    named: tuple[str, ...],
    groups: tuple[str, ...],
    fresh: bool,
    said: Right,
) -> None:
    assert right(need, allowed, named, groups, fresh=fresh) == said


def test_groups_that_were_known_long_ago_let_people_respond_and_nobody_change_the_recommender() -> None:
    answers = {
        need: right(need, ("oncall",), ("U1",), ("oncall",), fresh=False) for need in ("respond", *DANGEROUS)
    }
    assert answers == {"respond": "yes", **dict.fromkeys(DANGEROUS, "unknown")}
