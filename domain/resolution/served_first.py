"""
Whether members who are served a hotfix first have fewer rows than they should, judging by those not yet
served.

    rows of a span, before and since ─▶ the hash parts them ─▶ served : others, before and since

Who comes first is decided by a hash, so the hour, the fault and the trends are the same for both sides, and a
hotfix that fails for one member in twenty is seen at once, while the sum over all falls by just a twentieth.

Source:
    Kohavi, Tang & Xu (2020), Trustworthy Online Controlled Experiments, ch. 15 (ramping). Rows of one member
    come in clusters, so they count for fewer: Kish (1965), Survey Sampling, 8.2.
"""

from __future__ import annotations

from math import ceil, floor
from typing import NamedTuple

from scipy.stats import betabinom

from domain.resolution.held_out import Bools, ByMember

LEAST_LOST = 0.1
"""Shortfall, as a share of what is expected, that matters: less is not worth a revert, however certain."""


class Rows(NamedTuple):
    """Rows of a span, from members who are served and from all others, and how many of one come together."""

    served: float
    others: float
    together: float = 1.0


class Fewer(NamedTuple):
    """What the served have, what the others lead one to expect, and the probability of so few or fewer."""

    observed: float
    expected: float
    p_value: float


def parted(read: ByMember, without: Bools) -> Rows:
    """
    Args:
        without: (n,) who is not served.
    """
    total = float(read.amounts.sum())
    together = float((read.amounts**2).sum()) / total if total > 0 else 1.0
    return Rows(float(read.amounts[~without].sum()), float(read.amounts[without].sum()), max(together, 1.0))


def fewer(before: Rows, now: Rows, share: float) -> Fewer | None:
    """
    How far the served fall short, where that is by a share that matters; null where it is not.

    Args:
        before: the same members' rows before anybody was served.
        share: share of members that are served, 0–1: what the ratio would be if nothing were known from
            before.

    >>> found = fewer(Rows(500, 9_500), Rows(0, 950), 0.05)
    >>> found.expected, found.p_value < 1e-9
    (50.0, True)
    >>> fewer(Rows(500, 9_500), Rows(47, 950), 0.05) is None
    True
    """
    usual = before.served / before.others if before.served and before.others else share / (1 - share)
    expected = usual * now.others
    if now.served > (1 - LEAST_LOST) * expected:
        return None
    observed, others = ceil(now.served / now.together), floor(now.others / now.together)
    seen = before.served / before.together + share, before.others / before.together + 1 - share
    return Fewer(now.served, expected, float(betabinom.cdf(observed, observed + others, *seen)))
