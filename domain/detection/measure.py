"""The metric of a finding measured again: is it back to what it was before the incident?"""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import numpy.typing as npt

from domain.detection.baseline import expect
from domain.detection.counts import Counts
from domain.detection.habit import Keys, habit_keys
from domain.detection.share import expect_shares, share_p_values
from domain.errors import TooFewRows
from domain.values import Finding, Share, Value

BAND = 1.96


class Measurement(Value):
    """
    A metric over some window: observed and expected in the finding's unit, `low`–`high` the 95 % band, two-
    sided p.
    """

    observed: float
    expected: float
    low: float
    high: float
    p_value: Share

    @property
    def within(self) -> bool:
        """Whether what is observed lies in the band of what is expected."""
        return self.low <= self.observed <= self.high

    def repaired(self, finding: Finding) -> float:
        """
        The share of the finding's gap that is closed: 0 as bad as found, 1 as expected; outside when worse or
        past.

        Windows of different lengths compare by their ratio to what was expected.
        """
        if finding.expected <= 0 or self.expected <= 0:
            return 1.0 if self.within else 0.0
        then, now = finding.observed / finding.expected, self.observed / self.expected
        return (now - then) / (1 - then) if then != 1 else 1.0

    def blur(self, finding: Finding) -> float | None:
        """
        Half the band as a share of the finding's gap: 0 is sharp; from 1 on the metric would lie in the band
        even as it was found, so that being in it says nothing. None without a gap relative to what is
        expected.

        >>> drop = Finding(check="c", table="t", window_start=0, window_end=60, observed=40, expected=100,
        ...                p_value=0, severity="SEV2", title="60 % fewer rows")
        >>> Measurement(observed=50, expected=50, low=35, high=65, p_value=1).blur(drop)
        0.5
        """
        if finding.expected <= 0 or self.expected <= 0 or finding.change == 0:
            return None
        return (self.high - self.low) / 2 / self.expected / abs(finding.change)


def measure_slice(finding: Finding, past: Counts, present: Counts) -> Measurement:
    """
    A slice's rows among those of the present window, against its share in the past.

    Raises:
        TooFewRows: the slice was not there before, or the present holds no rows at all.
    """
    n = float(present.total[0])
    if n <= 0:
        raise TooFewRows(
            f'table "{finding.table}": no rows at all in this window; it is too early to measure'
        )
    if finding.slice not in past.slices:
        return Measurement(observed=_rows(finding, present), expected=0.0, low=0.0, high=1.0, p_value=0.0)
    place = past.slices.index(finding.slice)
    rows = np.vstack([past.rows[:, [place]], np.zeros((1, 1))])
    total = np.append(past.total, 0.0)
    usable = np.append(past.known, True)[:, None]
    shares = expect_shares(total, rows, usable, keys=_keys(past, present, usable[:, 0]))
    observed, share, dispersion = _rows(finding, present), float(shares.share[0]), shares.dispersion(n)
    spread = BAND * float(np.sqrt(dispersion[0] * n * share * (1 - share)))
    p_value = float(share_p_values(np.array([observed]), n, shares.share, dispersion)[0])
    return Measurement(
        observed=observed,
        expected=share * n,
        low=share * n - spread,
        high=share * n + spread,
        p_value=p_value,
    )


def _keys(past: Counts, present: Counts, known: npt.NDArray[np.bool_]) -> Keys | None:
    """The hour or weekday of each window; None where the present one spans more of them than one."""
    if present.grid.width > past.grid.width:
        return None
    local = np.append(past.local_seconds(), present.local_seconds()[0])
    return habit_keys(local, past.grid.width.total_seconds(), known)


def _rows(finding: Finding, present: Counts) -> float:
    if finding.slice not in present.slices:
        return 0.0
    return float(present.rows[0, present.slices.index(finding.slice)])


def measure_total(past: Counts, present: Counts, window: timedelta, least_change: float) -> Measurement:
    """
    All rows of the present window, against what a window of the past leads one to expect, scaled to its
    length.

    Raises:
        TooFewRows: there is not enough past.
    """
    width = window.total_seconds()
    local = np.append(past.local_seconds(), present.local_seconds()[0])
    expected = expect(np.append(past.total, 0.0), local, width, np.append(past.known, True))
    if expected is None:
        raise TooFewRows("fewer than eight windows before the incident: nothing to measure against")
    scale = present.grid.width.total_seconds() / width
    low, high = expected.band()
    observed = float(present.total[0])
    return Measurement(
        observed=observed,
        expected=expected.mean * scale,
        low=min(low, expected.mean * (1 - least_change / 2)) * scale,
        high=max(high, expected.mean * (1 + least_change / 2)) * scale,
        p_value=expected.p_value(observed / scale),
    )
