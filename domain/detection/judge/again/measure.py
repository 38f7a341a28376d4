"""The metric of a finding measured again: is it back to what it was before the incident?"""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import numpy.typing as npt

from domain.detection.data.counts import Counts
from domain.detection.expect.seasonal_profile import Keys, profile_keys
from domain.detection.expect.share import expect_shares, share_p_values, whole_of
from domain.detection.expect.total.baseline import expected_over, learn
from domain.detection.expect.total.predictive import Expected
from domain.detection.judge.counts.total_sums import learned_by_sums
from domain.errors import NoRows, TooFewRows
from domain.values import Finding, Share, Value

BAND = 1.96


class Measurement(Value):
    """
    A metric over some window: observed and expected in the finding's unit, the 95 % band `low`–`high`, and
    the two-sided p-value.
    """

    observed: float
    expected: float
    low: float
    high: float
    p_value: Share

    @property
    def within(self) -> bool:
        """Whether the observed value lies in the band of the expected one."""
        return self.low <= self.observed <= self.high

    def repaired(self, finding: Finding) -> float:
        """
        The share of the finding's gap that is closed: 0 as bad as found, 1 as expected; outside if worse or
        past that.

        Windows of different lengths are compared by their ratio to what was expected.
        """
        if finding.expected <= 0 or self.expected <= 0:
            return 1.0 if self.within else 0.0
        then, now = finding.observed / finding.expected, self.observed / self.expected
        return (now - then) / (1 - then) if then != 1 else 1.0

    def blur(self, finding: Finding) -> float | None:
        """
        How far the band reaches to the finding's side, as a share of its gap: 0 is sharp; from 1 on the
        metric would lie in the band even as it was found, so that being in it says nothing. None without a
        gap relative to the expected value.

        >>> drop = Finding(check="c", table="t", window_start=0, window_end=60, observed=40, expected=100,
        ...                p_value=0, severity="SEV2", title="60 % fewer rows")
        >>> Measurement(observed=50, expected=50, low=35, high=65, p_value=1).blur(drop)
        0.5
        """
        if finding.expected <= 0 or self.expected <= 0 or finding.change == 0:
            return None
        reach = self.high - self.expected if finding.change > 0 else self.expected - self.low
        return reach / self.expected / abs(finding.change)

    def repaired_within(self, finding: Finding) -> tuple[float, float] | None:
        """
        The interval of the repaired share: chance moves the observed value by the width of the band, either
        way. None as for `blur`.

        >>> drop = Finding(check="c", table="t", window_start=0, window_end=60, observed=50, expected=100,
        ...                p_value=0, severity="SEV2", title="50 % fewer rows")
        >>> Measurement(observed=75, expected=100, low=75, high=125, p_value=1).repaired_within(drop)
        (0.0, 1.0)
        """
        if finding.expected <= 0 or self.expected <= 0 or finding.change == 0:
            return None
        half = (self.high - self.low) / 2 / self.expected / abs(finding.change)
        return self.repaired(finding) - half, self.repaired(finding) + half


def measure_slice(finding: Finding, past: Counts, present: Counts, amounts: bool = False) -> Measurement:
    """
    A slice's rows among those of the present window, against its share in the past.

    Args:
        amounts: whether a column is summed, rather than rows counted.

    Raises:
        NoRows: the present holds no rows at all.
    """
    n = float(present.total[0])
    if n <= 0:
        raise NoRows(f'table "{finding.table}": no rows at all in this window; it is too early to measure')
    if finding.slice not in past.slices:
        return Measurement(observed=_rows(finding, present), expected=0.0, low=0.0, high=1.0, p_value=0.0)
    place = past.slices.index(finding.slice)
    rows = np.vstack([past.rows[:, [place]], np.zeros((1, 1))])
    total = np.append(past.total, 0.0)
    usable = np.append(past.known, True)[:, None]
    shares = expect_shares(total, rows, usable, keys=_keys(past, present, usable[:, 0]))
    windows = max(1.0, present.grid.width / past.grid.width)  # the share scatters, and that evens out
    observed, dispersion = np.array([_rows(finding, present)]), shares.dispersion(n / windows)
    usual = _usual_over(past, present, past.grid.width.total_seconds(), amounts)
    whole = whole_of(observed, n, shares.share, None if usual is None else usual.mean)
    expected = float(whole.expected(shares.share)[0])
    spread = BAND * float(whole.deviation(shares.share, dispersion)[0])
    p_values = share_p_values(observed, n, shares.share, dispersion, cluster_size=shares.cluster_size)
    return Measurement(
        observed=float(observed[0]),
        expected=expected,
        low=expected - spread,
        high=expected + spread,
        p_value=float(p_values[0]),
    )


def _keys(past: Counts, present: Counts, known: npt.NDArray[np.bool_]) -> Keys | None:
    """The hour or weekday of each window; None if the present one spans more than one of them."""
    if present.grid.width > past.grid.width:
        return None
    local = np.append(past.local_seconds(), present.local_seconds()[0])
    return profile_keys(local, past.grid.width.total_seconds(), known)


def _rows(finding: Finding, present: Counts) -> float:
    if finding.slice not in present.slices:
        return 0.0
    return float(present.rows[0, present.slices.index(finding.slice)])


def measure_total(
    past: Counts, present: Counts, window: timedelta, least_change: float, amounts: bool = False
) -> Measurement:
    """
    All rows of the present window, against what the past predicts for a period of that length and time.

    Args:
        amounts: whether a column is summed, rather than rows counted.

    Raises:
        TooFewRows: there is not enough past.
    """
    usual = _usual_over(past, present, window.total_seconds(), amounts)
    if usual is None:
        raise TooFewRows("fewer than eight windows before the incident: nothing to measure against")
    low, high = usual.band()
    observed = float(present.total[0])
    return Measurement(
        observed=observed,
        expected=usual.mean,
        low=min(low, usual.mean * (1 - least_change / 2)),
        high=max(high, usual.mean * (1 + least_change / 2)),
        p_value=usual.p_value(observed),
    )


def _usual_over(past: Counts, present: Counts, width: float, amounts: bool) -> Expected | None:
    """
    What so long a period holds, by the longest sums of windows that fit into it: they are surer than single
    ones.
    """
    begins, seconds = int(present.local_seconds()[0]), present.grid.width.total_seconds()
    learned = [
        learn(
            past.total,
            past.local_seconds(),
            width,
            past.known,
            amounts=amounts,
            special=past.special_days(),
        )
    ]
    of_one = learned[0]
    sums = learned_by_sums(past, amounts, period=of_one.period if of_one is not None else None)
    learned = [*(one for one in reversed(sums) if one.width <= seconds), *learned]
    special = present.special_days()
    known = (expected_over(one, begins, seconds, special) for one in learned if one is not None)
    return next((usual for usual in known if usual is not None), None)
