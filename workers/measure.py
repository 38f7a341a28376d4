"""
A finding measured again: what raised it, as it is now, against the time before the incident.

    silence · metric · wrong rows · counts        read over [start, end) and over the good past
        ▼
    Measurement: what it is, what it should be, and whether it is back
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from math import ceil

from domain.detection.baseline import LEAST_WINDOWS
from domain.detection.checks import METRICS
from domain.detection.counts import Counts
from domain.detection.measure import Measurement, measure_slice, measure_total
from domain.detection.measure_series import measure_series
from domain.detection.metric import as_series
from domain.detection.spoiled import Past
from domain.detection.state import Spoiled
from domain.detection.volume import inside
from domain.detection.window import Grid, grid_until, last_end
from domain.recommender.recommender import Recommender
from domain.values import Finding
from workers import model_quality, own, quality
from workers.detect import data_look, read_counts
from workers.plan import DAY, Plan, plan, silence_width
from workers.sources.count import time_bins, zone_of
from workers.sources.ranking import METRIC_ROWS

MOST_LOST = 2  # histories further back than declared, in place of times that were wrong


def measure(
    recommender: Recommender, finding: Finding, start: datetime, end: datetime, past: Past | None = None
) -> Measurement:
    """
    The metric that raised `finding`, now over [start, end): what it is, what it should be, and whether it is
    back.

    What it should be is learned only from the `past`: windows from before the incident, in which nothing else
    was wrong, so that no incident becomes its own yardstick. Where that is not given, from those before the
    finding's own window.

    Raises:
        SourceError: the table cannot be read. ValueError: the check is no longer declared. OwnCheckError: a
            check of a team's own raises, or cannot measure.
    """
    check = recommender.checks.get(finding.check)
    if check is None:
        raise ValueError(f'check "{finding.check}" is no longer declared; it cannot be measured')
    planned, before = plan(recommender, check), past or Past(before=finding.window_start)
    if check.kind == "freshness":
        return _silence(recommender, planned, finding, start, end)
    if check.kind in METRICS:
        reach = planned.history + max(end - before.before, timedelta(0))
        grid = grid_until(end, planned.window, reach, zone_of(recommender))
        metric = METRIC_ROWS[check.kind](recommender, planned.check, grid, planned.dimensions)
        asked = planned.check if check.metric is None else as_series(planned.check)
        return measure_series(asked, finding, metric, before, start)
    if check.own or check.kind in (*quality.KINDS, *model_quality.KINDS):
        width = end - start
        reach = quality.reach(planned.history, width, start - finding.window_start)
        now = data_look(recommender, planned, grid_until(end, width, reach, zone_of(recommender)))
        model = check.kind in model_quality.KINDS
        again = model_quality.measure_at_model if model else quality.measure_at_rows
        again = own.measure_again if check.own else again
        return again(now, finding, before, start)
    counts = read_past(recommender, planned, before, finding.window_start)
    only = Grid(start, end - start, 1, ((start, 0),), zone_of(recommender))
    present = read_counts(recommender, planned, only)
    if finding.slice:
        return measure_slice(finding, counts, present)
    return measure_total(counts, present, planned.window, check.least_change)


def _silence(
    recommender: Recommender, planned: Plan, finding: Finding, start: datetime, end: datetime
) -> Measurement:
    """How long a table has been silent at `end`, in seconds, against the silence that was told."""
    width = silence_width(planned)
    bins = time_bins(recommender, planned.table.name, start, end, width)
    since = datetime.fromtimestamp(int(bins[-1]), end.tzinfo) + width if len(bins) else finding.window_start
    silence = max(0.0, (end - since).total_seconds())
    limit = finding.high if finding.high is not None else finding.expected
    return Measurement(
        observed=silence, expected=finding.expected, low=0.0, high=limit, p_value=float(silence <= limit)
    )


def read_past(recommender: Recommender, planned: Plan, past: Past, beat: datetime) -> Counts:
    """
    As much good history as the check asks for, before an incident; all of it where hardly any was good.

    Args:
        beat: where a window of the incident begins: those of the past lie on the same beat.
    """
    zone, width = zone_of(recommender), planned.window
    end = beat - max(0, ceil((beat - past.before) / width)) * width
    if not width % DAY:
        end = last_end(min(past.before, beat), width, width, zone)
    lost = sum((_overlap(wrong, end - planned.history, end) for wrong in past.wrong), timedelta(0))
    reach = planned.history + min(lost, MOST_LOST * planned.history)
    counts = read_counts(recommender, planned, grid_until(end, width, reach, zone))
    good = counts.known.copy()
    for wrong in past.wrong:
        good &= ~inside(counts, wrong)
    return replace(counts, known=good) if int(good.sum()) >= LEAST_WINDOWS else counts


def _overlap(wrong: Spoiled, start: datetime, end: datetime) -> timedelta:
    return max(timedelta(0), min(wrong.until, end) - max(wrong.since, start))
