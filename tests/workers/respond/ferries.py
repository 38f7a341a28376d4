"""
A ferry line with a store: an incident whose follow-up is accepted, and workers that make its check and take
it back. `python -m tests.workers.respond.ferries KIND STREAM DATABASE` settles one obligation and dies by
SIGKILL before that is in the log.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
from sqlalchemy import Engine

from domain.incident import commands as c
from domain.incident.state import Incident
from domain.values import Actor, AddedCheck, Estimate, Improvement, TriedChange
from tests.workers.conftest import make_finding
from tests.workers.deployers.hub import REPOSITORY, Hub, listening
from workers.declaration.declare import load
from workers.declaration.lines import lines_of
from workers.environment.settings import settings
from workers.log import obligations
from workers.log.handle import handle
from workers.log.obligations import Handler, settle
from workers.process.handlers import HANDLERS
from workers.store import cards
from workers.store.connection import engine

PERSON = Actor(kind="person", id="terminal:ann", groups=("oncall",))
WORKER = Actor(kind="worker", id="worker:test")
DECLARED = """\
# Ferries: who boards, and where.
[recommender]
name = "ferries"

[follow_ups]
apply = "write"

[tables.boardings]   # from the turnstiles
path = "boardings.parquet"
time = "boarded"
window = "1d"
dimensions = ["quay"]

[checks.boarded]
kind = "volume"      # all quays
table = "boardings"
"""
KEYS = {"kind": "volume", "table": "boardings"}
LESSON = Improvement(detect_faster="Yes", diagnose_faster="No", change="check", detail="By quay")


def by_quay(name: str = "boarded_by_quay", **changed: object) -> TriedChange:
    """A check that a replay spoke for."""
    keys = {**KEYS, "dimensions": ["quay"], "shadow": True, **changed}
    rate = Estimate(value=0.0, low=0.0, high=0.5, unit="alarms a week", basis="replay of 6.0 weeks")
    change = AddedCheck(
        name=name, lines=lines_of(name, keys), beside="boarded", stood=lines_of("boarded", KEYS)
    )
    return TriedChange(change=change, says="boarded by quay", saved_seconds=5400, alarms=rate, weeks=6)


def declares(folder: Path, text: str = DECLARED) -> Path:
    """The declaration, beside its table."""
    at = pd.date_range("2026-01-01", periods=500, freq="1h", tz="UTC")
    pd.DataFrame({"boarded": at, "quay": "north"}).to_parquet(folder / "boardings.parquet")
    file = folder / "recsysops.toml"
    file.write_text(text)
    return file


@contextmanager
def practice(folder: Path, file: Path) -> Iterator[Hub]:
    """A repository that holds the declaration; by `file`, follow-ups are proposed there from now on."""
    with listening(Hub(folder / "practice.git")) as running:
        running.commit("ops/recsysops.toml", DECLARED)
        asked = 'apply = "pull_request"\ndeployer = "practice"\nfile = "ops/recsysops.toml"\n\n'
        asked += f'[deployers.practice]\nkind = "pull_request"\nurl = "{running.url}"\n'
        asked += f'repository = "{REPOSITORY}"\ntoken_env = "HUB_TOKEN"\n'
        file.write_text(DECLARED.replace('apply = "write"\n', asked))
        yield running


def says(log: Engine, stream: str, *commands: c.Command, by: Actor = WORKER) -> Incident:
    """The incident after these commands."""
    for command in commands:
        key = f"{stream}:{card(log, stream).version}:{type(command).__name__}"
        handle(stream, command, actor=by, key=key, log=log)
    return card(log, stream)


def accepted(log: Engine, tried: TriedChange, genre: str = "Drama") -> Incident:
    """A new incident whose follow-up is this check."""
    command = c.OpenIncident(number=0, finding=make_finding(genre))
    stream = handle(None, command, actor=WORKER, key=f"open:{genre}", log=log).stream
    says(log, stream, c.Resolve(reason="the quay is open again"), by=PERSON)
    says(log, stream, c.ProposeFollowUp(improvement=LESSON, changes=(tried,)))
    return says(log, stream, c.AcceptFollowUp(), by=PERSON)


def card(log: Engine, stream: str) -> Incident:
    """It as it is now."""
    with log.connect() as connection:
        found = cards.find(connection, stream)
    assert found is not None
    return found


def settles(log: Engine, stream: str, kind: str, by: Handler | None = None) -> Incident:
    """What of this kind is owed, settled as a worker does; the incident after it."""
    obligation = card(log, stream).awaits[kind]
    settle(log, {kind: by or HANDLERS[kind]}, kind, stream, obligation[0])
    return card(log, stream)


def _dies(*_anything: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    """A worker that dies once the world is changed, before the log says so."""
    kind, stream, database = sys.argv[1:]
    load(settings().config)
    obligations._record = _dies  # type: ignore[assignment]
    settles(engine(database), stream, kind)


if __name__ == "__main__":
    main()
