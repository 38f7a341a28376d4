"""Since when: the change point of a metric whose season is already taken out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import numpy.typing as npt
import pandas as pd

from domain.errors import TooFewRows
from domain.values import Estimate, Finding

Floats = npt.NDArray[np.float64]

WINDOWS = 8  # fewer hold no change point
LEAST_EVIDENCE = 6.0  # log likelihood ratio; 5 % false onsets over some hundred windows
Z90 = 1.645
AS_LIKELY = 3.0  # log likelihood below the best split's, up to which another may be the true one: e⁻³ is 5 %


@dataclass(frozen=True)
class Onset:
    """
    `since`: start of the first wrong window; `last_right`: start of the one before; `change` in %.

    `latest`: start of the last window that may as well be the first wrong one; with few rows many may.
    """

    since: datetime
    latest: datetime
    last_right: datetime | None
    change: Estimate
    missing_per_hour: float
    evidence: float


def alarm_of(finding: Finding) -> float:
    """
    The relative change in counts where a finding was made: in a silence, which is measured in seconds, all
    rows are gone.
    """
    return -1.0 if finding.unit == "seconds" else finding.change


def find_onset(series: pd.DataFrame, alarm: float = 0.0) -> Onset | None:
    """
    The moment from which on the counts are off by one constant factor; null where none stands out.

    Args:
        series: `window_start` (aware, ascending, equally far apart), `observed`, `expected` counts.
        alarm: the relative change that raised the alarm, e.g. -0.7. The counts since the onset must be off by
            at least half of it on average, so that a slow drift hours ago is not taken for this.

    Returns:
        The split with the greatest Poisson likelihood ratio, divided by the over-dispersion before it.

    Raises:
        TooFewRows: fewer than 8 windows.

    Source:
        Hinkley (1970), Biometrika 57(1); which other splits are as likely: Siegmund (1988), Int. Stat. Rev.
        56(1); over-dispersion as in McCullagh & Nelder (1989), 4.5.
    """
    known = series[np.isfinite(series["observed"]) & (series["expected"] > 0)]
    if len(known) < WINDOWS:
        raise TooFewRows(f"{len(known)} windows are known and {WINDOWS} are needed to say since when")
    observed, expected = known["observed"].to_numpy(float), known["expected"].to_numpy(float)
    gain = np.where(_off_enough(observed, expected, alarm), _gains(observed, expected), 0.0)
    split = int(np.argmax(gain))
    phi = _dispersion(observed[:split], expected[:split]) if split > 3 else 1.0
    if gain[split] / phi < LEAST_EVIDENCE:
        return None
    starts = pd.DatetimeIndex(known["window_start"])
    last = int(np.flatnonzero(gain / phi >= gain[split] / phi - AS_LIKELY)[-1])
    latest = starts[last].floor("us").to_pydatetime()
    return replace(_onset(starts, observed, expected, split, phi, float(gain[split])), latest=latest)


def outside_since(judged: pd.DataFrame, finding: Finding) -> datetime | None:
    """
    Start of the first of the adjoining windows outside their band, on the side of the finding, that last up
    to its own, and no later than the finding's, which may be several of them. Null where its own is inside,
    as when only many together tell, or if all known ones are outside: then it began before them.

    Args:
        judged: `window_start` (aware, ascending), `observed`, `low`, `high` of the finding's check.
    """
    until = judged[judged["window_start"] < finding.window_end]
    observed = until["observed"].to_numpy(float)
    fell = finding.observed < finding.expected
    outside = observed < until["low"].to_numpy(float) if fell else observed > until["high"].to_numpy(float)
    inside = np.flatnonzero(~outside)
    if not len(inside) or inside[-1] == len(until) - 1:
        return None
    first = pd.Timestamp(until["window_start"].iloc[inside[-1] + 1])
    return min(first.floor("us").to_pydatetime(), finding.window_start)


def _onset(
    starts: pd.DatetimeIndex, observed: Floats, expected: Floats, split: int, phi: float, gain: float
) -> Onset:
    """The change at window `split`, with its 90 % interval; `phi` is the over-dispersion before it."""
    base = observed[:split].sum() / expected[:split].sum() if split > 3 else 1.0
    after = expected[split:].sum() * base
    ratio = observed[split:].sum() / after
    error = Z90 * np.sqrt(phi * max(ratio, 1 / after) / after)
    hours = (starts[1] - starts[0]) / pd.Timedelta(hours=1) * (len(starts) - split)
    change = Estimate(
        value=100 * (ratio - 1),
        low=100 * (max(ratio - error, 0) - 1),
        high=100 * (ratio + error - 1),
        unit="%",
        basis=f"{len(starts) - split} windows since the onset against {split} before",
    )
    since = starts[split].floor("us").to_pydatetime()
    return Onset(
        since=since,
        latest=since,
        last_right=starts[split - 1].floor("us").to_pydatetime() if split else None,
        change=change,
        missing_per_hour=float((after - observed[split:].sum()) / hours),
        evidence=gain / phi,
    )


def _off_enough(observed: Floats, expected: Floats, alarm: float) -> npt.NDArray[np.bool_]:
    """For each split: the counts after it are off by at least half of `alarm`, to the same side."""
    if alarm == 0:
        return np.ones(len(observed), dtype=bool)
    seen, due = np.cumsum(observed[::-1])[::-1], np.cumsum(expected[::-1])[::-1]
    return np.asarray((seen / due - 1) / alarm >= 0.5)


def _gains(observed: Floats, expected: Floats) -> Floats:
    """For each split: log likelihood with a factor of its own on either side, against one factor."""

    def fit(counts: Floats, means: Floats) -> Floats:
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(counts > 0, counts * np.log(counts / np.maximum(means, 1e-12)), 0.0)

    seen, due = np.cumsum(observed[::-1])[::-1], np.cumsum(expected[::-1])[::-1]
    gain = fit(seen, due) + fit(seen[0] - seen, due[0] - due) - fit(seen[:1], due[:1])
    return np.nan_to_num(gain)


def _dispersion(observed: Floats, expected: Floats) -> float:
    """Pearson's over-dispersion, at least 1; outliers cut so that an earlier fault does not hide this one."""
    ratio = observed.sum() / expected.sum()
    if ratio <= 0:
        return 1.0
    squares = (observed - ratio * expected) ** 2 / (ratio * expected)
    return max(1.0, float(np.mean(np.minimum(squares, np.quantile(squares, 0.95)))))
