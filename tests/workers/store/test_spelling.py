"""A card spelled on from the one before it is the card spelled as a whole."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from domain.errors import Refused
from domain.incident.commands import (
    AddNote,
    ChangeSeverity,
    Command,
    CorrectNote,
    CorrectTime,
    DeclareIncident,
)
from domain.incident.decide import decide
from domain.incident.state import Incident, evolve
from domain.values import Actor, Severity
from workers.store.draft import Head, Origin, draft
from workers.store.spelling import Spelled, spell

NOON = datetime(2026, 3, 3, 12, 0, tzinfo=UTC)
PERSON = Actor(kind="person", id="terminal:on-call", groups=("oncall",))
OPENING = DeclareIncident(number=1, title='The "Danish" row', severity=Severity.SEV3)

places = st.integers(1, 8).map(lambda version: f"incident-1:{version}")
commands = st.one_of(
    st.text(min_size=1, max_size=8).map(lambda text: AddNote(text=text)),
    st.sampled_from(Severity).map(lambda severity: ChangeSeverity(severity=severity, reason="counted")),
    places.map(lambda event: CorrectNote(event=event, text="the other feed", reason="misread")),
    places.map(lambda event: CorrectTime(event=event, at=NOON - timedelta(minutes=5), reason="called")),
)


@given(st.lists(commands, max_size=12))
def test_spelled_on_or_spelled_as_a_whole_it_is_the_same_and_reads_back(asked: list[Command]) -> None:
    incident: Incident | None = None
    spelled: Spelled | None = None
    head = Head("incident-1")
    for n, command in enumerate([OPENING, *asked]):
        origin = Origin(PERSON, f"k{n}", NOON + timedelta(minutes=n))
        try:
            made = draft(head, decide(incident, command, origin.actor, origin.at), origin)
        except Refused:
            continue
        head = made.head
        for record in made.recorded:
            incident = evolve(incident, record)
        assert incident is not None
        spelled = spell(incident, spelled)
        assert spelled == spell(incident)
        assert Incident.model_validate_json(spelled.text) == incident


def test_an_incident_that_is_not_the_one_before_is_spelled_as_a_whole() -> None:
    written = draft(Head("incident-1"), decide(None, OPENING, PERSON, NOON), Origin(PERSON, "k", NOON))
    first = evolve(None, written.recorded[0])
    other = evolve(None, written.recorded[0]._replace(stream="incident-2"))
    assert spell(other, spell(first)) == spell(other)
