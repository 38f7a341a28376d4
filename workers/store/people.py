"""
Who is behind a pseudonym. The log holds only pseudonyms, so deleting this row forgets the person.

A person who comes back after that is somebody new: nothing links them to what they did before.

Which id is whose is sealed: anybody who can write to the store could otherwise pass their own request off as
another's. So is the fact that somebody was forgotten: a row missing without that was removed by hand.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from uuid import uuid4

from sqlalchemy import Connection, delete, or_, select
from sqlalchemy.dialects.postgresql import insert

from domain.incident.person import PREFIX
from workers.store.memory import recall, remember, take, with_others
from workers.store.tables import CardRow, PersonRow

SEALS = "people.seal."
FORGOTTEN = "people.forgotten."
"""Name prefixes for the stored seals, and for who was forgotten."""

_PEOPLE = PersonRow.__table__  # type: ignore[attr-defined]
_CARDS = CardRow.__table__  # type: ignore[attr-defined]


def pseudonym(connection: Connection, known_as: str) -> str:
    """The pseudonym of a person by an outside id; a new one if they have none yet."""
    query = select(_PEOPLE.c.person).where(_PEOPLE.c.known_as == known_as)
    found = connection.execute(query).scalar_one_or_none()
    if found is None:
        new = {"person": f"{PREFIX}{uuid4().hex}", "known_as": known_as}
        # Somebody else may have been faster; then theirs counts.
        connection.execute(insert(_PEOPLE).values(new).on_conflict_do_nothing())
        found = connection.execute(query).scalar_one()
        if found == new["person"]:
            vouch(connection, new["person"], known_as)
    return str(found)


def vouch(connection: Connection, pseudonym: str, known_as: str) -> None:
    """Seal that this pseudonym belongs to whoever has this outside id."""
    remember(connection, SEALS + pseudonym, known_as)


def proved(connection: Connection, people: Collection[str]) -> dict[str, str]:
    """Pseudonym → outside id, for those where this installation itself said so."""
    return {
        person: known_as
        for person, known_as in known(connection, people).items()
        if recall(connection, SEALS + person) == known_as
    }


def pseudonyms(connection: Connection, known_as: Collection[str]) -> list[str]:
    """The existing pseudonyms of these outside ids; a pseudonym may be given itself."""
    if not known_as:
        return []
    named = or_(_PEOPLE.c.known_as.in_(known_as), _PEOPLE.c.person.in_(known_as))
    return list(
        connection.execute(select(_PEOPLE.c.person).where(named).order_by(_PEOPLE.c.person)).scalars()
    )


def known(connection: Connection, people: Collection[str]) -> dict[str, str]:
    """Pseudonym → outside id, for those who are known."""
    if not people:
        return {}
    query = select(_PEOPLE.c.person, _PEOPLE.c.known_as).where(_PEOPLE.c.person.in_(people))
    return {row.person: row.known_as for row in connection.execute(query)}


def forget(connection: Connection, pseudonym: str) -> None:
    """Forget who is behind a pseudonym."""
    connection.execute(delete(_PEOPLE).where(_PEOPLE.c.person == pseudonym))
    take(connection, SEALS + pseudonym)
    unknown(connection, pseudonym)


def unknown(connection: Connection, pseudonym: str) -> None:
    """Seal that nobody is behind a pseudonym here, and that this is right."""
    remember(connection, FORGOTTEN + pseudonym, True)


def changed_by_hand(connection: Connection, pseudonyms: Collection[str]) -> Iterator[str]:
    """
    Which people named in the log were removed, or made somebody else, by anything but this program; in
    words.
    """
    there = known(connection, pseudonyms)
    sealed = with_others(connection, SEALS)
    forgotten = with_others(connection, FORGOTTEN)
    for one in sorted(pseudonyms):
        if one in there:
            if sealed.get(SEALS + one, there[one]) != there[one]:
                yield f"Somebody made {one} another person by hand; what they ask for is not deployed."
        elif forgotten.get(FORGOTTEN + one) is None:
            yield (
                f"Who {one} is was taken away by hand: nobody had them forgotten. Put the row back "
                f"into `people` from a backup, or run `recsysops forget {one}`."
            )


def in_log(connection: Connection) -> set[str]:
    """The pseudonyms of everybody who did something since events are sealed."""
    query = "SELECT DISTINCT actor FROM events WHERE seal IS NOT NULL AND starts_with(actor, %(prefix)s)"
    return set(connection.exec_driver_sql(query, {"prefix": PREFIX}).scalars())


def cards_of(connection: Connection, pseudonym: str) -> list[str]:
    """The streams of the incidents whose card names a pseudonym."""
    named = select(_CARDS.c.stream).where(_CARDS.c.incident.contains(pseudonym, autoescape=True))
    return list(connection.execute(named.order_by(_CARDS.c.number)).scalars())
