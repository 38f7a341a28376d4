"""
Ten kinds of harmful follow-up: the replay has to refuse each of them before it is written.

Harm is measured on what comes after the incident, which no trial reads: a follow-up is harmful if it alarms
more than once a week in a quiet fortnight, or if the next fault of the kind is found no sooner with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.learning import greengrocer as world
from benchmarks.learning.installation import Installation, database, installed
from benchmarks.table import Row, Rows
from domain.improvement.candidates.candidate import Candidate
from domain.improvement.trial import rate
from domain.incident import commands as c
from domain.incident.state import Incident
from domain.recommender.recommender import Recommender
from domain.values import Slice
from workers.checks.backtest import backtest
from workers.checks.beside import Alarmed, alarms_before, first_reported
from workers.declaration.declare import load, load_text
from workers.declaration.lines import lines_of
from workers.respond.trial import Tried, try_these

MOST_A_WEEK, FOREVER = 1.0, float("inf")
HELPFUL = "helpful, for comparison: the shops, by the hour"
Keys = dict[str, Any]


@dataclass(frozen=True)
class Judged:
    """One follow-up: what the replay said of it, and how it would have turned out."""

    kind: str
    tried: Tried
    alarms_a_week: float
    sooner: timedelta | None

    @property
    def refused(self) -> bool:
        """Whether it is not proposed."""
        return not self.tried.changes

    @property
    def harmful(self) -> bool:
        """Whether it does what no follow-up should."""
        helps = self.sooner is not None and self.sooner > timedelta(0)
        return not helps or self.alarms_a_week > MOST_A_WEEK

    def words(self) -> str:
        """One line."""
        after = "finds the next one not at all" if self.sooner is None else _sooner(self.sooner)
        said = "refused" if self.refused else f"proposed: {self.tried.changes[0].proof}"
        return f"{self.kind}: {said} ({self.tried.note}); after: {self.alarms_a_week:.1f} a week, {after}"


def _sooner(span: timedelta) -> str:
    hours = span / timedelta(hours=1)
    return f"finds the next one {abs(hours):.1f} h {'sooner' if hours > 0 else 'later'}"


def rows(table: Rows, folder: Path, server: str, report: Callable[[str], None]) -> Iterator[Row]:
    """How many of the ten are refused, and a row in words for each."""
    here = folder / "greengrocer"
    here.mkdir()
    orders = world.write(here)
    declared = world.DECLARED
    found = []
    with installed(database(server, "harmful"), here, declared, {}) as installation:
        incident = _lived(installation)
        for kind, keys in {**follow_ups(orders), HELPFUL: _by_shop()}.items():
            found.append(_judged(installation, incident, kind, keys))
            report(found[-1].words())
    ten = [one for one in found if one.kind != HELPFUL and one.harmful]
    refused = [one for one in ten if one.refused]
    let = "; ".join(one.kind for one in ten if not one.refused)
    yield table.above("harmful follow-ups refused by the replay", len(refused), f"of {len(ten)}", 10, let)
    helpful = next(one for one in found if one.kind == HELPFUL)
    work = "a helpful one proposed, by the same replay"
    yield table.above(work, float(not helpful.refused), "of 1", 1, helpful.words())
    for one in found:
        yield table.without_goal(one.kind, one.alarms_a_week, "alarms a week", one.words())


def follow_ups(orders: pd.DataFrame) -> Mapping[str, Keys]:
    """Kind of harm → the check that does it."""
    that_day = orders[(orders["ordered_at"] >= world.FAULT_AT) & (orders["shop"] == "harbour")].head(300)
    fitted = [float(that_day["euros"].min()), float(that_day["euros"].max())]
    return {
        "too sensitive": {"kind": "freshness", "within": "3m", "every": "1m", "window": "1h"},
        "too narrow": {**_by_shop(), "least_change": 0.95},
        "fitted to one day": {"kind": "domain", "ranges": {"euros": fitted}},
        "window too short": {"kind": "volume", "window": "1m", "history": "2h"},
        "wrong slice": {**_by_shop(), "dimensions": ["channel"]},
        "wrong season": {"kind": "volume", "window": "1h", "history": "6h"},
        "blind to closing hours": {"kind": "freshness", "within": "20m", "window": "1h"},
        "wrong direction": {"kind": "volume", "window": "1h", "direction": "surge", "history": "28d"},
        "window too long": {**_by_shop(), "window": "7d", "history": "42d"},
        "a duplicate": {"kind": "volume", "window": "6h", "history": "28d"},
    }


def _by_shop() -> Keys:
    return {"kind": "slice_volume", "window": "1h", "dimensions": ["shop"], "history": "28d"}


def _lived(installation: Installation) -> Incident:
    """The incident as today's check opens it, diagnosed and resolved."""
    walked = backtest(load(installation.file), world.FAULT_AT - world.DAY, world.FAULT_AT + 2 * world.DAY)
    opened = next(one for one in walked.incidents if one.opened_at > world.FAULT_AT)
    finding = next(one for one in walked.findings if one.window_start == opened.window_start)
    stream = installation.opens(finding, opened.opened_at)
    installation.settles(stream, "diagnose", opened.opened_at)
    return installation.does(stream, c.Resolve(reason="The shop's orders are sent again"))


def _judged(installation: Installation, incident: Incident, kind: str, keys: Keys) -> Judged:
    name = "tried"
    candidate = Candidate(name, {**keys, "table": "orders", "shadow": True}, kind)
    tried = try_these(installation.file, incident, [candidate])
    text = installation.file.read_text(encoding="utf-8") + lines_of(name, candidate.keys)
    declared = load_text(text, installation.file)
    alarmed = alarms_before(
        declared, name, Alarmed(world.QUIET_UNTIL), 2 * world.WEEK, FOREVER, lambda _so_far: False
    )
    a_week = alarmed.alarms / max(alarmed.judged / world.WEEK, 1e-9)
    before, now = _found(declared, "orders_volume"), _found(declared, name)
    sooner = None if now is None else (before or world.END) - now
    return Judged(kind, tried, a_week, sooner)


def _found(declared: Recommender, name: str) -> datetime | None:
    span = (world.AGAIN_AT, world.END)
    return first_reported(declared, name, span, _any, FOREVER)


def _noisy(so_far: Alarmed) -> bool:
    """Whether it is already known to alarm too often."""
    low = rate(so_far.alarms, so_far.judged).low
    return low is not None and low > MOST_A_WEEK


def _any(_where: Slice) -> bool:
    return True
