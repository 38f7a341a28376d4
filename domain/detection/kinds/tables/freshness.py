"""A delivery that is late by its timetable; if rows trickle in, a silence that is longer than usual."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from domain.detection.data.arrivals import Arrivals as Arrived
from domain.detection.data.arrivals import Feeds, Floats
from domain.detection.data.check_run import CheckRun
from domain.detection.data.window import HOUR
from domain.detection.expect.holiday_arrivals import holiday_spans, not_due, quiet_spans
from domain.detection.expect.silence import (
    FALSE_ALARMS_PER_WEEK,
    LEAST_GAPS,
    Usual,
    silence_wait,
    usual_silence,
)
from domain.detection.expect.timetable import (
    Overdue,
    Spans,
    Timetable,
    deliveries,
    learn_timetables,
    overdue,
    whole,
)
from domain.detection.judge.again.measure import Measurement
from domain.detection.judge.comparison import Comparison
from domain.detection.judge.judging import Again, Judging
from domain.detection.judge.severity import SEV1_TIMES, SEV2_TIMES
from domain.detection.judge.state import SHORT_SECONDS as LONG
from domain.detection.judge.state import CheckState, Verdict, confirm
from domain.detection.judge.title import place_of
from domain.detection.kind import Kind, shared
from domain.detection.needs import Arrivals
from domain.detection.suited import Suited, by_time
from domain.recommender.check import Check
from domain.recommender.keys.duration import name_duration
from domain.recommender.options import Options
from domain.recommender.recommender import Recommender
from domain.values import Finding, Severity, Slice

THIS_WEEK = timedelta(days=6)  # within which the name of a weekday identifies the day


@dataclass(frozen=True)
class ArrivalPattern:
    """
    How a feed usually comes: `times` (n,) of what counts as arrived, unix seconds, and the rule by which the
    next one is late; `empty` are the time and size of what has come since and holds next to nothing.
    """

    times: Floats
    usual: Usual | None
    tables: tuple[Timetable, ...]
    empty: tuple[float, float] | None = None

    @property
    def known(self) -> bool:
        """Whether there is enough history to judge by."""
        return bool(self.tables) or self.usual is not None


def judge_freshness(check: Check, feeds: Feeds, state: CheckState) -> Verdict:
    """
    Whether what is due has not come, or the silence is longer than the promise `within`, or than it usually
    ever is; for each slice too, unless the whole table is late.
    """
    at = feeds.parts[()].at
    patterns = {where: pattern_of(check, feeds, where, state) for where in feeds.parts}
    if not len(patterns[()].times):
        return Verdict(state=state, judged=False, note="no row yet")
    if not any(pattern.known for pattern in patterns.values()):
        return Verdict(state=state, judged=False, note="not enough history yet")
    found = {
        where: finding
        for where, pattern in patterns.items()
        if (finding := _late(check, feeds, where, pattern)) is not None
    }
    findings = [found[()]] if () in found else list(found.values())
    verdict = confirm(state, findings, LONG, datetime.fromtimestamp(at, UTC))
    compared = (
        _compared(feeds.parts[where], where, patterns[where]) for where in patterns if where in state.traced
    )
    return verdict.comparing(one for one in compared if one is not None)


def _compared(arrivals: Arrived, where: Slice, pattern: ArrivalPattern) -> Comparison | None:
    """How long it has been silent; by a timetable, what is due is expected at a time, not as a number."""
    if pattern.usual is None or pattern.tables or not len(pattern.times):
        return None
    at = datetime.fromtimestamp(arrivals.at, UTC)
    return Comparison(
        slice=where,
        unit="seconds",
        window_start=at - timedelta(seconds=arrivals.width),
        window_end=at,
        observed=arrivals.at - float(pattern.times[-1]),
        expected=pattern.usual.longest,
        low=0.0,
        high=pattern.usual.limit,
    )


def pattern_of(check: Check, feeds: Feeds, where: Slice, state: CheckState) -> ArrivalPattern:
    """
    How the feed of a slice usually comes: by the rule that would detect a stop at a random moment sooner.
    """
    arrivals, within = feeds.parts[where], check.within.total_seconds() if check.within else None
    weekly = FALSE_ALARMS_PER_WEEK / len(feeds.parts)
    wrong = _wrong(arrivals.at, where, state)
    held = arrivals.where((arrivals.size > 0) & (arrivals.first < arrivals.at))
    days = holiday_spans(held.last, arrivals.at, feeds.zone, feeds.holidays)  # they teach no other day
    wrong = (*wrong, *days)
    times, gaps = held.last, _gaps(held, wrong)
    usual = usual_silence(gaps, held.width, within, weekly)
    if within is not None:
        return ArrivalPattern(times, usual, ())
    begun, sizes = deliveries(arrivals.where(arrivals.first < arrivals.at))
    sound = whole(sizes)
    tables = learn_timetables(begun[sound], feeds.zone, wrong, weekly)
    if not tables or (usual is not None and silence_wait(gaps, usual) <= tables[0].wait):
        return ArrivalPattern(times, usual, ())
    since = np.flatnonzero(sound)[-1]
    empty = (float(begun[-1]), float(sizes[-1])) if since < len(sound) - 1 else None
    return ArrivalPattern(begun[sound], usual, tables, empty)


def _wrong(at: float, where: Slice, state: CheckState) -> Spans:
    """The times (unix seconds) in which the feed of a slice is known to have been wrong."""
    return tuple(
        (one.since.timestamp(), one.until.timestamp())
        for one in state.wrong(datetime.fromtimestamp(at, UTC))
        if not one.slice or one.slice == where
    )


def _gaps(held: Arrived, wrong: Spans) -> Floats:
    """(n,) silences in seconds, without those in a period that is known to have been wrong."""
    gaps = held.first[1:] - held.last[:-1]
    good = np.ones(len(gaps), dtype=bool)
    for since, until in wrong:
        good &= ~((held.first[1:] > since) & (held.last[:-1] < until) & (gaps > held.width))
    return gaps[good] if int(good.sum()) >= LEAST_GAPS else gaps


def _late(check: Check, feeds: Feeds, where: Slice, pattern: ArrivalPattern) -> Finding | None:
    at = feeds.parts[where].at
    if not len(pattern.times):
        return None
    if pattern.tables:
        off = [not_due(table, pattern.times, at, feeds.zone, feeds.holidays) for table in pattern.tables]
        late = overdue(pattern.tables, pattern.times, at, tuple(off))
        return _overdue(check, feeds, where, pattern, late) if late is not None else None
    usual, silence = pattern.usual, at - float(pattern.times[-1])
    if usual and silence > usual.limit and not check.within:
        quiet = quiet_spans(pattern.times, at, feeds.zone, feeds.holidays)
        silence -= sum(max(min(until, at) - max(since, at - silence), 0.0) for since, until in quiet)
    return _silent(check, where, usual, silence, at) if usual and silence > usual.limit else None


def _overdue(check: Check, feeds: Feeds, where: Slice, pattern: ArrivalPattern, late: Overdue) -> Finding:
    """What was due, when it usually comes, since when nothing has come, and how late it is."""
    last, at = float(pattern.times[-1]), feeds.parts[where].at
    due, low, high = (_clock(moment, feeds.zone) for moment in (late.due, late.low, late.high))
    day = f" on {_moment(late.due, feeds.zone):%A}s" if late.weekday else ""
    nothing = f"nothing since {_said(last, at, feeds.zone)}"
    if pattern.empty is not None:
        came, size = pattern.empty
        unit = check.measure or ("row" if size == 1 else "rows")
        nothing = f"only {size:,.0f} {unit} came {_said(came, at, feeds.zone)}"
    clock = f"{_moment(late.due, feeds.zone):%Z}"
    says = f"due {due} {clock} (usually {low}–{high}{day}), {nothing}, {_words(at - late.due, 60)} late"
    return _finding(check, where, (last, at), (late.since, late.limit - last), late.p_value, says)


def _silent(check: Check, where: Slice, usual: Usual, silence: float, at: float) -> Finding:
    says = f"nothing new for {_words(silence)}, usually at most {_words(usual.longest)}"
    return _finding(
        check, where, (at - silence, at), (usual.longest, usual.limit), usual.p_value(silence), says
    )


def _finding(
    check: Check,
    where: Slice,
    window: tuple[float, float],
    usual: tuple[float, float],
    p_value: float,
    says: str,
) -> Finding:
    """A silence over `window`; `usual` is its usual length and upper limit (seconds)."""
    last, at = window
    times = (at - last) / max(usual[0], 1.0)
    worst = Severity.SEV1 if times >= SEV1_TIMES else Severity.SEV2
    return Finding(
        check=check.name,
        table=check.table or "",
        slice=where,
        window_start=datetime.fromtimestamp(last, UTC),
        window_end=datetime.fromtimestamp(at, UTC),
        observed=round(at - last, 1),
        expected=round(usual[0], 1),
        low=0.0,
        high=round(usual[1], 1),
        unit="seconds",
        p_value=p_value,
        severity=check.severity or (worst if times >= SEV2_TIMES else Severity.SEV3),
        affected_share=None if where else 1.0,
        title=f"{place_of(check.table or '', where)}: {says}"[:300],
    )


def measure_silence(run: CheckRun, feeds: Feeds, again: Again[Feeds]) -> Measurement:
    """How long the table or slice has been silent, in seconds, against the silence that was reported."""
    finding = again.finding
    whole = feeds.at(run.end.timestamp())
    came = arrived_since(run.check, whole, finding)
    since = finding.window_start.timestamp() if came is None else came
    silence = max(0.0, run.end.timestamp() - since)
    limit = finding.high if finding.high is not None else finding.expected
    return Measurement(
        observed=silence, expected=finding.expected, low=0.0, high=limit, p_value=float(silence <= limit)
    )


def _verdict(run: CheckRun, feeds: Feeds, memory: CheckState) -> Verdict:
    return judge_freshness(run.check, feeds.at(run.end.timestamp()), memory)


def arrived_since(check: Check, feeds: Feeds, finding: Finding) -> float | None:
    """When (unix seconds) the newest arrival came, if after the last one that the finding knows."""
    pattern = pattern_of(check, feeds, finding.slice, CheckState()) if finding.slice in feeds.parts else None
    came = pattern.times[pattern.times > finding.window_start.timestamp() + 1] if pattern else np.zeros(0)
    return float(came[-1]) if len(came) else None


def _moment(seconds: float, zone: ZoneInfo) -> datetime:
    return datetime.fromtimestamp(seconds, zone)


def _clock(seconds: float, zone: ZoneInfo) -> str:
    return f"{_moment(seconds, zone):%H:%M}"


def _said(seconds: float, at: float, zone: ZoneInfo) -> str:
    """The moment as people say it: with its weekday, or its date if that is long ago."""
    near = at - seconds < THIS_WEEK.total_seconds()
    return f"{_moment(seconds, zone):{'%a %H:%M' if near else '%Y-%m-%d %H:%M'}}"


def _words(seconds: float, unit: int = 1) -> str:
    return name_duration(timedelta(seconds=seconds // unit * unit if unit > 1 else round(seconds)))


def _suits(recommender: Recommender) -> Iterator[Suited]:
    for table in by_time(recommender):
        yield Suited(table.name)


KIND = Kind(
    name="freshness",
    purpose="a delivery that is late by its timetable, or a table that has been silent for too long",
    example={"within": "2h"},
    options=Options,
    needs=Arrivals(),
    judging=Judging(_verdict, measure_silence, over="windows"),
    sliced="asked",
    every=lambda window: min(window, HOUR),
    shared=shared,
    fault="feed",
    evidences=("monitor-1",),
    rows="reports",
    confirmed=False,
    least_windows=8,
    suits=_suits,
)
