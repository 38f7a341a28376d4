"""
The timetable that deliveries keep: when in the day or the week each is due, and when it counts as late.

    arrivals → deliveries → slots on the circle of a day or a week → lateness of each → limit

A *slot* is a cluster of clock times in which nearly every day (week) had a delivery. How late is usual is
learned from the excess over the slot's median clock time, in units of the slot's own scatter and pooled over
the slots: peaks over a threshold, whose exponential mean excess is estimated from their median so that one or
two outages do not stretch it (Pickands 1975, Ann. Stat. 3(1); Balkema & de Haan 1974), and whose limit is
that of the predictive distribution, which accounts for how few peaks there were (Lomax 1954, JASA 49).
Several timetables are tried (by day and by week, finer and coarser slots, local clock and UTC); of those that
would not have been wrong more than twice, the one that would detect a stop at a random moment soonest is
kept.

Clock times are local, so a feed that comes at 09:00 comes at 09:00 after the clocks change. If the past
fits a local and a UTC clock equally well, a delivery is late once it is late by both; once three deliveries
fit only one of them, by that one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from statistics import median
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pandas as pd

from domain.detection.data.arrivals import Arrivals, Floats
from domain.detection.expect.silence import FALSE_ALARMS_PER_WEEK, LEAST_GAPS, RECURRENT, WEEK_SECONDS

Spans = tuple[tuple[float, float], ...]

DAY_SECONDS, MONDAY = 86_400.0, 3 * 86_400.0  # 1970-01-01 was a Thursday: three days after a Monday
MERGED_SECONDS = 900.0  # rows closer together than this came in one delivery
AHEAD_SECONDS = 14 * 86_400.0  # within which the next delivery is due, even by the week
FEW_A_DAY, MOST_A_DAY = 4, 100  # a day: above it only whole days teach; above it the feed trickles
CUTS = (600.0, 1_800.0, 5_400.0, 14_400.0)  # seconds between clock times above which they are two slots
PERIODS = ((DAY_SECONDS, 7, 0.9), (WEEK_SECONDS, 3, 0.7))
"""Length in seconds, periods that must have been seen, share of them in which a slot had a delivery."""
LEAST_LATE = 0.02  # of the time between two slots: less is not worth a person's attention
EARLY = 0.25  # of the time since the previous slot: anything this early already is this slot's delivery
EMPTY_SHARE = 0.1  # of the usual size; anything smaller is not a delivery
SIMPLER = 0.93  # of a simpler rule's wait; another rule has to get below this to be better
ALIKE = 1.1  # multiple of the shortest wait up to which two clocks explain the past equally well
LEAST_SCATTER = 5.0  # seconds: no clock is trusted to be more exact
MANY = 30  # times of a slot above which a single one does not move their median
POOLED = 4.0  # deliveries that all slots' scatter together counts for beside a slot's own


@dataclass(frozen=True)
class Slot:
    """
    One time of the period at which a delivery is due, seconds since the period began: its median, and the
    range in which 90 % came. `early` and `late` are how long before and after the median it may come, `since`
    is the time since the previous slot.
    """

    centre: float
    low: float
    high: float
    early: float
    late: float
    since: float


@dataclass(frozen=True)
class Timetable:
    """
    Slots of each `period` (seconds) by the `clock`, a period beginning `origin` seconds after its calendar
    one. `wait` is how long it takes, on average, until a stop is detected; `scatter` is the lateness exceeded
    by the share `tail`, and `excess` how it falls off from there, seconds, estimated from `peaks` peaks.
    `off` is how far from their slots the newest deliveries were, seconds: the median of three.
    """

    clock: ZoneInfo
    period: float
    origin: float
    slots: tuple[Slot, ...]
    wait: float
    scatter: float
    excess: float
    tail: float
    peaks: int
    off: float

    def due(self, since: float, until: float) -> tuple[Floats, npt.NDArray[np.int64]]:
        """When (k,) in [since, until) something is due, unix seconds, ascending; (k,) which slot it is."""
        begin, end = _local(np.array([since, until]), self.clock) + MONDAY - self.origin
        index = np.arange(
            int((begin - DAY_SECONDS) // self.period), int((end + DAY_SECONDS) // self.period) + 1
        )
        centres = np.array([slot.centre for slot in self.slots])
        local = (index[:, None] * self.period + centres[None, :]).ravel() + self.origin - MONDAY
        moments = _moments(local, self.clock)
        order = np.argsort(moments, kind="stable")
        order = order[(moments[order] >= since) & (moments[order] < until)]
        return moments[order], np.tile(np.arange(len(centres)), len(index))[order]


@dataclass(frozen=True)
class _Kept:
    """
    How a timetable was kept: (k,) what was due, ascending, with its `slot`, how many seconds `late` the next
    delivery came, and the `place` of that delivery. `own`: that delivery is not also the next due one's;
    `good`: nothing is known to have been wrong.
    """

    slot: npt.NDArray[np.int64]
    late: Floats
    place: npt.NDArray[np.int64]
    own: npt.NDArray[np.bool_]
    good: npt.NDArray[np.bool_]

    def of(self, slot: int) -> Floats:
        """(n,) seconds late to learn from; none if only faulty ones remain."""
        return np.asarray(self.late[(self.slot == slot) & self.own & self.good])

    def newest(self, slot: int) -> tuple[Floats, npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
        """The last three times it was due, whatever is known about them: late, place, own."""
        mine = np.flatnonzero(self.slot == slot)[-RECURRENT:]
        return self.late[mine], self.place[mine], self.own[mine]


@dataclass(frozen=True)
class Overdue:
    """
    A delivery that did not come: `due` (unix seconds), usually between `low` and `high`, late from `limit`
    on; `weekday`: whether those apply to its day of the week. `since` is the usual time between it and the
    previous one; `p_value` the share of deliveries that are at least this late.
    """

    due: float
    low: float
    high: float
    limit: float
    since: float
    weekday: bool
    p_value: float


def deliveries(arrivals: Arrivals) -> tuple[Floats, Floats]:
    """When each delivery began, unix seconds (m,), and its size (m,)."""
    if not len(arrivals.first):
        return np.zeros(0), np.zeros(0)
    apart = max(2 * arrivals.width, MERGED_SECONDS)
    begins = np.append(True, arrivals.first[1:] - arrivals.last[:-1] > apart)
    places = np.cumsum(begins) - 1
    return arrivals.first[begins], np.bincount(places, arrivals.size).astype(np.float64)


def whole(sizes: Floats) -> npt.NDArray[np.bool_]:
    """(m,) which deliveries count: those with at least a tenth of the usual size, and a size other than 0."""
    held = sizes[sizes > 0]
    return (sizes > 0) & (sizes >= EMPTY_SHARE * (float(np.median(held)) if len(held) else 0.0))


def learn_timetables(
    times: Floats, zone: ZoneInfo, wrong: Spans = (), weekly: float = FALSE_ALARMS_PER_WEEK
) -> tuple[Timetable, ...]:
    """
    The timetables that explain complete deliveries at `times` (m,) equally well: at most one per clock; empty
    if none does.

    Args:
        wrong: spans of time (unix seconds) from which nothing is to be learned.
        weekly: false alarms a week that it may cost.
    """
    if len(times) < LEAST_GAPS or len(times) > MOST_A_DAY * (1 + (times[-1] - times[0]) / DAY_SECONDS):
        return ()
    if len(times) > FEW_A_DAY * (times[-1] - times[0]) / DAY_SECONDS:
        first, last = np.ceil(times[0] / DAY_SECONDS), times[-1] // DAY_SECONDS
        days = times / DAY_SECONDS
        times = times[(days >= first) & (days < last)]  # whole days: it is learned anew only once a day
        if len(times) < LEAST_GAPS:
            return ()
    spans = tuple((since, until) for since, until in wrong if since < times[-1] and until > times[0])
    return _learned(times.tobytes(), zone, spans, weekly)


@lru_cache(maxsize=512)
def _learned(times: bytes, zone: ZoneInfo, wrong: Spans, weekly: float) -> tuple[Timetable, ...]:
    """Cached from look to look: it changes only with a delivery."""
    moments = np.frombuffer(times)
    clocks = dict.fromkeys((zone, ZoneInfo("UTC")) if _changes(moments, zone) else (zone,))
    found = [one for clock in clocks if (one := _best(moments, clock, wrong, weekly)) is not None]
    nearest = min((one.off for one in found), default=0.0)
    right = [one for one in found if one.off <= nearest + LEAST_LATE * DAY_SECONDS]
    right = [one for one in right if not any(_explains_less(one, other, moments) for other in right)]
    shortest = min((one.wait for one in right), default=0.0)
    return tuple(one for one in right if one.wait <= ALIKE * shortest)


def _explains_less(one: Timetable, other: Timetable, times: Floats) -> bool:
    """
    Whether several of the deliveries at `times` (m,), not only an outage or two, were off by `one` and not by
    `other`: weeks after the clocks changed, the newest fit the slots of both.
    """
    mine, others = (_off(table, times) for table in (one, other))
    apart = LEAST_LATE * DAY_SECONDS
    return int((mine > others + apart).sum()) - int((others > mine + apart).sum()) >= RECURRENT


def _off(table: Timetable, times: Floats) -> Floats:
    """(m,) seconds from each delivery to the nearest time at which one is due."""
    due, _slot = table.due(float(times[0]) - 2 * table.period, float(times[-1]) + 2 * table.period)
    after = np.searchsorted(due, times)
    return np.asarray(np.minimum(due[after] - times, times - due[after - 1]))


def _changes(times: Floats, clock: ZoneInfo) -> bool:
    """Whether the clocks change between the first delivery and a while after the last; if not, all agree."""
    moments = np.array([times[0], times[-1], times[-1] + AHEAD_SECONDS])
    return bool(np.ptp(_local(moments, clock) - moments) > 0)


def _best(times: Floats, clock: ZoneInfo, wrong: Spans, weekly: float) -> Timetable | None:
    best: Timetable | None = None
    local = _local(times, clock) + MONDAY
    for period, least, share in PERIODS:
        for cut in CUTS:
            tried = _timetable(times, local, clock, (period, least, share, cut), wrong, weekly)
            if tried and (best is None or tried.wait < SIMPLER * best.wait):
                best = tried
    return best


def _timetable(
    times: Floats,
    local: Floats,
    clock: ZoneInfo,
    how: tuple[float, int, float, float],
    wrong: Spans,
    weekly: float,
) -> Timetable | None:
    """
    A timetable of one period and cut; None if the past does not follow one. `local` are the `times` (m,) by
    the clock, seconds since a Monday.
    """
    period, least, share, cut = how
    circle = _clusters(local % period, period, cut)
    if circle is None:
        return None
    origin, groups = circle
    shifted = local - origin
    index, phase = np.floor(shifted / period).astype(np.int64), shifted % period
    lost = sum(min(until, times[-1]) - max(since, times[0]) for since, until in wrong)
    seen = index[-1] - index[0]  # whole periods: the first and the last are incomplete
    wanted = max(float(least), share * (seen - lost / period))
    inside = [(phase >= low) & (phase <= high) for low, high in groups]
    centres = [_median(phase[mine]) for mine in inside if len(set(index[mine].tolist())) >= wanted]
    if not centres or seen < least:
        return None
    bare = Timetable(clock, period, origin, _bare(centres, period), 0.0, 0.0, 1.0, 0.0, 1, 0.0)
    return _limited(bare, _kept(times, bare, wrong), weekly)


def _clusters(phase: Floats, period: float, cut: float) -> tuple[float, list[tuple[float, float]]] | None:
    """
    Where the circle is best opened, and from there the (first, last) clock time of each cluster; None if
    nothing separates them.
    """
    ordered = np.sort(phase)
    gaps = np.diff(np.append(ordered, ordered[0] + period))
    widest = int(np.argmax(gaps))
    if gaps[widest] <= cut:
        return None
    origin = float((ordered[widest] + gaps[widest] / 2) % period)
    turned = np.sort((phase - origin) % period)
    parts = np.split(turned, np.flatnonzero(np.diff(turned) > cut) + 1)
    return origin, [(float(part[0]), float(part[-1])) for part in parts]


def _bare(centres: list[float], period: float) -> tuple[Slot, ...]:
    """Slots with a median and what follows from it: which deliveries are theirs."""
    since = [centre - before for before, centre in pairwise([centres[-1] - period, *centres])]
    return tuple(
        Slot(centre, 0.0, 0.0, EARLY * gap, 0.0, gap) for centre, gap in zip(centres, since, strict=True)
    )


def _kept(times: Floats, bare: Timetable, wrong: Spans) -> _Kept:
    """
    How the deliveries kept to a timetable. Due times that no delivery followed are left out: it may yet come.
    """
    due, slot = bare.due(float(times[0]), float(times[-1]) + bare.period)
    early = np.array([one.early for one in bare.slots])[slot]
    place = np.searchsorted(times, due - early)
    followed = place < len(times)
    due, slot, place = due[followed], slot[followed], place[followed]
    good = np.ones(len(due), dtype=bool)
    for since, until in wrong:
        good &= ~((due > since) & (due <= until))
    return _Kept(slot, times[place] - due, place, np.append(np.diff(place) > 0, True)[: len(due)], good)


def _limited(bare: Timetable, kept: _Kept, weekly: float) -> Timetable | None:
    """
    The timetable with its limits, provided that at most twice in its own past would have been called late.
    """
    held = [kept.of(place) for place in range(len(bare.slots))]
    if any(len(late) < RECURRENT for late in held):
        return None
    off = [_median(np.abs(late)) for late in held]
    pooled = median(off)
    scatter = _scatter(np.array(off), np.array([len(late) for late in held]), pooled)
    threshold, excess, tail, peaks = _tail(np.concatenate([_by_the_others(late, pooled) for late in held]))
    allowed = weekly * bare.period / (WEEK_SECONDS * len(bare.slots))
    rare = threshold + excess * peaks * max(0.0, (tail / allowed) ** (1 / peaks) - 1)
    least = LEAST_LATE * float(np.median([slot.since for slot in bare.slots]))
    slots = tuple(
        _spread(slot, late, max(rare * by, least), kept.newest(place))
        for place, (slot, late, by) in enumerate(zip(bare.slots, held, scatter, strict=True))
    )
    limit, since = np.array([slot.late for slot in slots]), np.array([slot.since for slot in slots])
    missed = kept.good & (~kept.own | (kept.late > limit[kept.slot]))
    if len(np.unique(kept.place[missed])) >= RECURRENT:
        return None
    by, wait = float(np.median(scatter)), float(np.sum(since * limit + since**2 / 2) / bare.period)
    return replace(
        bare,
        slots=slots,
        wait=wait,
        scatter=threshold * by,
        excess=max(excess * by, 1.0),
        tail=tail,
        peaks=peaks,
        off=float(np.median(np.abs(kept.late[kept.own][-RECURRENT:]))),
    )


def _median(values: Floats) -> float:
    """
    The median of some dozens of numbers (n,), none of them NaN: numpy's is many times slower for so few.
    """
    return float(median(values.tolist()))


def _scatter(own: Floats, count: int | npt.NDArray[np.int64], pooled: float) -> Floats:
    """
    (n,) how far off a slot's times usually are, seconds: estimated from `count` times, half of which are at
    most `own` off; with few of them, from all slots' times as well.
    """
    return np.maximum((count * own + POOLED * pooled) / (count + POOLED), LEAST_SCATTER)


def _by_the_others(late: Floats, pooled: float) -> Floats:
    """
    (n,) seconds late, in units of the scatter and relative to the median of the slot's other times: with few
    times, each would otherwise be compared with itself, and weekdays would seem to matter that do not.
    """
    many = len(late)
    if many > MANY:
        return np.asarray((late - _median(late)) / _scatter(np.median(np.abs(late)), many, pooled))
    others = np.broadcast_to(late, (many, many))[~np.eye(many, dtype=bool)].reshape(many, many - 1)
    centres = np.median(others, axis=1)
    off = np.median(np.abs(others - centres[:, None]), axis=1)
    return np.asarray((late - centres) / _scatter(off, many - 1, pooled))


def _tail(scaled: Floats) -> tuple[float, float, float, int]:
    """
    A threshold, the mean excess of (n,) over it estimated from the median, the share that exceeds it, and how
    many.
    """
    ordered = np.sort(scaled)
    over = min(max(RECURRENT, len(ordered) // 10), len(ordered) - 1)
    threshold = float(ordered[-over - 1])
    excess = _median(ordered[-over:] - threshold) / float(np.log(2.0))
    return threshold, excess, over / (len(ordered) + 1), over


def _spread(
    slot: Slot, held: Floats, late: float, newest: tuple[Floats, npt.NDArray[np.int64], npt.NDArray[np.bool_]]
) -> Slot:
    """
    The slot with its limit. If three separate deliveries in a row came late, or in a row came with the next
    one, that is when it comes now, whatever is known about them.
    """
    after, places, own = newest
    if len(set(places.tolist())) == RECURRENT and after.min() > late:
        late = float(after.min() + LEAST_LATE * slot.since) if own.all() else float(after.max())
    low, high = (slot.centre + np.quantile(held, (0.05, 0.95))).tolist()
    return replace(slot, low=low, high=high, late=late)


def overdue(
    tables: tuple[Timetable, ...], times: Floats, at: float, not_due: tuple[tuple[float, ...], ...] = ()
) -> Overdue | None:
    """
    The newest delivery that should have come by `at`, given complete ones at `times` (m,); None if it came,
    or if one of the timetables is still waiting for it.

    Args:
        not_due: for each timetable, the times in it (unix seconds) at which nothing comes; none if not given.
    """
    left_out = not_due or ((),) * len(tables)
    found = [_overdue(table, times, at, off) for table, off in zip(tables, left_out, strict=True)]
    if not found or any(one is None for one in found):
        return None
    return max((one for one in found if one is not None), key=lambda one: one.limit)


def _overdue(table: Timetable, times: Floats, at: float, not_due: tuple[float, ...]) -> Overdue | None:
    if len(times) and at <= _patience(table, float(times[-1]), not_due):
        return None
    longest = max(slot.late for slot in table.slots)
    back = longest + table.period + DAY_SECONDS + (AHEAD_SECONDS if not_due else 0.0)
    moments, places = table.due(at - back, at)
    late = np.array([slot.late for slot in table.slots])[places]
    passed = np.flatnonzero((moments + late < at) & ~np.isin(moments, not_due))
    if not len(passed):
        return None
    due, slot = float(moments[passed[-1]]), table.slots[int(places[passed[-1]])]
    beyond = max(0.0, at - due - table.scatter)
    return Overdue(
        due=due,
        low=due + slot.low - slot.centre,
        high=due + slot.high - slot.centre,
        limit=due + slot.late,
        since=slot.since,
        weekday=table.period > DAY_SECONDS,
        p_value=min(1.0, table.tail * (1 + beyond / (table.peaks * table.excess)) ** -table.peaks),
    )


@lru_cache(maxsize=512)
def _patience(table: Timetable, newest: float, not_due: tuple[float, ...]) -> float:
    """How long to wait for the next delivery after the `newest`, as unix seconds."""
    longest = max(slot.since for slot in table.slots)
    ahead = table.period + longest + DAY_SECONDS + (AHEAD_SECONDS if not_due else 0.0)
    moments, places = table.due(newest, newest + ahead)
    early, late = (
        np.array([getattr(slot, name) for slot in table.slots])[places] for name in ("early", "late")
    )
    return float((moments + late)[(moments - early >= newest) & ~np.isin(moments, not_due)].min())


def _local(times: Floats, clock: ZoneInfo) -> Floats:
    """(n,) seconds since 1970 as shown by the clock on the wall."""
    if str(clock) == "UTC":
        return np.asarray(times, dtype=np.float64)
    wall = pd.to_datetime(times, unit="s", utc=True).tz_convert(clock).tz_localize(None)
    return np.asarray((wall - pd.Timestamp("1970-01-01")) / pd.Timedelta(seconds=1), dtype=np.float64)


def _moments(local: Floats, clock: ZoneInfo) -> Floats:
    """(n,) unix seconds at which the clock on the wall shows this many seconds since 1970."""
    if str(clock) == "UTC":
        return local
    naive = pd.to_datetime(local, unit="s")
    aware = naive.tz_localize(clock, ambiguous=np.ones(len(local), dtype=bool), nonexistent="shift_forward")
    since = aware.tz_convert("UTC") - pd.Timestamp("1970-01-01", tz="UTC")
    return np.asarray(since / pd.Timedelta(seconds=1), dtype=np.float64)
