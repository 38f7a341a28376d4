"""
A fault, its accepted follow-up, and the same kind of fault elsewhere: whether it is found sooner.

The second strike is lived through in two equal copies of the cinema, one watched by the declaration as it
was, one by the declaration as the follow-up changed it: only the follow-up differs, not the draw. Questions
that both ask of equal tables are asked once.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import datetime, timedelta
from multiprocessing import get_context
from pathlib import Path

from benchmarks.diagnosis.case import Case
from benchmarks.diagnosis.live_through import live_through
from benchmarks.diagnosis.look_back import Walks
from benchmarks.learning.cinema import DAY, Past, Taught, declaration, twice_a_minute, variables
from benchmarks.learning.installation import Installation, database, installed
from benchmarks.learning.order import Order, Outcome
from benchmarks.table import Row, Rows
from domain.incident import commands as c
from domain.values import AddedCheck, Value
from workers.checks.beside import Alarmed, alarms_before
from workers.declaration.declare import load

SLOW = timedelta(minutes=2)
LEAST_HALVED, MOST_ALARMS, FORTNIGHT = 0.5, 1.0, 14.0
RIGHT = "right"
FOREVER = float("inf")


class Struck(Value):
    """
    The outcome of one strike: the time to the first incident, None where there was none; the window of the
    look that raised it; and the verdict on the cause that was named. `foreseen`: a forecast opened it before
    it did any harm, so that there is nothing to detect.
    """

    to_detect: timedelta | None
    window: timedelta | None
    verdict: str
    foreseen: bool = False


class Twice(Outcome):
    """
    The outcome of one order. `accepted` is the check added to the declaration; `why_not` says in words why
    there is none, in which case the second strike is the same `without` and `with_it`.
    """

    first: Struck
    without: Struck
    with_it: Struck
    accepted: AddedCheck | None
    why_not: str
    proposed: int

    @property
    def slow(self) -> bool:
        """Whether the second strike took over two minutes to find without it; False where it was foreseen."""
        before = self.without.to_detect
        return not self.without.foreseen and (before is None or before > SLOW)

    @property
    def halved(self) -> bool:
        """Whether the second strike was found in half the time or less."""
        before, now = self.without.to_detect, self.with_it.to_detect
        return now is not None and (before is None or now <= before / 2)

    @property
    def worse(self) -> bool:
        """Whether it was found later by more than a window of the check that found it, or no longer found."""
        before, now, window = self.without.to_detect, self.with_it.to_detect, self.without.window
        if before is None or window is None:
            return False
        return now is None or now - before > window

    def words(self) -> str:
        """One line: how long each strike took to be found, and what came in between."""
        came = f"accepted {self.accepted.name}" if self.accepted else self.why_not
        strikes = (("first", self.first), ("then without", self.without), ("with", self.with_it))
        times = ", ".join(f"{what} {_words(struck)}" for what, struck in strikes)
        return f"{self.name} #{self.draw}: {times}; {came}; {self.without.verdict} → {self.with_it.verdict}"


def struck(case: Case) -> Struck:
    """What is kept of a strike that was lived through."""
    if case.top is None:
        return Struck(to_detect=None, window=None, verdict=case.verdict)
    finding = case.top.finding
    return Struck(
        to_detect=case.top.opened_at - case.struck_at,
        window=finding.window_end - finding.window_start,
        verdict=case.verdict,
        foreseen=finding.kind == "predicted",
    )


def _words(one: Struck) -> str:
    if one.foreseen:
        return "foreseen"
    return "never" if one.to_detect is None else f"{one.to_detect / timedelta(minutes=1):.1f} min"


def lived_twice(order: Order) -> Twice:
    """Runs one order; its folder is removed afterwards."""
    address = database(order.server, f"twice_{order.name}_{order.draw}")
    declared = declaration(order.replay_time)
    try:
        with installed(address, order.folder, declared, variables(order.folder / "first")) as here:
            return _lived(here, order, declared)
    finally:
        shutil.rmtree(order.folder, ignore_errors=True)


def _lived(here: Installation, order: Order, declared: str) -> Twice:
    seed = order.seed * 1_000 + 2 * order.draw
    world = Taught(order.first[0], order.folder / "first", order.first[1], here.file)
    first = live_through(world, order.name, order.draw, seed, order.after, twice_a_minute)
    accepted, proposed, why_not = _learned(here, first, world.at)
    world.close()
    as_it_was = order.folder / "as_it_was.toml"
    as_it_was.write_text(declared, encoding="utf-8")
    walks = Walks()
    without = _second(order, "without", as_it_was, walks)
    with_it = _second(order, "with", here.file, walks) if accepted else without
    return Twice(
        name=order.name,
        draw=order.draw,
        first=struck(first),
        without=without,
        with_it=with_it,
        accepted=accepted,
        why_not=why_not,
        proposed=proposed,
    )


def _second(order: Order, folder: str, file: Path, walks: Walks) -> Struck:
    world = Taught(order.second[0], order.folder / folder, order.second[1], file)
    seed = order.seed * 1_000 + 2 * order.draw + 1
    case = live_through(world, order.name, order.draw, seed, order.after, twice_a_minute, walks)
    world.close()
    return struck(case)


def _learned(here: Installation, first: Case, at: datetime) -> tuple[AddedCheck | None, int, str]:
    """Puts the incident into the log, accepts its best proposal, and lets that change the declaration."""
    if first.top is None:
        return None, 0, "nothing was raised, so there was no incident to learn from"
    stream = here.opens(first.top.finding, first.top.opened_at)
    here.settles(stream, "diagnose", first.top.diagnosed_at or first.top.opened_at)
    here.does(stream, c.Resolve(reason="The fault was switched off"))
    card = here.settles(stream, "follow_up", at)
    if not card.changes:
        return None, 0, card.proposed_note
    card = here.does(stream, c.AcceptFollowUp())
    card = here.settles(stream, "change", at)
    if card.change is None or card.change_came is None or not card.change_came.written:
        return None, len(card.changes), card.change_came.reason if card.change_came else "nothing came of it"
    here.promotes(card.change.name)
    return card.change, len(card.changes), ""


def alarms_together(
    past: Past, lived: Sequence[Twice], days: float, jobs: int, replay_time: str
) -> dict[str, Alarmed]:
    """Accepted check → the alarms it adds in `days` that no trial has seen; by the check's own name."""
    changes = {one.accepted.name: one.accepted for one in lived if one.accepted}
    folder, end = past.lives_on(days)
    file = past.folder / "together.toml"
    lines = "\n".join(one.lines for one in changes.values())
    file.write_text(f"{declaration(replay_time)}\n{lines}", encoding="utf-8")
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        asked = {name: pool.submit(_alarms, file, folder, name, end, days) for name in changes}
        return {name: one.result() for name, one in asked.items()}


def _alarms(file: Path, folder: Path, name: str, end: datetime, days: float) -> Alarmed:
    recommender = load(file, variables(folder))
    loud = {one: check for one, check in recommender.checks.items() if one == name or not check.shadow}
    alone = recommender.model_copy(update={"checks": loud})
    return alarms_before(alone, name, Alarmed(end), days * DAY, FOREVER, lambda _so_far: False)


def rows(table: Rows, lived: Sequence[Twice], alarms: dict[str, Alarmed], days: float) -> Iterator[Row]:
    """What is promised of follow-ups, and the outcomes for each kind."""
    slow = [one for one in lived if one.slow]
    kinds = len({one.name for one in lived})
    work = f"the cinema: {kinds} kinds of fault, {len(lived)} struck twice"
    foreseen = _names(one for one in lived if one.without.foreseen)
    if slow:
        yield table.above(
            f"{work}: of {len(slow)} that take over two minutes, found in half the time with the follow-up",
            sum(one.halved for one in slow) / len(slow),
            "",
            LEAST_HALVED,
            f"{_names(one for one in slow if one.halved)}; foreseen, so never slow: {foreseen or 'none'}",
        )
    worse = [one for one in lived if one.worse]
    yield table.below(f"{work}: found later by more than a window", len(worse), "", 0, _names(worse))
    right = sum(one.without.verdict == RIGHT for one in lived)
    named = sum(one.with_it.verdict == RIGHT for one in lived)
    yield table.above(
        f"{work}: named rightly with the follow-up", named, "strikes", right, f"without: {right}"
    )
    if days:
        yield _alarm_row(table, alarms, days)
    accepted = [one for one in lived if one.accepted]
    whys = Counter(one.why_not for one in lived if not one.accepted)
    said = "; ".join(f"{number} ×: {why}" for why, number in whys.most_common())
    yield table.without_goal(
        f"{work}: a change was proposed, accepted and written", len(accepted), "strikes", said
    )
    for one in lived:
        yield table.without_goal(f"{one.name} #{one.draw}", float(one.proposed), "proposed", one.words())


def _alarm_row(table: Rows, alarms: dict[str, Alarmed], days: float) -> Row:
    said = ", ".join(
        f"{name} {one.alarms} in {one.judged / DAY:.1f} of {one.covered / DAY:.1f} days"
        for name, one in sorted(alarms.items())
    )
    return table.below(
        f"alarms that {len(alarms)} follow-ups together add in {days:g} days without a fault",
        sum(one.alarms * (one.covered / one.judged) for one in alarms.values() if one.judged),
        "alarms",
        MOST_ALARMS,
        said,
    )


def _names(lived: Iterator[Twice] | Sequence[Twice]) -> str:
    return ", ".join(f"{one.name} #{one.draw}" for one in lived)
