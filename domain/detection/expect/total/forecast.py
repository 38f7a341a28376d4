"""
What each window of a total was forecast to hold, one step ahead, by the forecast that missed least.

A forecast is a season times a level. Seasons: none; the hour of the day; the weekday and its hour; the
day's hours times a weekday factor; each with places as fine as the past supports. Levels: what the
windows of the last hours, of a day or of a week held relative to their season, and the last with its growth.
Every pair of them forecasts the past, each window from those before it, and the one with the smallest
recent errors is used.

Source:
    Choosing among forecasts by their recent errors: Timmermann (2006), "Forecast combinations", Handbook of
    Economic Forecasting 1. A level as a ratio of sums is the Poisson's estimate of it; the few rows by which
    it is shrunk to the long-term level are a gamma prior's.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from domain.detection.data.counts import Floats
from domain.detection.expect.total.cycle import Cycle, Profiles, learned

HOUR, DAY, WEEK = 3_600.0, 86_400.0, 604_800.0
DAYS, WEEKS, DAILY_WEEKS = 14, 4, 8  # cycles a profile is learned from, at most
PLACE, COARSE = 1_800.0, 10_800.0  # seconds of a place in the cycle, and of one in which weekdays differ
LEAST_WINDOWS = 8  # of the past, before anything is expected
JUDGED_DAYS = 14  # days whose errors are compared
NEARLY = 0.1  # how much larger the errors of a slower level may be for it to be preferred
FAR = 5.0  # deviations from the forecast, beyond which a window teaches nothing,
TIMES, TIMES_UNKNOWN = 2.0, 4.0  # and so many times more or less; the same before the weeks are known
SURELY_BACK = 2.3  # log likelihood by which windows are more like the level before: ten to one
PRIOR = 4.0  # things that the long-term level counts for beside the recent level
CLIPPED = 25.0  # squared errors, in units of the usual one, are capped here
SLOPE = 0.3  # natural logarithms by which traffic may move an hour before its days are known: 8 to 1 and back
WEEKEND = 0.25  # the same from one day to another before the weeks are known
DAYS_KNOWN, WEEKS_KNOWN = 3 * DAY, 21 * DAY
LEAST_JUDGED = {
    0.0: 0.0,
    DAY: DAY / 2,
    WEEK: 6.5 * DAY,
}  # seconds of forecasts before a season's forecasts are compared


@dataclass(frozen=True)
class Season:
    """
    What windows are compared with: `now` (places,), what they hold in the next cycle, in rows of a window,
    and `past` (n,), what was forecast for each in the past. Without a `cycle` both are 1.
    """

    name: str
    past: Floats
    now: Floats
    cycle: Cycle | None = None
    period: float = 0.0


@dataclass(frozen=True)
class Forecast:
    """
    A season and a level: `mean` (n,) forecast for each past window; the `level` now, from `reach` windows
    that held `weight` by the season, times `growth`. `unknown` is the relative variance allowed for hours of
    the day that the past is too short to show.
    """

    season: Season
    reach: int
    mean: Floats
    level: float
    weight: float
    growth: float = 1.0
    unknown: float = 0.0


@dataclass(frozen=True)
class Windows:
    """
    The past: (n,) `values`; `middles` of the windows on the local clock; `width` and `end` in seconds;
    `usable` which may be learned from. `unit` is what one thing counts: 1 if things are counted. `odd`
    are those so far off that they teach nothing.
    """

    values: Floats
    middles: Floats
    width: float
    end: float
    usable: npt.NDArray[np.bool_]
    unit: float = 1.0
    odd: npt.NDArray[np.bool_] | None = None

    @property
    def taught(self) -> npt.NDArray[np.bool_]:
        """(n,) the usable ones that are not odd."""
        return self.usable if self.odd is None else self.usable & ~self.odd

    @property
    def span(self) -> float:
        """Seconds that the past reaches back."""
        return self.end - float(self.middles[0]) + self.width / 2


def best_forecast(past: Windows, period: float | None = None) -> Forecast | None:
    """
    The forecast with the smallest recent errors; None with fewer than eight usable windows.

    Made twice: the second time without what was far off by the first, as a live look would have left it out.

    Args:
        period: in seconds, of the season that it should have, if there is one.
    """
    if int(past.usable.sum()) < LEAST_WINDOWS:
        return None
    first = _choose(past, list(_forecasts(past)), period)
    if first is None:
        return None
    odd = _odd(past, first)
    again = _choose(past, list(_forecasts(replace(past, odd=odd))), period) if odd.any() else None
    return again or first


def bounded(values: Floats, mean: Floats, variance: Floats) -> Floats:
    """(n,) values no further from their forecast than four deviations, or half of it."""
    far = np.maximum(4 * np.sqrt(np.maximum(variance, 0.0)), mean / 2)
    return np.asarray(np.clip(values, np.maximum(mean - far, 0.0), mean + far))


def _odd(past: Windows, forecast: Forecast) -> npt.NDArray[np.bool_]:
    """
    (n,) the windows far off the level of the preceding normal ones: an outage is no level, and its end no
    surge.

    What stays that far off for a day is a level.
    """
    known = past.usable & np.isfinite(forecast.season.past)
    seen = known & np.isfinite(forecast.mean)
    error = np.abs(past.values - forecast.mean)[seen]
    size = np.sqrt(np.maximum(forecast.mean[seen], past.unit))
    if not len(error):
        return np.zeros(len(known), dtype=bool)
    usual = max(1.4826 * float(np.median(error / size)), past.unit**0.5)
    if not (error > FAR * usual * size).any():
        return np.zeros(len(known), dtype=bool)
    odd = np.zeros(len(known), dtype=bool)
    places = np.flatnonzero(known)
    times = TIMES if past.span >= WEEKS_KNOWN else TIMES_UNKNOWN
    at_once = max(round(DAY / past.width), LEAST_WINDOWS)
    far = _walked(
        past.values[places],
        forecast.season.past[places],
        forecast.reach,
        FAR * usual,
        past.unit,
        times,
        at_once,
    )
    odd[places[far]] = True
    return odd


def _walked(
    values: Floats, season: Floats, reach: int, deviations: float, unit: float, times: float, at_most: int
) -> npt.NDArray[np.bool_]:
    """
    (n,) those odd relative to the last `reach` that were not, one after the other; a run has a maximal
    length.

    A run ends once windows are clearly more like the level before than like the run: at night few are clear.
    """
    y, due = values.tolist(), season.tolist()
    far = np.zeros(len(y), dtype=bool)
    level: deque[tuple[float, float]] = deque(zip(y[:LEAST_WINDOWS], due[:LEAST_WINDOWS], strict=True))
    held, by = float(sum(y[:LEAST_WINDOWS])), float(sum(due[:LEAST_WINDOWS]))
    row, share, back = 0, 1.0, 0.0
    for place in range(LEAST_WINDOWS, len(y)):
        mean = due[place] * held / by if by > 0 else 0.0
        variance = max(mean, unit) * (deviations / FAR) ** 2
        far_off = not mean / times <= y[place] <= mean * times
        if far_off and abs(y[place] - mean) > FAR * variance**0.5:
            row, share, back = row + 1, y[place] / max(mean, unit), 0.0
        elif row:
            back += ((y[place] - share * mean) ** 2 - (y[place] - mean) ** 2) / 2 / variance
            row, back = (0 if back > SURELY_BACK else row + 1), max(back, 0.0)
        if row > at_most:
            far[place - at_most : place] = False
            level.clear()
            held, by, row = 0.0, 0.0, 0
        far[place] = row > 0
        if not row:
            level.append((y[place], due[place]))
            held, by = held + y[place], by + due[place]
            if len(level) > reach:
                one, other = level.popleft()
                held, by = held - one, by - other
    return far


def _forecasts(past: Windows) -> Iterator[Forecast]:
    for season in _seasons(past):
        for reach, grows in _reaches(past.width, past.span, season):
            forecast = _levelled(past, season, reach, grows)
            if forecast is not None:
                yield forecast


def _seasons(past: Windows) -> Iterator[Season]:
    """No season, and those that the past reaches back far enough for."""
    yield Season("no season", np.ones(len(past.values)), np.ones(1))
    held = np.where(past.taught, past.values, np.nan)
    one = np.ones(len(held))
    day = None
    if past.width < DAY / 2 and past.span > 2 * DAY:
        for width in sorted({max(PLACE, past.width), past.width}, reverse=True):
            found = learned(Cycle(DAY, width, DAYS, past.end), past.middles, held, one)
            yield _season("hour of day", found, past.middles)
            day = day or found
    if past.width <= DAY and past.span > 2 * WEEK:
        width = max(PLACE, past.width)
        weeks = WEEKS if past.width < DAY else DAILY_WEEKS
        week = learned(Cycle(WEEK, width, weeks, past.end), past.middles, held, one)
        yield _season("weekday and hour" if past.width < DAY else "weekday", week, past.middles)
        if day is not None:
            yield _crossed(past, held, day)


def _season(name: str, found: Profiles, middles: Floats) -> Season:
    return Season(name, found.of(middles), found.table[-1], found.cycle, found.cycle.period)


def _crossed(past: Windows, held: Floats, day: Profiles) -> Season:
    """
    The day's hours times a weekday factor in coarse places: few weeks say no more. The weekday's factor
    changes at midnight, without interpolation.
    """
    daily = day.of(past.middles)
    coarse, midnight = max(COARSE, past.width), np.ceil(past.end / DAY) * DAY
    weekly = learned(Cycle(WEEK, coarse, WEEKS, float(midnight)), past.middles, held, daily)
    cycle = Cycle(WEEK, day.cycle.width, WEEKS, past.end)
    middles = past.end + (np.arange(cycle.places, dtype=np.float64) + 0.5) * cycle.width
    now = np.tile(day.table[-1], 7)[: cycle.places] * weekly.of(middles, within=DAY)
    return Season("weekday and hour", daily * weekly.of(past.middles, within=DAY), now, cycle, WEEK)


def _reaches(width: float, span: float, season: Season) -> list[tuple[int, bool]]:
    """How many windows a level is learned from, and whether it grows."""
    if width >= DAY:
        slow = max(round(WEEK / width), 4)
        return [(slow, False), (4 * slow, False), (slow, True)]
    if season.cycle is None and span < DAYS_KNOWN:
        return [(3, False), (LEAST_WINDOWS, False), (max(round(HOUR / width), LEAST_WINDOWS), False)]
    hours = [max(round(seconds / width), LEAST_WINDOWS) for seconds in (2 * HOUR, 8 * HOUR, DAY, WEEK)]
    return [(reach, False) for reach in sorted(set(hours))] + [(hours[-1], True)]


def _levelled(past: Windows, season: Season, reach: int, grows: bool) -> Forecast | None:
    """A season at the level of the `reach` usable windows before each."""
    used = past.taught & np.isfinite(season.past)
    held = np.append(0.0, np.cumsum(past.values[used]))
    due = np.append(0.0, np.cumsum(season.past[used]))
    before = np.append(0, np.cumsum(used))  # (n + 1,) usable ones before each window, and before the next
    since = np.maximum(before - reach, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        longest = held[before] / due[before]
        drawn = PRIOR * past.unit / np.maximum(longest, 1e-12)
        level = (held[before] - held[since] + PRIOR * past.unit) / (due[before] - due[since] + drawn)
        growth = np.ones(len(level))
        if grows:
            earlier = np.maximum(before - 2 * reach, 0)
            was = (held[since] - held[earlier]) / (due[since] - due[earlier])
            growth = np.clip(level / was, 0.5, 2.0) ** ((reach + 1) / 2 / reach)
    level = np.where((before >= min(reach, LEAST_WINDOWS)) & (longest > 0), level, np.nan)
    growth = np.where(before >= 2 * reach, growth, np.nan) if grows else growth
    if not (np.isfinite(level[-1]) and np.isfinite(growth[-1])):
        return None
    mean = (level * growth)[:-1] * season.past
    weight = float(due[before[-1]] - due[since[-1]] + drawn[-1])
    unknown = _unknown(past, season, reach)
    return Forecast(season, reach, mean, float(level[-1]), weight, float(growth[-1]), unknown)


def _unknown(past: Windows, season: Season, reach: int) -> float:
    """
    Relative variance by which the hours may have moved since the level, while the past cannot show them.
    """
    if season.period or past.width >= DAY or past.span >= DAYS_KNOWN:
        return 0.0
    return float(min(SLOPE * (reach + 1) / 2 * past.width / HOUR, 1.0) ** 2)


def _choose(past: Windows, forecasts: list[Forecast], period: float | None) -> Forecast | None:
    """
    The forecast with the smallest recent mean squared error, over windows for which all of them made one; of
    its season, or a longer one, the slowest level that is nearly as good: an undetected loss drags a quick
    level along, and a lasting change leaves it behind on another weekday.
    """
    most = max(round(JUDGED_DAYS * DAY / past.width), LEAST_WINDOWS)
    late = np.zeros(len(past.values), dtype=bool)
    late[np.flatnonzero(past.taught)[-most:]] = True
    judged: list[Forecast] = []
    for one in forecasts:
        seconds = float((late & np.isfinite(one.mean)).sum()) * past.width
        enough = max(
            LEAST_JUDGED[one.season.period], min(LEAST_WINDOWS / 2, past.usable.sum() / 2) * past.width
        )
        if seconds >= enough and np.isfinite(one.season.now).mean() > 1 / 2:
            judged.append(one)
    judged = [one for one in judged if one.season.period == period] or judged
    if not judged:
        return None
    means = np.array([one.mean for one in judged])
    common = late & np.isfinite(means).all(axis=0)
    if not common.any():
        return judged[0]
    size = np.maximum(means[:, common].mean(axis=0), past.unit)
    square = (past.values[common] - means[:, common]) ** 2 / size
    bound = CLIPPED * max(float(np.median(square.min(axis=0))) / 0.455, past.unit)
    unknown = np.array([one.unknown for one in judged]) * float(size.mean())
    loss = np.minimum(square, bound).mean(axis=1) + unknown
    good = [one for one, its in zip(judged, loss, strict=True) if its <= loss.min() * (1 + NEARLY)]
    best = judged[int(np.argmin(loss))].season
    as_long = [one for one in good if one.season is best or one.season.period > best.period]
    return max(as_long, key=lambda one: (one.reach, one.season.period, one.growth == 1.0))
