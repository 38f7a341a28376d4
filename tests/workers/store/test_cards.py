"""The incidents shown a page at a time."""

from __future__ import annotations

from itertools import product

import pytest
from sqlalchemy import Engine

from domain.incident.commands import Acknowledge, ChangeSeverity, DeclareIncident, Resolve
from domain.incident.state import Incident
from domain.values import Actor, Severity
from workers.log.handle import handle
from workers.store import cards

STATUSES = ((), ("open",), ("acknowledged", "resolved"), ("closed",))
SEVERITIES = ((), ("SEV1",), ("SEV2", "SEV3"))


@pytest.fixture
def incidents(log: Engine, on_call: Actor) -> list[Incident]:
    """Twelve of them, newest first, at three stages and of three severities."""
    for n in range(12):
        opening = DeclareIncident(number=0, title=f"Row {n} is empty", severity=Severity.SEV3)
        stream = handle(None, opening, actor=on_call, key=f"open-{n}", log=log).stream
        steps = (Acknowledge(), Resolve(how="by_itself", reason="gone"))[: n % 3]
        worse = (ChangeSeverity(severity=Severity(f"SEV{n % 4 + 1}"), reason="counted"),) if n % 4 < 2 else ()
        for m, command in enumerate((*worse, *steps)):
            handle(stream, command, actor=on_call, key=f"{n}-{m}", log=log)
    with log.connect() as connection:
        return cards.every(connection)


def test_a_page_holds_the_newest_of_what_is_asked_for(log: Engine, incidents: list[Incident]) -> None:
    with log.connect() as connection:
        for statuses, severities in product(STATUSES, SEVERITIES):
            wanted = [
                one
                for one in incidents
                if (not statuses or one.status in statuses) and (not severities or one.severity in severities)
            ]
            assert cards.page(connection, statuses=statuses, severities=severities) == wanted
            assert cards.page(connection, statuses=statuses, severities=severities, limit=2) == wanted[:2]


def test_page_after_page_shows_each_once(log: Engine, incidents: list[Incident]) -> None:
    shown: list[Incident] = []
    with log.connect() as connection:
        while found := cards.page(connection, below=shown[-1].number if shown else None, limit=5):
            shown += found
    assert shown == incidents
