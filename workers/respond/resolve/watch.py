"""
Watches a hotfix in force by the metric that raised the alarm, and by its guards, for as long as it acts.

    watch   until the metric is back, the declared time is over, or it does harm
    guard   after that verdict until it expires or is reverted: only harm is looked for
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from math import ceil
from typing import NamedTuple

import structlog

from domain.detection.judge.again.measure import Measurement
from domain.detection.judge.harm import WatchedWindow, harmful
from domain.errors import ConfigurationError, NoRows, RecsysopsError, SourceError, Unmeasurable, sanitized
from domain.incident import commands as c
from domain.incident.comparison import number
from domain.incident.events import HotfixApplied, HotfixExpired, HotfixReverted, HotfixWatched, Recorded
from domain.incident.events.hotfix import WORTH_KEEPING
from domain.incident.numbers import lasting
from domain.incident.state import Hotfix, replay
from domain.recommender.recommender import Recommender
from domain.values import Finding
from workers.checks.measure import measure
from workers.detect.past import past_before, suspects
from workers.log.obligations import Work
from workers.respond.resolve.guards import new_alarm
from workers.respond.resolve.served_first import InStage, harm_to_served
from workers.store.log.events import read_stream

LOOK_AGAIN_AFTER = timedelta(seconds=15)
REPAIRED_ENOUGH = WORTH_KEEPING
"""Share of the gap that must be closed as well: lying in a wide band alone says little."""

NEVER_BY_CHANCE = 20.0
"""Rows expected where there are none: by chance alone, this happens less than once in 10⁸ times."""

GONE = (HotfixReverted, HotfixExpired)
"""Events after which a hotfix no longer acts."""

_log = structlog.get_logger(__name__)


class Deployed(NamedTuple):
    """
    A hotfix in force, the finding as it was at its deployment, and the looks since, in the log's order. Its
    stage began at `stage_at`.
    """

    hotfix: Hotfix
    applied_at: datetime
    stage_at: datetime
    watch_until: datetime
    finding: Finding | None
    looks: Sequence[HotfixWatched]


def watch(work: Work, recommender: Recommender) -> Sequence[c.Command]:
    """
    Look once. Verified as soon as one whole window after the deployment has its metric back in the band, and
    either chance cannot explain the repair or an earlier window that shares no row with it shows it too;
    refuted if the declared watch time ends without that; until then a look is only recorded. Harm is reported
    as soon as it is seen. While only some members are served, the metric can hardly be back: if no harm shows
    until the time is over, the hotfix goes on to the next stage.
    """
    deployed = deployed_now(work)
    if harm := new_alarm(work, deployed.hotfix, deployed.applied_at):
        return (harm,)
    if deployed.finding is None:
        reason = "No check raised this incident, so nothing can be measured; judge it yourself."
        return (c.RefuteHotfix(option=deployed.hotfix.option, reason=reason),)
    if not _knows(recommender, deployed.finding, deployed.applied_at, work.at):
        return ()
    return _look(work, recommender, deployed, deployed.finding)


def guard(work: Work, recommender: Recommender) -> Sequence[c.Command]:
    """Look once at a hotfix that stays in force after its watch: report harm, or just record the look."""
    deployed = deployed_now(work)
    if harm := new_alarm(work, deployed.hotfix, deployed.applied_at):
        return (harm,)
    finding = deployed.finding
    if finding is None or not _knows(recommender, finding, deployed.applied_at, work.at):
        return ()
    start, end = window_to_look_at(recommender, finding, deployed.stage_at, work.at)
    if finding.kind != "predicted" and end - start < finding.window_end - finding.window_start:
        return ()
    try:
        seen = measure_now(work, recommender, finding, start, end)
    except (RecsysopsError, ValueError) as error:
        _log.warning("not_measured", incident=work.incident.number, error=sanitized(error))
        gone = _all_gone(deployed, finding, error, end)
        return (gone,) if gone else ()
    return (_harm(deployed, finding, seen, start, end) or _seen(deployed, finding, seen, start, end),)


def deployed_now(work: Work) -> Deployed:
    """
    What is in force, and what was found when it was deployed.

    Raises:
        ConfigurationError: nothing is deployed.
    """
    hotfix = work.incident.hotfix
    if hotfix is None or hotfix.applied_at is None or hotfix.watch_until is None:
        raise ConfigurationError(f"#{work.incident.number} has no deployed hotfix to watch.")
    with work.log.connect() as connection:
        events = read_stream(connection, work.incident.stream)
    applied = (n for n, recorded in enumerate(events) if isinstance(recorded.event, HotfixApplied))
    place = max(applied, default=len(events))
    # In the log's order: a clock may have been set back.
    looks = [one.event for one in events[place:] if isinstance(one.event, HotfixWatched)]
    stage_at = hotfix.stage_at or hotfix.applied_at
    return Deployed(hotfix, hotfix.applied_at, stage_at, hotfix.watch_until, _without(events[:place]), looks)


def _without(events: Sequence[Recorded]) -> Finding | None:
    """
    The finding as it was at the end of these events; or, if its window overlaps an earlier hotfix, as it was
    before that one: what an earlier hotfix damaged or repaired must not be the next one's yardstick.
    """
    then = replay(events)
    finding = then.finding if then else None
    if finding is None:
        return None
    for place, recorded in enumerate(events):
        if isinstance(recorded.event, HotfixApplied) and recorded.at < finding.window_end:
            ended = next((one.at for one in events[place:] if isinstance(one.event, GONE)), None)
            if ended is None or finding.window_start < ended:
                return _without(events[:place])
    return finding


def _look(work: Work, recommender: Recommender, deployed: Deployed, finding: Finding) -> Sequence[c.Command]:
    hotfix, looks = deployed.hotfix, deployed.looks
    start, end = window_to_look_at(recommender, finding, deployed.stage_at, work.at)
    # A forecast is about a day to come: it can be judged as soon as it knows of the hotfix.
    long_enough = min(finding.window_end - finding.window_start, deployed.watch_until - deployed.stage_at)
    whole = finding.kind == "predicted" or end - start >= long_enough
    over = end >= deployed.watch_until
    if not whole or (not over and end < _last_look(looks, hotfix) + LOOK_AGAIN_AFTER):
        return ()
    if lost := harm_to_served(work, recommender, finding, hotfix, _stage_of(deployed, end)):
        return (lost,)
    try:
        seen = measure_now(work, recommender, finding, start, end)
    except (RecsysopsError, ValueError) as error:
        if gone := _all_gone(deployed, finding, error, end):
            return (gone,)
        if over or isinstance(error, Unmeasurable):
            return (
                c.RefuteHotfix(
                    option=hotfix.option, reason=f"Its effect could not be measured: {sanitized(error)}"
                ),
            )
        _log.warning("not_measured", incident=work.incident.number, error=sanitized(error))
        return ()
    harm = _harm(deployed, finding, seen, start, end)
    return (harm or _judged(deployed, finding, seen, over, start, end),)


def _stage_of(deployed: Deployed, end: datetime) -> InStage:
    """The stage up to now, and where the last look ended."""
    looked = max((one.window_end for one in deployed.looks), default=None)
    return InStage(deployed.stage_at, end, looked)


def _harm(
    deployed: Deployed, finding: Finding, seen: Measurement, start: datetime, end: datetime
) -> c.RecordHarm | None:
    """Harm, if the gap grew since the deployment and chance cannot explain it."""
    now = _as_look(_seen(deployed, finding, seen, start, end))
    if now is None:
        return None
    earlier = [look for one in deployed.looks if (look := _as_look(one))]
    window = max(end - start, LOOK_AGAIN_AFTER)
    nth = 1 + (end - deployed.applied_at) // window
    shown = harmful(finding, [*earlier, now], nth, often=ceil(window / LOOK_AGAIN_AFTER))
    if not shown:
        return None
    low, high = now.repaired - now.half, now.repaired + now.half
    grew = f"{-100 * now.repaired:.0f} % [{-100 * high:.0f}–{-100 * low:.0f}]"
    agree = "two looks in a row agree" if len(shown) > 1 else "one look was enough"
    reason = (
        f"the gap grew by {grew} since its deployment: {seen.observed:,.0f} {finding.unit} where "
        f"{seen.expected:,.0f} are expected, then {finding.observed:,.0f} where {finding.expected:,.0f} "
        f"were; {agree}, chance alone does so in less than one deployment in a hundred"
    )
    return c.RecordHarm(
        option=deployed.hotfix.option, reason=reason, repaired_share=now.repaired, low=low, high=high
    )


def _all_gone(deployed: Deployed, finding: Finding, error: Exception, end: datetime) -> c.RecordHarm | None:
    """Harm, if the table has no row in two consecutive windows although its slice alone expects so many."""
    two = 2 * (finding.window_end - finding.window_start)
    began = max((look.window_end for look in deployed.looks), default=deployed.stage_at)
    since = max(began, deployed.stage_at)
    if not isinstance(error, NoRows) or end - since < two or 2 * finding.expected < NEVER_BY_CHANCE:
        return None
    reason = (
        f'no row at all has come to table "{finding.table}" for {lasting(end - since)}; in its slice alone '
        f"{finding.expected:,.0f} {finding.unit} were expected in {lasting(two / 2)}"
    )
    return c.RecordHarm(option=deployed.hotfix.option, reason=reason)


def _as_look(one: HotfixWatched | c.RecordWatch) -> WatchedWindow | None:
    """The look as a watched window; None if its interval is not known."""
    if one.low is None or one.high is None or one.window_start is None:
        return None
    return WatchedWindow(one.window_start, one.window_end, one.repaired_share, (one.high - one.low) / 2)


def _knows(recommender: Recommender, finding: Finding, applied_at: datetime, at: datetime) -> bool:
    """
    Whether the finding's time has begun, or the launch calendar was written since the deployment. Many
    calendars are written once a day, so the watch waits for that, whatever was declared, at most until the
    launch.
    """
    if at >= finding.window_start:
        return True
    from workers.predict.launch import looked_at  # noqa: PLC0415 - most incidents need no forecast

    try:
        newest = looked_at(recommender, finding, at)
    except SourceError as error:
        _log.warning("calendar_not_read", error=str(error))
        return False
    return newest is not None and newest > applied_at


def measure_now(
    work: Work, recommender: Recommender, finding: Finding, start: datetime, end: datetime
) -> Measurement:
    """The finding's metric over [start, end), for everybody; raises as `measure` does."""
    if finding.kind != "predicted":
        past = past_before(work.log, recommender, work.incident, work.at)
        return measure(recommender, finding, start, end, past)
    from workers.predict.launch import measure_launch  # noqa: PLC0415 - most incidents need no forecast

    return measure_launch(recommender, finding, work.at, suspects(work.log, work.at))


def window_to_look_at(
    recommender: Recommender, finding: Finding, applied_at: datetime, at: datetime
) -> tuple[datetime, datetime]:
    """
    The newest complete window, as long as the finding's, without anything from before the deployment. A
    forecast need not wait for rows to settle: it uses everything known by now.
    """
    table = None if finding.kind == "predicted" else recommender.tables.get(finding.table)
    end = at - (table.settle if table else timedelta(0))
    return max(applied_at, end - (finding.window_end - finding.window_start)), end


def _judged(
    deployed: Deployed, finding: Finding, seen: Measurement, over: bool, start: datetime, end: datetime
) -> c.Command:
    option, repaired = deployed.hotfix.option, seen.repaired(finding)
    low, high = _interval(finding, seen)
    if seen.within:
        repaired = min(repaired, 1.0)  # more than the whole gap is chance
    if deployed.hotfix.share < 1.0:
        passed = c.PassStage(option=option, share=deployed.hotfix.share)
        return passed if over else _seen(deployed, finding, seen, start, end)
    before = any(
        look.window_end <= start and look.repaired_share >= REPAIRED_ENOUGH
        for look in deployed.looks
        if look.window_start is None or look.window_start >= deployed.stage_at
    )
    if seen.within and repaired >= REPAIRED_ENOUGH and (before or low is None or low > 0):
        return c.VerifyHotfix(
            option=option,
            observed=seen.observed,
            expected=seen.expected,
            repaired_share=repaired,
            low=low,
            high=high,
        )
    if over:
        reason = (
            f"{number(seen.observed, finding)} {finding.unit} where {number(seen.expected, finding)} are "
            f"expected ({number(seen.low, finding)} to {number(seen.high, finding)}): "
            f"{_closed(repaired)}"
        )
        return c.RefuteHotfix(option=option, reason=reason, repaired_share=repaired, low=low, high=high)
    return _seen(deployed, finding, seen, start, end)


def _closed(repaired: float) -> str:
    """How much of the gap was closed, in words."""
    if repaired < 0:
        return f"the gap grew by {-100 * repaired:.0f} %"
    return f"{100 * repaired:.0f} % of the gap is closed"


def _seen(
    deployed: Deployed, finding: Finding, seen: Measurement, start: datetime, end: datetime
) -> c.RecordWatch:
    repaired = seen.repaired(finding)
    low, high = _interval(finding, seen)
    return c.RecordWatch(
        option=deployed.hotfix.option,
        observed=seen.observed,
        expected=seen.expected,
        repaired_share=min(repaired, 1.0) if seen.within else repaired,
        window_start=start,
        window_end=end,
        low=low,
        high=high,
    )


def _interval(finding: Finding, seen: Measurement) -> tuple[float | None, float | None]:
    """
    The 95 % interval of the repaired share, for a forecast the 90 % one: chance moves what is observed by as
    much as the band is wide.

    None if the gap was not relative to anything expected.
    """
    return seen.repaired_within(finding) or (None, None)


def _last_look(looks: Sequence[HotfixWatched], hotfix: Hotfix) -> datetime:
    return max((look.window_end for look in looks), default=hotfix.at - LOOK_AGAIN_AFTER)
