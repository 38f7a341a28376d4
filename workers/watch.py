"""A deployed hotfix is watched by the metric that raised the alarm, until it is back or the time is over."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import dropwhile

import structlog

from domain.detection.judge.measure import Measurement
from domain.errors import ConfigurationError, RecsysopsError, SourceError, Unmeasurable
from domain.incident import commands as c
from domain.incident.events import HotfixWatched
from domain.incident.events.hotfix import WORTH_KEEPING
from domain.incident.state import Hotfix
from domain.recommender.recommender import Recommender
from domain.values import Finding
from workers.checks.measure import measure
from workers.debts import Work
from workers.detect.past import past_before, suspects
from workers.store.events import read_stream

LOOK_AGAIN_AFTER = timedelta(seconds=15)
REPAIRED_ENOUGH = WORTH_KEEPING
"""Share of the gap that has to be closed too: that the metric lies in a wide band says little alone."""

_log = structlog.get_logger(__name__)


def watch(work: Work, recommender: Recommender) -> Sequence[c.Command]:
    """
    One look. Verified as soon as one whole window after the deployment has its metric back in the band, and
    either chance cannot explain the repair or an earlier window without a row in common shows it too;
    refuted when the declared time to watch is over without it; until then a look is only written down.
    """
    hotfix, finding = work.incident.hotfix, work.incident.finding
    if hotfix is None or hotfix.applied_at is None or hotfix.watch_until is None:
        raise ConfigurationError(f"#{work.incident.number} has no deployed hotfix to watch.")
    if finding is None:
        reason = "No check raised this incident, so nothing can be measured; judge it yourself."
        return (c.RefuteHotfix(option=hotfix.option, reason=reason),)
    if not _knows(recommender, finding, hotfix.applied_at, work.at):
        return ()
    return _look(work, recommender, hotfix, finding, hotfix.applied_at, hotfix.watch_until)


def _look(
    work: Work,
    recommender: Recommender,
    hotfix: Hotfix,
    finding: Finding,
    applied_at: datetime,
    watch_until: datetime,
) -> Sequence[c.Command]:
    start, end = window_to_look_at(recommender, finding, applied_at, work.at)
    looks = _looks(work, hotfix)
    # A forecast is of a day to come: it may be looked at as soon as it knows of the hotfix.
    long_enough = min(finding.window_end - finding.window_start, watch_until - applied_at)
    whole = finding.kind == "predicted" or end - start >= long_enough
    over = end >= watch_until
    if not whole or (not over and end < _last_look(looks, hotfix) + LOOK_AGAIN_AFTER):
        return ()
    try:
        seen = _measure(work, recommender, finding, start, end)
    except (RecsysopsError, ValueError) as error:
        if over or isinstance(error, Unmeasurable):
            return (
                c.RefuteHotfix(option=hotfix.option, reason=f"Its effect could not be measured: {error}"),
            )
        _log.warning("not_measured", incident=work.incident.number, error=str(error))
        return ()
    before = any(look.window_end <= start and look.repaired_share >= REPAIRED_ENOUGH for look in looks)
    return (_judged(hotfix, finding, seen, over, end, before),)


def _knows(recommender: Recommender, finding: Finding, applied_at: datetime, at: datetime) -> bool:
    """
    Whether what the finding is of has begun, or the launch calendar was written since the deployment. Many
    are written once a day, so the watch waits for it, whatever was declared, at most until the launch.
    """
    if at >= finding.window_start:
        return True
    from workers.predict import looked_at  # noqa: PLC0415 - most incidents need no forecast

    try:
        newest = looked_at(recommender, finding, at)
    except SourceError as error:
        _log.warning("calendar_not_read", error=str(error))
        return False
    return newest is not None and newest > applied_at


def _measure(
    work: Work, recommender: Recommender, finding: Finding, start: datetime, end: datetime
) -> Measurement:
    if finding.kind != "predicted":
        past = past_before(work.log, recommender, work.incident, work.at)
        return measure(recommender, finding, start, end, past)
    from workers.predict import measure_launch  # noqa: PLC0415 - most incidents need no forecast

    return measure_launch(recommender, finding, work.at, suspects(work.log, work.at))


def window_to_look_at(
    recommender: Recommender, finding: Finding, applied_at: datetime, at: datetime
) -> tuple[datetime, datetime]:
    """The newest complete window, as long as the finding's, without anything from before the deployment."""
    table = recommender.tables.get(finding.table)
    end = at - (table.settle if table else timedelta(0))
    return max(applied_at, end - (finding.window_end - finding.window_start)), end


def _judged(
    hotfix: Hotfix, finding: Finding, seen: Measurement, over: bool, end: datetime, before: bool
) -> c.Command:
    repaired = seen.repaired(finding)
    low, high = _interval(finding, seen)
    if seen.within:
        repaired = min(repaired, 1.0)  # what is beyond all of it is chance
    if seen.within and repaired >= REPAIRED_ENOUGH and (before or low is None or low > 0):
        return c.VerifyHotfix(
            option=hotfix.option,
            observed=seen.observed,
            expected=seen.expected,
            repaired_share=repaired,
            low=low,
            high=high,
        )
    if over:
        reason = (
            f"{seen.observed:,.0f} {finding.unit} where {seen.expected:,.0f} are expected "
            f"({seen.low:,.0f} to {seen.high:,.0f}): {100 * repaired:.0f} % of the gap is closed"
        )
        return c.RefuteHotfix(
            option=hotfix.option, reason=reason, repaired_share=repaired, low=low, high=high
        )
    return c.RecordWatch(
        option=hotfix.option,
        observed=seen.observed,
        expected=seen.expected,
        repaired_share=repaired,
        window_end=end,
    )


def _interval(finding: Finding, seen: Measurement) -> tuple[float | None, float | None]:
    """
    The 95 % interval of the repaired share, of a forecast the 90 % one: chance moves what is observed by as
    much as the band is wide.

    None where the gap was not relative to anything expected.
    """
    return seen.repaired_within(finding) or (None, None)


def _looks(work: Work, hotfix: Hotfix) -> list[HotfixWatched]:
    """The looks since this deployment, in the order of the log: a clock may have been set back."""
    with work.log.connect() as connection:
        events = read_stream(connection, work.incident.stream)
    since = dropwhile(lambda recorded: recorded.id != hotfix.event_id, events)
    return [recorded.event for recorded in since if isinstance(recorded.event, HotfixWatched)]


def _last_look(looks: Sequence[HotfixWatched], hotfix: Hotfix) -> datetime:
    return max((look.window_end for look in looks), default=hotfix.at - LOOK_AGAIN_AFTER)
