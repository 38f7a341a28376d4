"""How bad a change is: from the share of everything that is missing, or too much."""

from __future__ import annotations

from domain.values import Severity

SEV1_SHARE = 0.30
SEV2_SHARE = 0.02
SEV3_SHARE = 0.005
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
