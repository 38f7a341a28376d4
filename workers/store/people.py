"""
Who is behind a pseudonym. The log holds pseudonyms alone, so a person is forgotten by forgetting this row.

A person who comes back after that is somebody new: nothing joins them to what they did before.
"""

from __future__ import annotations

from collections.abc import Collection
from uuid import uuid4

from sqlalchemy import Connection, delete, or_, select
from sqlalchemy.dialects.postgresql import insert

from domain.incident.person import PREFIX
from workers.store.tables import CardRow, PersonRow

_PEOPLE = PersonRow.__table__  # type: ignore[attr-defined]
_CARDS = CardRow.__table__  # type: ignore[attr-defined]


def pseudonym(connection: Connection, known_as: str) -> str:
    """The pseudonym of a person by the id they have outside; a new one where they have none yet."""
    query = select(_PEOPLE.c.person).where(_PEOPLE.c.known_as == known_as)
    found = connection.execute(query).scalar_one_or_none()
    if found is None:
        new = {"person": f"{PREFIX}{uuid4().hex}", "known_as": known_as}
        # Somebody else may have been faster; theirs stands.
        connection.execute(insert(_PEOPLE).values(new).on_conflict_do_nothing())
        found = connection.execute(query).scalar_one()
    return str(found)


def pseudonyms(connection: Connection, known_as: Collection[str]) -> list[str]:
    """The pseudonyms that there are of these ids outside, or are named here themselves."""
    if not known_as:
        return []
    named = or_(_PEOPLE.c.known_as.in_(known_as), _PEOPLE.c.person.in_(known_as))
    return list(
        connection.execute(select(_PEOPLE.c.person).where(named).order_by(_PEOPLE.c.person)).scalars()
    )


def known(connection: Connection, people: Collection[str]) -> dict[str, str]:
    """Pseudonym → id outside, of those who are known."""
    if not people:
        return {}
    query = select(_PEOPLE.c.person, _PEOPLE.c.known_as).where(_PEOPLE.c.person.in_(people))
    return {row.person: row.known_as for row in connection.execute(query)}


def forget(connection: Connection, pseudonym: str) -> None:
    """Forget who is behind a pseudonym."""
    connection.execute(delete(_PEOPLE).where(_PEOPLE.c.person == pseudonym))


def cards_of(connection: Connection, pseudonym: str) -> list[str]:
    """The streams of the incidents whose card names somebody."""
    named = select(_CARDS.c.stream).where(_CARDS.c.incident.contains(pseudonym, autoescape=True))
    return list(connection.execute(named.order_by(_CARDS.c.number)).scalars())
