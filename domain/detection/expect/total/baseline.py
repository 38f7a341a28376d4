"""
What a total should be: its season, its level, its growth and its scatter, learned once and kept between
looks.

A `Baseline` is learned from weeks of windows, and is small: what a window holds at each place of the day or
the week, the level, how far windows scatter. A look then asks the engine only for the windows since,
updates the level with them, and says what its own window should hold. The baseline is relearned once a
day.

    weeks of windows ─▶ `learn` ─▶ Baseline ─▶ `expected` ◀─ the windows since ─▶ Expected
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
import numpy.typing as npt

from domain.detection.data.counts import Floats
from domain.detection.data.special_days import SpecialDays
from domain.detection.expect.total.cycle import Cycle, between
from domain.detection.expect.total.dispersion import dispersion_of
from domain.detection.expect.total.forecast import (
    DAYS_KNOWN,
    LEAST_WINDOWS,
    PRIOR,
    WEEKEND,
    WEEKS_KNOWN,
    Forecast,
    Windows,
    best_forecast,
    bounded,
)
from domain.detection.expect.total.holiday import SpecialDay, kept_special, learn_special, on_special
from domain.detection.expect.total.predictive import MOST_FREEDOM, Expected
from domain.values import Value

DAY, HOUR, WEEK = 86_400, 3_600, 604_800
LEARN_EVERY, LEARN_PART = (
    float(DAY),
    8,
)  # seconds after which a baseline is relearned; with a short past, a part of it
LEAST_UNIT = 1e-9
DIGITS = 5
DAYS_A_WEEK, WHOLE = 7, 0.8  # days that have shown a weekend; part of a day's windows that makes it whole
LATE = 9  # windows whose median is what has lately become usual


class Baseline(Value):
    """
    What a total usually is. Times are seconds on the local clock.

    `until` is the end of the past it was learned from, where the first cycle begins; `span` is how far that
    past reaches back; `rates` is what a window of `width` holds at each place of a cycle of `period` (0: no
    season). `level` was learned from `reach` windows that held `weight` by the season. A window's variance is
    `phi`·mean + (`scatter` + what is unknown)·mean²: `unknown` covers hours of the day that the past is too
    short to show, `weekend` covers weekdays, as far as the level comes from other days. `special` is what
    past holidays and their edges held; they teach nothing else.
    """

    width: float
    until: float
    tried: float | None = None
    span: float
    windows: int
    season: str
    period: float
    rates: tuple[float | None, ...]
    reach: int
    level: float
    weight: float
    growth: float = 1.0
    unit: float = 1.0
    phi: float = 1.0
    scatter: float = 0.0
    unknown: float = 0.0
    weekend: float = 0.0
    freedom: float = MOST_FREEDOM
    special: tuple[SpecialDay, ...] = ()

    @cached_property
    def _row(self) -> Floats:
        return np.array(self.rates, dtype=np.float64)

    def usual(self, local_seconds: npt.NDArray[np.int64]) -> Floats:
        """(n,) what windows beginning then hold by their season, before level and growth; NaN: not known."""
        if not self.period:
            return np.ones(len(local_seconds))
        middles = local_seconds.astype(np.float64) + self.width / 2
        cycle = Cycle(self.period, self.period / len(self.rates), 1, self.until)
        return between(np.broadcast_to(self._row, (len(middles), len(self.rates))), cycle.at(middles)[1])

    def of_other_days(self, begins: int, learned: int | None = None) -> float:
        """
        The share of the level, for a window that begins then, that was learned on other days: all of it for
        the part beyond midnight.

        Args:
            learned: how many windows of the same day it was learned from; if not given, all there were.
        """
        into = begins % DAY
        beyond = max(0.0, into + self.width - DAY) / self.width
        own = into / self.width if learned is None else learned
        return beyond + (1 - beyond) * max(0.0, 1 - own / self.reach)

    @property
    def asked(self) -> float:
        """When it was learned, or last found to be better than what there was to learn from."""
        return self.until if self.tried is None else self.tried

    def due(self, begins: float) -> bool:
        """
        Whether it should be relearned for a window that begins then: after a day, or an eighth of its past;
        or if it was learned from later windows.
        """
        late = begins - self.asked
        return late < 0 or late >= max(min(LEARN_EVERY, self.span / LEARN_PART), self.width)

    def note(self) -> str | None:
        """What it cannot judge yet; None if nothing is left to learn."""
        if self.width > DAY or self.span >= WEEKS_KNOWN:
            return None
        days = self.span / DAY
        if self.width < DAY and self.span < DAYS_KNOWN:
            return (
                f"{days:.0f} days of history: judges steps within hours; hours of the day from 3 days on, "
                "weekdays from 21"
            )
        return f"{days:.0f} days of history: judges by {self.season}; weekdays from 21 days on"


def learn(  # noqa: PLR0913 - the past, and what is known of it
    total: Floats,
    local_seconds: npt.NDArray[np.int64],
    width_seconds: float,
    usable: npt.NDArray[np.bool_],
    *,
    amounts: bool = False,
    special: SpecialDays | None = None,
    before: tuple[SpecialDay, ...] = (),
    period: float | None = None,
) -> Baseline | None:
    """
    Args:
        total: (n_windows,) of the past, ≥ 0; local_seconds: (n_windows,) local clock at the start of each.
        usable: (n_windows,) which may be learned from.
        amounts: whether a column is summed, rather than rows counted.
        special: of the same windows; before: what is known of holidays that the past no longer reaches.
        period: seconds of the season that it should have, if the past shows that one.

    Returns:
        None when there are fewer than eight usable windows.
    """
    ordinary = _ordinary(usable, special)
    past = _windows(total, local_seconds, width_seconds, ordinary, amounts)
    forecast = None if past is None else best_forecast(past, period)
    if past is None or forecast is None:
        return None
    found = _baseline(past, forecast, amounts)
    if special is None:
        return found.model_copy(update={"special": before})
    known = slice(len(total) - len(past.values), None)
    now = _holidays(found, past, forecast.mean, special.only(known), usable[known])
    return found.model_copy(update={"special": kept_special(before, now)})


def _ordinary(usable: npt.NDArray[np.bool_], special: SpecialDays | None) -> npt.NDArray[np.bool_]:
    """(n,) the windows that say something about other days."""
    return usable if special is None else usable & ~special.marked


def _holidays(
    baseline: Baseline, past: Windows, mean: Floats, special: SpecialDays, usable: npt.NDArray[np.bool_]
) -> tuple[SpecialDay, ...]:
    """What the holidays of the past were, beside what was forecast then."""
    local = np.asarray(past.middles - past.width / 2, dtype=np.int64)
    due = np.where(special.holiday > 0, mean * _like_rest(baseline, local, special), mean)
    return learn_special(past.values, due, special, usable, past.unit)


def _like_rest(baseline: Baseline, local_seconds: npt.NDArray[np.int64], special: SpecialDays) -> Floats:
    """(n,) what a day of rest holds relative to the window's own weekday; 1 where that is not known."""
    if baseline.width > DAY:
        return np.ones(len(local_seconds))
    own, rest = baseline.usual(local_seconds), baseline.usual(special.like(local_seconds))
    known = np.isfinite(own) & np.isfinite(rest) & (own > 0)
    return np.where(known, rest / np.where(known, own, 1.0), 1.0)


def _baseline(past: Windows, forecast: Forecast, amounts: bool) -> Baseline:
    """The forecast with the scatter of its own errors, as it is kept."""
    judged = past.usable & np.isfinite(forecast.mean)
    seen = dispersion_of(past.values[judged], forecast.mean[judged], past.unit)
    return Baseline(
        width=past.width,
        until=past.end,
        span=past.span,
        windows=int(past.usable.sum()),
        season=forecast.season.name,
        period=forecast.season.period,
        rates=tuple(_short(one) for one in forecast.season.now.tolist()),
        reach=forecast.reach,
        level=forecast.level,
        weight=forecast.weight,
        growth=forecast.growth,
        unit=seen.phi if amounts else 1.0,
        phi=seen.phi,
        scatter=seen.scatter + _of_the_level(forecast, past),
        unknown=forecast.unknown,
        weekend=_between_days(past) if past.width <= DAY and _knows_no_week(past, forecast) else 0.0,
        freedom=seen.freedom,
    )


def _knows_no_week(past: Windows, forecast: Forecast) -> bool:
    """
    Whether a week is not known yet; for windows of a day, the scatter already includes that between days.
    """
    return past.span < WEEKS_KNOWN or (past.width < DAY and forecast.season.period < WEEK)


def _between_days(past: Windows) -> float:
    """
    Relative variance of one day's total against another's, for a past too short for a weekly profile.

    A whole week has shown a weekend: then at most what its days differed by. Before that, the usual scatter
    of days.
    """
    days = np.floor(past.middles / DAY).astype(np.int64)
    means = _means_of(past, days)
    if len(means) < DAYS_A_WEEK:  # a week that begins at noon has one day in two halves
        means = _means_of(past, days % DAYS_A_WEEK)
    if len(means) < DAYS_A_WEEK:
        return WEEKEND**2
    off = means / max(float(means.mean()), LEAST_UNIT) - 1
    return min(float((off**2).sum()) / (len(off) - 2), WEEKEND**2)


def _means_of(past: Windows, days: npt.NDArray[np.int64]) -> Floats:
    """(n_days,) the mean window of each day, or weekday, of which nearly all hours are known."""
    used = past.usable
    _, which = np.unique(days[used], return_inverse=True)
    hours = np.unique(np.column_stack([which, past.middles[used] % DAY]), axis=0)[:, 0].astype(np.int64)
    whole = np.bincount(hours) >= WHOLE * DAY / past.width
    return np.asarray((np.bincount(which, past.values[used]) / np.bincount(which))[whole])


def _short(rate: float) -> float | None:
    return float(f"{rate:.{DIGITS}g}") if np.isfinite(rate) else None


def _windows(
    total: Floats, local: npt.NDArray[np.int64], width: float, usable: npt.NDArray[np.bool_], amounts: bool
) -> Windows | None:
    """From the first usable one on; None where there are too few."""
    known = np.flatnonzero(usable)
    if len(known) < LEAST_WINDOWS:
        return None
    first = int(known[0])
    y = np.maximum(total[first:], 0.0)
    unit = 1.0
    if amounts:
        steps = np.diff(y[usable[first:]]) ** 2 / 2
        unit = max(float(np.median(steps)) / 0.455 / max(float(y.mean()), LEAST_UNIT), LEAST_UNIT)
    middles = local[first:].astype(np.float64) + width / 2
    return Windows(y, middles, width, float(local[-1]) + width, usable[first:], unit)


def _of_the_level(forecast: Forecast, past: Windows) -> float:
    """
    Relative variance of the level itself, if the past is so short that its errors may understate it.
    """
    n = int((past.usable & np.isfinite(forecast.mean)).sum())
    held = max(forecast.level * forecast.weight, past.unit)
    return past.unit / held if n < 4 * LEAST_WINDOWS else 0.0


def expected(
    baseline: Baseline,
    total: Floats,
    local_seconds: npt.NDArray[np.int64],
    usable: npt.NDArray[np.bool_],
    special: SpecialDays | None = None,
    shape: Floats | None = None,
) -> Expected | None:
    """
    What the last window should hold.

    Args:
        total: (n_windows,) the windows since the baseline was learned (earlier ones are ignored), the last
            one the window in question: its value is not used.
        special: of the same windows. shape: (n_windows,) factors to multiply their season by.

    Returns:
        None if the last one's place in the season is not known yet.
    """
    usual = baseline.usual(local_seconds)
    usual = usual if shape is None else usual * shape
    now = float(usual[-1])
    if not np.isfinite(now):
        return None
    used = _ordinary(usable, special)[:-1] & (local_seconds[:-1] >= baseline.asked)
    level = _level(baseline, total[:-1], usual[:-1], used) * baseline.growth
    weekend = baseline.weekend * baseline.of_other_days(
        int(local_seconds[-1]), _of_the_day(baseline, local_seconds, used)
    )
    if special is None or special.holiday[-1] + special.edge[-1] <= 0:
        return _around(baseline, now * level, weekend)
    rest = _like_rest(baseline, local_seconds, special)
    due = np.where(special.holiday > 0, usual * rest, usual) * level
    share, scatter = _mixed(
        baseline, _so_far(baseline, total, due, special, usable), special, float(rest[-1])
    )
    return _around(baseline, now * level * share, weekend + scatter)


def _of_the_day(baseline: Baseline, local_seconds: npt.NDArray[np.int64], used: npt.NDArray[np.bool_]) -> int:
    """The number of windows of the last one's day that its level is learned from."""
    midnight = int(local_seconds[-1]) // DAY * DAY
    before = max(baseline.until - midnight, 0.0) / baseline.width  # those it was originally learned from
    return int(before) + int((used & (local_seconds[:-1] >= midnight)).sum())


def _so_far(
    baseline: Baseline, total: Floats, due: Floats, special: SpecialDays, usable: npt.NDArray[np.bool_]
) -> SpecialDay | None:
    """What the last window's holiday, or its edge, held in the windows before."""
    same = usable & (special.day == special.day[-1])
    same &= (special.holiday >= 1 / 2) == (special.holiday[-1] >= 1 / 2)
    same[-1] = False
    found = learn_special(total, due, special, same, baseline.unit) if same.any() else ()
    return found[-1] if found else None


def _mixed(
    baseline: Baseline, so_far: SpecialDay | None, special: SpecialDays, rest: float
) -> tuple[float, float]:
    """
    The factor that the last window's share of a holiday and of an edge applies to what it holds, and the
    relative variance of that factor.
    """
    whole_day, day = baseline.width >= DAY, int(special.day[-1])
    whole, off = 1.0, 0.0
    for edge, part, beside in ((False, special.holiday[-1], rest), (True, special.edge[-1], 1.0)):
        if part > 0:
            mine = so_far if so_far is not None and so_far.edge == edge else None
            factor, variance = on_special(baseline.special, day, mine, edge=edge, whole_day=whole_day)
            whole += float(part) * (beside * factor - 1)
            off += (float(part) * beside * factor) ** 2 * variance
    return whole, off / max(whole, LEAST_UNIT) ** 2


def carried(
    baseline: Baseline,
    total: Floats,
    local_seconds: npt.NDArray[np.int64],
    usable: npt.NDArray[np.bool_],
    until: float,
    special: SpecialDays | None = None,
) -> Baseline:
    """
    The same at the level of the windows (n_windows,) since it was last asked for; `asked` is then `until`.
    """
    level = _level(baseline, total, baseline.usual(local_seconds), _ordinary(usable, special))
    return baseline.model_copy(update={"level": level, "tried": until})


def expected_over(
    baseline: Baseline, begins: int, seconds: float, special: SpecialDays | None = None
) -> Expected | None:
    """
    What a period of any length that begins then (seconds on the local clock) holds, at the learned level.

    Its windows are taken to scatter together: so long a period is no more certain than one of them.

    Args:
        special: of that period, as one window.
    """
    windows = max(round(seconds / baseline.width), 1)
    local = (begins + baseline.width * np.arange(windows)).astype(np.int64)
    usual = baseline.usual(local)
    known = usual[np.isfinite(usual)]
    if not len(known):
        return None
    mean = float(known.mean()) * baseline.level * baseline.growth * seconds / baseline.width
    other_days = 1.0 if begins - baseline.until >= DAY else baseline.of_other_days(begins)
    share, scatter = 1.0, 0.0
    if special is not None:
        rest = float(_like_rest(baseline, local, special).mean())
        share, scatter = _mixed(baseline, None, special, rest)
    return _around(baseline, mean * share, baseline.weekend * other_days + scatter)


def _around(baseline: Baseline, mean: float, weekend: float) -> Expected:
    beyond = 0.0 if baseline.unit != 1.0 else (baseline.phi - 1) / max(mean, 1e-9)
    scatter = baseline.scatter + baseline.unknown + weekend + beyond
    return Expected(mean, scatter, baseline.windows, baseline.unit, baseline.freedom)


def _level(baseline: Baseline, total: Floats, usual: Floats, used: npt.NDArray[np.bool_]) -> float:
    """
    The level of the last `reach` usable windows; those before the baseline was learned count as they do in
    it.
    """
    places = np.flatnonzero(used & np.isfinite(usual))[-baseline.reach :]
    if not len(places):
        return baseline.level
    due = usual[places]
    held = _without_outliers(baseline, total[places], due)
    left = 1 - len(places) / baseline.reach
    drawn = PRIOR * baseline.unit / max(baseline.level, LEAST_UNIT) + left * baseline.weight
    return float((held.sum() + drawn * baseline.level) / (due.sum() + drawn))


def _without_outliers(baseline: Baseline, held: Floats, due: Floats) -> Floats:
    """(n,) capped as at the previous level, or at the recent median, whichever allows more."""
    filled = due > 0
    late = held[filled][-LATE:] / due[filled][-LATE:]
    levels = [baseline.level] + ([float(np.median(late))] if len(late) else [])
    sides = []
    for level in levels:
        mean = due * level * baseline.growth
        variance = baseline.phi * mean + (baseline.scatter + baseline.unknown) * mean**2
        sides.append(bounded(held, mean, variance))
    nearest = np.abs(np.array(sides) - held).argmin(axis=0)
    return np.asarray(np.array(sides)[nearest, np.arange(len(held))])


def expect(
    total: Floats, local_seconds: npt.NDArray[np.int64], width_seconds: float, usable: npt.NDArray[np.bool_]
) -> Expected | None:
    """
    What the last window should hold, from those before it, learned in one go.

    Args:
        total: (n_windows,) counts, the last one the window in question (its value is not used).
        local_seconds: (n_windows,) local clock at the start of each.
        usable: (n_windows,) which windows may be learned from.

    Returns:
        None when there are fewer than eight usable windows.
    """
    baseline = learn(total[:-1], local_seconds[:-1], width_seconds, usable[:-1])
    return None if baseline is None else expected(baseline, total[-1:], local_seconds[-1:], usable[-1:])


def season_keys(local_seconds: npt.NDArray[np.int64], width_seconds: float) -> list[npt.NDArray[np.int64]]:
    """The seasonal neighbours of each window, finest first: weekday and hour, hour of day, all alike."""
    hours = (local_seconds % DAY) // HOUR if width_seconds < DAY else np.zeros_like(local_seconds)
    weekdays = (local_seconds // DAY) % 7 if width_seconds <= DAY else np.zeros_like(local_seconds)
    return [weekdays * 24 + hours, hours, np.zeros_like(hours)]
