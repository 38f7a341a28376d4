"""How bad a change is: who is affected, how much of theirs is missing or too much, whether it grows."""

from __future__ import annotations

from bisect import bisect_right

from domain.values import Finding, Severity

SEV1_SHARE = 0.30
SEV2_SHARE = 0.02
SEV3_SHARE = 0.005
SEV2_TIMES, SEV1_TIMES = 2.0, 4.0  # multiples of the usual longest silence
ORDER = (Severity.SEV1, Severity.SEV2, Severity.SEV3, Severity.SEV4)


def severity_of(affected_share: float, *, drop: bool) -> Severity:
    """
    SEV1 from 30 % of the expected total, SEV2 from 2 %, SEV3 from 0.5 %; too many rows is one step milder.

    >>> severity_of(0.03, drop=True)
    <Severity.SEV2: 'SEV2'>
    """
    bounds = (SEV1_SHARE, SEV2_SHARE, SEV3_SHARE)
    step = next((i for i, bound in enumerate(bounds) if affected_share >= bound), 3)
    return ORDER[min(step + (0 if drop else 1), 3)]


MEMBERS = (0.005, 0.05, 0.30)  # shares of all members
LOSS = (0.02, 0.20, 0.80)  # of what those members usually get
GROWN, GROWN_SHARE = 1.5, 0.005  # multiple of what was found first, and the additional share of everything
TABLE = (
    (4, 4, 4, 3),
    (4, 4, 3, 2),
    (4, 3, 2, 1),
    (3, 2, 1, 1),
)
"""Severity by members affected (rows) and by how much of theirs is lost (columns)."""


def severity_by_members(
    members: float, share: float, *, drop: bool = True, growing: bool = False
) -> Severity:
    """
    How bad it is that `members`, a share of all, lack `share`, a share of everything that all members get.

    The same loss is worse for few who lose all of theirs than for many who hardly notice:

    ================  ==========  =========  ==========  ============
    members affected  lose < 2 %  2 to 20 %  20 to 80 %  80 % or more
    ================  ==========  =========  ==========  ============
    under 0.5 %       SEV4        SEV4       SEV4        SEV3
    0.5 to 5 %        SEV4        SEV4       SEV3        SEV2
    5 to 30 %         SEV4        SEV3       SEV2        SEV1
    30 % or more      SEV3        SEV2       SEV1        SEV1
    ================  ==========  =========  ==========  ============

    Too many rows is one step milder, one that grows one step worse. A check whose `severity` is declared is
    not graded.

    >>> severity_by_members(0.10, 0.05), severity_by_members(1.0, 0.05)
    (<Severity.SEV2: 'SEV2'>, <Severity.SEV2: 'SEV2'>)
    >>> severity_by_members(0.10, 0.05, growing=True)
    <Severity.SEV1: 'SEV1'>
    """
    lost = min(1.0, share / members) if members > 0 else 0.0
    step = TABLE[bisect_right(MEMBERS, members)][bisect_right(LOSS, lost)] - 1
    return ORDER[min(max(step + (0 if drop else 1) - int(growing), 0), 3)]


def worse(severity: Severity) -> Severity:
    """One step worse, SEV1 the worst."""
    return ORDER[max(ORDER.index(severity) - 1, 0)]


def grows(first: Finding, latest: Finding) -> bool:
    """Whether clearly more is affected than when it was first found."""
    if first.affected_share is None or latest.affected_share is None:
        return False
    more = latest.affected_share - first.affected_share
    return latest.affected_share >= GROWN * first.affected_share and more >= GROWN_SHARE
