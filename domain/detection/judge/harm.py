"""
Whether a metric became worse since a hotfix was deployed, over repeated looks; chance is no excuse.

    gap at the deployment ± its band        looks since: share of it repaired ± band
                    ▼                                  ▼
    one look far beyond · two in a row, without a row in common, both beyond their band and together
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from math import pi, sqrt

from scipy.stats import norm

from domain.detection.judge.again.measure import BAND
from domain.values import Finding

ALPHA = 0.01
"""Probability that a harmless hotfix is ever taken for harmful, over all looks at it."""

STRICTER = 1e-3
"""What a single look may spend, as a share of what two in a row may."""

LEAST_HARM = 0.1
"""Share of the gap by which it has to grow: less is not worth a revert, however certain it is."""


@dataclass(frozen=True)
class WatchedWindow:
    """
    One window since the deployment.

    Args:
        repaired: share of the gap that is closed; negative if it grew.
        half: half of the 95 % interval of `repaired`, from the noise of this window alone.
    """

    start: datetime
    end: datetime
    repaired: float
    half: float

    @property
    def worse(self) -> bool:
        """Whether the gap grew by more than this window's band."""
        return self.repaired <= -LEAST_HARM and self.repaired + self.half < 0


def harmful(
    then: Finding, looks: Sequence[WatchedWindow], nth: int, often: int = 1
) -> tuple[WatchedWindow, ...]:
    """
    The looks that show harm: one alone or two in a row; empty if chance may explain them.

    The looks that end in the `nth` window together may err with probability ALPHA · 6 / (π² n²), which sums
    to ALPHA over any number of windows; overlapping ones share it. The gap `then` was itself measured with
    noise, which all looks have in common: it is counted once, and not as if it were new each time. Windows
    are assumed to be normal around what is expected, which is rough so far out; that is why two have to
    agree, or one be beyond a bound a thousand times as strict.

    Args:
        then:  the finding as it was at the deployment; if it has no band, the looks' is used.
        looks: in order of time, the newest last.
        nth:   how many windows there were since the deployment, including this one; from 1 on.
        often: how many looks end in one window.

    Source:
        Spending an error over repeated looks: Lan & DeMets (1983), Biometrika 70(3).

    >>> from datetime import UTC, timedelta
    >>> noon, minute = datetime(2026, 3, 1, 12, tzinfo=UTC), timedelta(minutes=1)
    >>> drop = Finding(check="c", table="t", window_start=noon - minute, window_end=noon, observed=50,
    ...                expected=100, low=90, high=110, p_value=0, severity="SEV2", title="50 % fewer rows")
    >>> worse = [WatchedWindow(noon + n * minute, noon + (n + 1) * minute, -0.5, 0.2) for n in range(2)]
    >>> len(harmful(drop, worse[:1], 1)), len(harmful(drop, worse, 2)), len(harmful(drop, worse[:1] * 2, 2))
    (0, 2, 0)
    """
    now, spent = looks[-1], spent_at(nth) / often
    chance_then = _half_then(then, now.half) / BAND
    if now.repaired <= -LEAST_HARM and _p(now.repaired, now.half / BAND, chance_then) <= STRICTER * spent:
        return (now,)
    before = next((look for look in reversed(looks[:-1]) if look.end <= now.start), None)
    if before is None or not (now.worse and before.worse):
        return ()
    both = sqrt(now.half**2 + before.half**2) / 2 / BAND
    surely = _p((now.repaired + before.repaired) / 2, both, chance_then) <= spent
    return (before, now) if surely else ()


def spent_at(nth: int) -> float:
    """The probability of an error allowed to the `nth` of ever more looks, summing to `ALPHA`."""
    return ALPHA * 6 / (pi * nth) ** 2


def _half_then(then: Finding, otherwise: float) -> float:
    """Half of the band of the gap at the deployment, as a share of it."""
    if then.low is None or then.high is None or not then.expected or not then.change:
        return otherwise
    return (then.high - then.low) / 2 / then.expected / abs(then.change)


def _p(repaired: float, chance: float, chance_then: float) -> float:
    """The probability of seeing a gap at least this much worse if it did not change."""
    total = sqrt(chance**2 + chance_then**2)
    if total == 0:
        return 0.0 if repaired < 0 else 1.0
    return float(norm.sf(-repaired / total))
