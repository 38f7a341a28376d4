"""The looks of one check over the past: one question for all, or one for each where that is not answered."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from domain.detection.checks import CHECKS, DATA, METRICS, MODEL
from domain.detection.freshness import Silences, judge_freshness
from domain.detection.spoiled import planned_for
from domain.detection.state import CheckState, Verdict
from domain.detection.window import Grid, grid_until, last_end
from domain.errors import RecsysopsError, SourceError
from domain.recommender.recommender import Recommender
from domain.recommender.schedule import UPDATED, moments
from domain.values import Moment, Value
from workers import quality, redaction
from workers.detect import data_look, look, read_counts
from workers.merited import AGAINST_MERIT
from workers.plan import MAX_BINS, Plan, due_end, grid_of, looks_per_week, silence_width
from workers.sources.count import time_bins, zone_of
from workers.sources.ranking import METRIC_ROWS
from workers.sources.source import open_source

Judged = Callable[[CheckState], Verdict]
Judge = Callable[[Any, CheckState], Verdict]
"""Of what was asked, cut at the judged window."""


class Fault(Value):
    """Looks in a row that could not be taken: whose, over which windows, how many, and why."""

    check: str
    table: str
    window_start: Moment
    window_end: Moment
    windows: int = 1
    says: str


def unreadable(recommender: Recommender, plans: list[Plan]) -> dict[str, SourceError]:
    """Table → why nothing of it can be counted; empty where every planned table opens as declared."""
    broken: dict[str, SourceError] = {}
    for planned in plans:
        name = planned.table.name
        try:
            with open_source(recommender, name) as source:
                source.stored_time()
                source.require(*([planned.check.measure] if planned.check.measure else []))
        except SourceError as error:
            broken.setdefault(name, error)
    return broken


def ends_of(recommender: Recommender, planned: Plan, start: datetime, end: datetime) -> list[datetime]:
    """The ends of all windows that lie in [start, end]; a look is taken when each is complete."""
    zone, schedule = zone_of(recommender), planned.check.schedule
    if schedule not in (None, UPDATED):
        named = moments(schedule, start, end + planned.table.settle, zone)
        due = {due_end(recommender, planned, moment) for moment in named}
        return sorted(one for one in due if start < one <= end)
    ends: list[datetime] = []
    moment = last_end(end, planned.window, planned.every, zone)
    while moment > start:
        ends.append(moment)
        moment = last_end(moment - timedelta(seconds=1), planned.window, planned.every, zone)
    return ends[::-1]


def walk(
    recommender: Recommender, planned: Plan, ends: list[datetime], state: CheckState | None = None
) -> Iterator[tuple[datetime, Verdict | Fault]]:
    """
    Look after look: when it is taken, and what it comes to. A look that cannot be taken changes nothing for
    the next, as live.

    Args:
        state: what the check remembers of looks before these; nothing where there were none.
    """
    known = planned_for(recommender, planned.check)
    state = (state or CheckState()).model_copy(update={"known": known})
    for end, judged in _looks(recommender, planned, ends):
        try:
            verdict = judged(state)
        except Exception as error:  # noqa: BLE001 - as live: whatever a look raises must not stop the others
            yield end + planned.table.settle, _fault(planned, end, error)
            continue
        state = verdict.state
        yield end + planned.table.settle, verdict


def _looks(
    recommender: Recommender, planned: Plan, ends: list[datetime]
) -> Iterator[tuple[datetime, Judged]]:
    if not ends:
        return iter(())
    try:
        if planned.check.kind == "freshness":
            return _silences(recommender, planned, ends)
        if not _shared(planned):
            return _each(recommender, planned, ends)
        return _by_beat(recommender, planned, ends, *_asked(recommender, planned))
    except Exception:  # noqa: BLE001 - one window spoils the question for all; which one, each look will say
        return _alone(recommender, planned, ends)


def _alone(
    recommender: Recommender, planned: Plan, ends: list[datetime]
) -> Iterator[tuple[datetime, Judged]]:
    """Each look with a question of its own, as live; none is asked again where neither end is answered."""
    errors = [_error(recommender, planned, end) for end in (ends[0], ends[-1])]
    hopeless = errors[-1] if all(errors) else None
    for end in ends:
        yield end, partial(_raise, hopeless) if hopeless else partial(look, recommender, planned, end)


def _each(recommender: Recommender, planned: Plan, ends: list[datetime]) -> Iterator[tuple[datetime, Judged]]:
    """Each look with a question of its own: what is usual is learned in the engine, from what was before."""
    return ((end, partial(look, recommender, planned, end)) for end in ends)


def _error(recommender: Recommender, planned: Plan, end: datetime) -> Exception | None:
    try:
        look(recommender, planned, end, CheckState())
    except Exception as error:  # noqa: BLE001 - it is told where it belongs
        return error
    return None


def _raise(error: Exception, _state: CheckState) -> Verdict:
    raise error


def _silences(
    recommender: Recommender, planned: Plan, ends: list[datetime]
) -> Iterator[tuple[datetime, Judged]]:
    width = silence_width(planned)
    back = min(planned.history, MAX_BINS * width)
    bins = time_bins(recommender, planned.table.name, ends[0] - back, ends[-1], width)

    def judged(end: datetime, state: CheckState) -> Verdict:
        at = end.timestamp()
        seen = bins[(bins >= at - back.total_seconds()) & (bins + width.total_seconds() <= at)]
        return judge_freshness(planned.check, Silences(seen, width.total_seconds(), at), state)

    return ((end, partial(judged, end)) for end in ends)


def _beats(planned: Plan, ends: list[datetime]) -> int:
    """How many looks it takes until a window begins where another one ends."""
    return min(max(1, round(planned.window / planned.every)), len(ends))


def _grids(
    recommender: Recommender, planned: Plan, ends: list[datetime]
) -> Iterator[tuple[Grid, dict[datetime, int]]]:
    """For each beat the windows of all its looks, and the place of each by its end."""
    zone, beats = zone_of(recommender), _beats(planned, ends)
    for beat in range(beats):
        own = ends[beat::beats]
        grid = grid_until(own[-1], planned.window, planned.history + (own[-1] - own[0]), zone)
        yield grid, {grid.edge(i + 1): i for i in range(grid.count)}


def _shared(planned: Plan) -> bool:
    """Whether one question answers for many windows as one for each would."""
    check = planned.check
    if check.own or check.kind in (*MODEL, AGAINST_MERIT):
        return False
    if check.kind in DATA and check.kind not in quality.AT_ONCE:
        return False
    if check.kind == "stages" and planned.table.item in planned.dimensions:
        return False  # the items that are told apart are those of the judged window
    by_the_clock = check.schedule not in (None, UPDATED) and check.kind not in METRICS
    return not (by_the_clock and planned.every < planned.window)  # overlapping on no regular beat


def _by_beat(
    recommender: Recommender, planned: Plan, ends: list[datetime], ask: Callable[[Grid], Any], judge: Judge
) -> Iterator[tuple[datetime, Judged]]:
    """
    Looks whose windows end on the same beat share one grid and one question; overlapping windows take one for
    each beat.
    """
    history, beats = max(1, int(planned.history / planned.window)), _beats(planned, ends)
    asked = [(ask(grid), places) for grid, places in _grids(recommender, planned, ends)]

    def judged(place: int, end: datetime, state: CheckState) -> Verdict:
        held, places = asked[place % beats]
        if quality.learns_less(data_look(recommender, planned, grid_of(recommender, planned, end)), state):
            return look(recommender, planned, end, state)
        return judge(held.until(places[end], history), state)

    return ((end, partial(judged, place, end)) for place, end in enumerate(ends))


def _asked(recommender: Recommender, planned: Plan) -> tuple[Callable[[Grid], Any], Judge]:
    """What a kind asks of a whole grid, and what it says of the last window of what came back."""
    check, kind = planned.check, planned.check.kind
    if kind in METRICS:
        rows, of_metric = METRIC_ROWS[kind], METRICS[kind]
        return (
            lambda grid: rows(recommender, check, grid, planned.dimensions),
            lambda metric, state: of_metric(check, metric, state),
        )
    if kind in quality.AT_ONCE:
        return (
            lambda grid: quality.tally_at_once(data_look(recommender, planned, grid)),
            lambda tally, state: quality.judge_tally(check, tally, state, looks_per_week(planned)),
        )
    of_counts = CHECKS[kind]
    return (
        lambda grid: read_counts(recommender, planned, grid),
        lambda counts, state: of_counts(check, counts, state, looks_per_week(planned)),
    )


def _fault(planned: Plan, end: datetime, error: Exception) -> Fault:
    says = str(error) if isinstance(error, RecsysopsError) else f"{type(error).__name__}: {error}"
    return Fault(
        check=planned.check.name,
        table=planned.table.name,
        window_start=end - planned.window,
        window_end=end,
        says=redaction.prose(says).strip().partition("\n")[0] or type(error).__name__,
    )


def together(faults: list[Fault]) -> tuple[Fault, ...]:
    """Faults in order of time, those of one check and one reason that follow each other told as one."""
    told: list[Fault] = []
    for fault in sorted(faults, key=lambda fault: (fault.check, fault.window_end)):
        last = told[-1] if told else None
        width = fault.window_end - fault.window_start
        if (
            last
            and (last.check, last.says) == (fault.check, fault.says)
            and (fault.window_start - last.window_end < width)
        ):
            told[-1] = last.model_copy(update={"window_end": fault.window_end, "windows": last.windows + 1})
        else:
            told.append(fault)
    return tuple(sorted(told, key=lambda fault: (fault.window_start, fault.check)))
