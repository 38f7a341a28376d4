"""Takes one check's looks over the past: one question for all of them, or one each where that fails."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from domain.detection.judge.excluded import planned_for
from domain.detection.judge.state import CheckState, ExcludedWindow, Verdict
from domain.errors import SourceError, sanitized
from domain.recommender.keys.schedule import UPDATED, moments
from domain.recommender.recommender import Recommender
from domain.values import Moment, Value
from workers.checks.check_run import check_run_of, judge, run_check
from workers.checks.plan import Plan
from workers.checks.read import read_at_once, reader_of
from workers.declaration.check_kinds import blamed, find
from workers.environment import redaction
from workers.sources.engines.source import open_source

Judge = Callable[[CheckState], Verdict]

Look = tuple[datetime, Judge]
"""The end of a look's window, and how it is judged."""


class Fault(Value):
    """Consecutive looks that could not be taken: which check's, over which windows, how many, and why."""

    check: str
    table: str
    window_start: Moment
    window_end: Moment
    windows: int = 1
    says: str


def unreadable(recommender: Recommender, plans: Iterable[Plan]) -> dict[str, SourceError]:
    """Table → why nothing in it can be counted; empty if every planned table opens as declared."""
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
    schedule = planned.check.schedule
    if schedule not in (None, UPDATED):
        named = moments(schedule, start, end + planned.table.settle, planned.zone)
        due = {planned.due_end(moment) for moment in named}
        return sorted(one for one in due if start < one <= end)
    ends: list[datetime] = []
    moment = planned.last_end(end)
    while moment > start:
        ends.append(moment)
        moment = planned.last_end(moment - timedelta(seconds=1))
    return ends[::-1]


def backtest_check(
    recommender: Recommender,
    planned: Plan,
    ends: list[datetime],
    state: CheckState | None = None,
    wrong: tuple[ExcludedWindow, ...] = (),
    skipped: Collection[datetime] = (),
) -> Iterator[tuple[datetime, Verdict | Fault]]:
    """
    Yield when each look is taken, and its verdict. A look that cannot be taken changes nothing for the next,
    as live.

    Args:
        state: what the check remembers of earlier looks; nothing if there were none.
        wrong: times known to have been wrong, besides the declared ones.
        skipped: those of `ends` at which no look is taken, as where the look before took too long.
    """
    looks = _looks(recommender, planned, ends, [end for end in ends if end not in skipped])
    return walk(recommender, planned, looks, state, wrong)


def walk(
    recommender: Recommender,
    planned: Plan,
    looks: Iterable[Look],
    state: CheckState | None = None,
    wrong: tuple[ExcludedWindow, ...] = (),
    passed_over: Callable[[datetime, CheckState], bool] = lambda _end, _state: False,
) -> Iterator[tuple[datetime, Verdict | Fault]]:
    """
    `backtest_check`, over looks that are already prepared.

    Args:
        passed_over: whether to skip a look after all, given what the check remembers of the looks before it.
    """
    known = (*planned_for(recommender, planned.check), *wrong)
    fresh = {"known": known, "accept_after": planned.accept_after}
    state = (state or CheckState()).model_copy(update=fresh)
    for end, judged in looks:
        if passed_over(end, state):
            continue
        try:
            verdict = judged(state)
        except Exception as error:  # noqa: BLE001 - as live: whatever a look raises must not stop the others
            yield end + planned.table.settle, _fault(planned, end, error)
            continue
        state = verdict.state
        yield end + planned.table.settle, verdict


def _looks(
    recommender: Recommender, planned: Plan, ends: list[datetime], taken: list[datetime]
) -> Iterator[Look]:
    if not taken:
        return iter(())
    try:
        if not is_shared(recommender, planned, ends):
            return each_by_itself(recommender, planned, taken)
        return _at_once(recommender, planned, ends, taken)
    except Exception:  # noqa: BLE001 - one window spoils the shared question; each look will tell
        return _alone(recommender, planned, taken)


def all_at_once(recommender: Recommender, planned: Plan, ends: list[datetime]) -> Iterator[Look] | None:
    """These looks, many of them judged by one question; None if each has to ask for itself."""
    try:
        shared = bool(ends) and is_shared(recommender, planned, ends)
        return _at_once(recommender, planned, ends, ends) if shared else None
    except Exception:  # noqa: BLE001 - whatever spoils the shared question, each look will report
        return None


def _at_once(
    recommender: Recommender, planned: Plan, ends: list[datetime], taken: list[datetime]
) -> Iterator[Look]:
    now = check_run_of(recommender, planned, planned.grid(ends[-1]))
    at_any_moment = reader_of(now, find(planned.check.kind).needs).moments
    return (_by_moment if at_any_moment else _by_beat)(recommender, planned, ends, taken)


def _alone(recommender: Recommender, planned: Plan, ends: list[datetime]) -> Iterator[Look]:
    """Each look with its own question, as live; if the first and the last both fail, no other is asked."""
    errors = [_error(recommender, planned, end) for end in (ends[0], ends[-1])]
    hopeless = errors[-1] if all(errors) else None
    for end in ends:
        yield end, partial(_raise, hopeless) if hopeless else partial(run_check, recommender, planned, end)


def each_by_itself(recommender: Recommender, planned: Plan, ends: list[datetime]) -> Iterator[Look]:
    """Each look with its own question: the engine learns what is usual from what came before."""
    return ((end, partial(run_check, recommender, planned, end)) for end in ends)


def _error(recommender: Recommender, planned: Plan, end: datetime) -> Exception | None:
    try:
        run_check(recommender, planned, end, CheckState())
    except Exception as error:  # noqa: BLE001 - it is reported where it belongs
        return error
    return None


def _raise(error: Exception, _state: CheckState) -> Verdict:
    raise error


class _Beat:
    """Looks at adjoining windows: they share one grid, and one question to the engine."""

    def __init__(self, recommender: Recommender, planned: Plan, own: list[datetime]) -> None:
        self._kind, reach = find(planned.check.kind), planned.history + (own[-1] - own[0])
        grid = planned.grid(own[-1], reach)
        self._run = replace(check_run_of(recommender, planned, grid), first=own[0])
        self._places = {grid.edge(i + 1): i for i in range(grid.count)}
        self._history = max(1, int(planned.history / planned.window))
        self._held: Any | None = None
        self._asked = False

    def ask(self) -> None:
        """
        Put its question, once.

        Raises:
            RecsysopsError: no single answer serves many windows.
        """
        if not self._asked:
            self._asked = True
            with blamed(self._kind.name, kind=self._kind):
                self._held = read_at_once(self._run, self._kind.needs)

    def of(self, end: datetime) -> Any | None:
        """The part of the answer that one look sees; None if it has to ask for itself."""
        # Where windows follow the clock, those before a clock change do not lie on the beat's grid.
        if end not in self._places:
            return None
        try:
            self.ask()
        except Exception:  # noqa: BLE001 - one window spoils it for its beat; each look will tell
            return None
        return None if self._held is None else self._held.until(self._places[end], self._history)


def _beats(recommender: Recommender, planned: Plan, ends: list[datetime]) -> dict[datetime, _Beat]:
    """End → its beat: there are as many beats as looks until a window begins where another one ends."""
    count = min(max(1, round(planned.window / planned.every)), len(ends))
    beats = [_Beat(recommender, planned, ends[place::count]) for place in range(count)]
    return {end: beats[place % count] for place, end in enumerate(ends)}


def is_shared(recommender: Recommender, planned: Plan, ends: list[datetime]) -> bool:
    """Whether one question answers for many windows just as one question each would."""
    now = check_run_of(recommender, planned, planned.grid(ends[-1]))
    by_the_clock = planned.check.schedule not in (None, UPDATED)
    overlap = by_the_clock and planned.every < planned.window  # on no regular beat
    return find(planned.check.kind).shared(now) and not overlap


def _by_moment(
    recommender: Recommender, planned: Plan, ends: list[datetime], taken: list[datetime]
) -> Iterator[Look]:
    """All looks share one question, whenever they are taken; each sees only what had happened by then."""
    kind = find(planned.check.kind)
    newest = check_run_of(recommender, planned, planned.grid(ends[-1]))
    with blamed(kind.name, kind=kind):
        held = read_at_once(replace(newest, first=ends[0]), kind.needs)

    def judged(end: datetime, state: CheckState) -> Verdict:
        now = check_run_of(recommender, planned, planned.grid(end))
        return judge(kind, now, held, state)

    return ((end, partial(judged, end)) for end in taken)


def _by_beat(
    recommender: Recommender, planned: Plan, ends: list[datetime], taken: list[datetime]
) -> Iterator[Look]:
    """
    Looks whose windows end on the same beat share one grid and one question; overlapping windows need one per
    beat. The first look's question is asked at once, so that one that cannot serve many looks fails early;
    the others are asked when a look needs them, because a walk may end before that.
    """
    kind, beats = find(planned.check.kind), _beats(recommender, planned, ends)
    beats[taken[0]].ask()

    def judged(end: datetime, state: CheckState) -> Verdict:
        now = check_run_of(recommender, planned, planned.grid(end))
        alone = reader_of(now, kind.needs).alone(now, state)
        if alone or (held := beats[end].of(end)) is None:
            return run_check(recommender, planned, end, state)
        return judge(kind, now, held, state)

    return ((end, partial(judged, end)) for end in taken)


def _fault(planned: Plan, end: datetime, error: Exception) -> Fault:
    says = sanitized(error)
    return Fault(
        check=planned.check.name,
        table=planned.table.name,
        window_start=end - planned.window,
        window_end=end,
        says=redaction.prose(says).strip().partition("\n")[0] or type(error).__name__,
    )


def together(faults: list[Fault]) -> tuple[Fault, ...]:
    """Faults in order of time; consecutive ones of the same check with the same reason are merged."""
    merged: list[Fault] = []
    for fault in sorted(faults, key=lambda fault: (fault.check, fault.window_end)):
        last = merged[-1] if merged else None
        width = fault.window_end - fault.window_start
        if (
            last
            and (last.check, last.says) == (fault.check, fault.says)
            and (fault.window_start - last.window_end < width)
        ):
            merged[-1] = last.model_copy(update={"window_end": fault.window_end, "windows": last.windows + 1})
        else:
            merged.append(fault)
    return tuple(sorted(merged, key=lambda fault: (fault.window_start, fault.check)))
