"""
Is the log what was written, and do the cards and followers agree with it? Everything that does not fit is
reported.

Where events of closed incidents were archived, their hashes still carry the chain; their content is
compared with the archive's files by `workers.store.retention`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby, islice
from typing import Any, TypeVar

import orjson
from pydantic import ValidationError
from sqlalchemy import Connection, Engine, func, select

from domain.errors import LogError, Tampered, sanitized
from domain.incident.decide import REVISION
from domain.incident.events import CARDLESS, Recorded
from domain.incident.person import is_pseudonym
from domain.incident.redecide import redecided
from domain.incident.state import Incident, evolve
from domain.values import Value
from workers.store import attachments, cards, followers, memory, people
from workers.store.connection import cursor, workspace_of
from workers.store.exports.export import EACH_BY_ITS_KEY
from workers.store.integrity.guards import require_guards
from workers.store.integrity.walk import row_name, walk
from workers.store.integrity.wrong import MOST_NAMED, Wrong
from workers.store.known import not_held
from workers.store.log.events import number
from workers.store.log.recorded import decided, recorded_from
from workers.store.signature import require_signed
from workers.store.sums import MOVED
from workers.store.tables import ArchivedRow, ArchiveRow, CardRow, EventRow, FollowerRow

ROWS_AT_ONCE = 2_000
STREAMS_AT_ONCE = 200
ARCHIVE = "archive"
"""The kind of thing that the signature of an archive's manifest is for."""

T = TypeVar("T")

_EVENTS = EventRow.__table__  # type: ignore[attr-defined]
_ARCHIVES = ArchiveRow.__table__  # type: ignore[attr-defined]
_ARCHIVED = ArchivedRow.__table__  # type: ignore[attr-defined]
_CARDS = CardRow.__table__  # type: ignore[attr-defined]
_FOLLOWERS = FollowerRow.__table__  # type: ignore[attr-defined]

_BY_STREAM = """
SELECT events.*, coalesce(log.position, 0) AS position
FROM events LEFT JOIN log ON log.event_id = events.id ORDER BY stream, version
"""
_STRAY = f"""
SELECT stream FROM cards WHERE NOT EXISTS (SELECT FROM events WHERE events.stream = cards.stream)
AND NOT EXISTS (SELECT FROM archived WHERE archived.stream = cards.stream) ORDER BY stream LIMIT {MOST_NAMED}
"""  # noqa: S608 - constants


class Verified(Value):
    """
    What was checked, without finding anything wrong.

    `head`: the newest hash, in hexadecimal. `archived`: how many events are present by their hash alone.
    `former`: how many were decided by outdated rules, and so were not decided again.
    """

    events: int
    archived: int
    former: int
    streams: int
    cards: int
    followers: int
    head: str


class Counted:
    """What was counted while going through the streams."""

    def __init__(self) -> None:
        self.streams = self.cards = self.former = 0
        self.people: set[str] = set()


def verify(log: Engine, trusted: str | None = None) -> Verified:
    """
    Check the log's chain and every stream's; decide again and replay each stream, and compare its card with
    the result.

    All as of one moment: anything appended meanwhile is left for the next time.

    Args:
        trusted: the public key that must have signed the archives; any, if None.

    Raises:
        Tampered: names each event, card, follower, archive and guard that does not fit.
    """
    number(log)
    wrong = Wrong()
    with log.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
        connection.exec_driver_sql(EACH_BY_ITS_KEY)
        _keys_are_ours(connection, wrong)
        position, head = walk(connection, wrong)
        gone = _archived_streams(connection, trusted, wrong)
        counted = _replay_all(connection, gone, wrong)
        _archived_cards_fit(connection, gone, wrong)
        archived = _nothing_unnumbered(connection, position, wrong)
        followed = _followers_fit(connection, position, wrong)
        for changed in people.changed_by_hand(connection, counted.people):
            wrong.say(changed)
        _beside_fits(connection, wrong)
        _guards_stand(connection, wrong)
    wrong.require_nothing()
    return Verified(
        events=position,
        archived=archived,
        former=counted.former,
        streams=counted.streams + len(gone),
        cards=counted.cards + len(gone),
        followers=followed,
        head=head.hex(),
    )


def _batches(given: Iterable[T]) -> Iterator[list[T]]:
    left = iter(given)
    while batch := list(islice(left, STREAMS_AT_ONCE)):
        yield batch


def _archived_streams(connection: Connection, trusted: str | None, wrong: Wrong) -> dict[str, int]:
    """The streams that were archived, each with its last version there."""
    for workspace, name, manifest in connection.execute(select(_ARCHIVES)):
        try:
            signed = dict(orjson.loads(manifest))
        except (TypeError, ValueError):
            wrong.say(f"What was signed beside {name} cannot be read.")
            continue
        if (signed.get("workspace"), signed.get("name")) != (workspace, name):
            wrong.say(f"What was signed beside {name} is of another archive.")
        try:
            require_signed(ARCHIVE, signed, trusted)
        except Tampered as error:
            wrong.say(f"Of {name}, {error}.")
    last = func.max(_ARCHIVED.c.version)
    found = connection.execute(select(_ARCHIVED.c.stream, last).group_by(_ARCHIVED.c.stream))
    return {stream: int(version) for stream, version in found}


def _replay_all(connection: Connection, gone: Mapping[str, int], wrong: Wrong) -> Counted:
    """Replay each stream and compare the result with its card."""
    counted = Counted()
    streamed = connection.execution_options(yield_per=ROWS_AT_ONCE)
    query = streamed.exec_driver_sql(_BY_STREAM).mappings()
    streams = (
        (stream, _replayed(stream, rows, counted, wrong))
        for stream, rows in groupby(query, key=lambda row: str(row["stream"]))
    )
    for batch in _batches(streams):
        counted.streams += sum(1 for stream, _ in batch if stream not in gone)
        incidents = {stream: one for stream, one in batch if stream not in gone and stream not in CARDLESS}
        counted.cards += _cards_fit(connection, incidents, wrong)
    for (stray,) in connection.exec_driver_sql(_STRAY):
        wrong.say(f"The card of {stray} has no events; somebody wrote it by hand.")
    return counted


def _replayed(stream: str, rows: Iterable[Any], counted: Counted, wrong: Wrong) -> Incident | None:
    """The incident that a stream's events make; None if no rule decided any, or they cannot be replayed."""
    incident: Incident | None = None
    for _, group in groupby(_decided(rows, wrong), key=lambda row: row["key"]):
        written = list(group)
        try:
            records = [recorded_from(row) for row in written]
            counted.people |= {row["actor"] for row in written if is_pseudonym(row["actor"])}
            if stream in CARDLESS:
                _belong(stream, written, records, wrong)
                continue
            _redecide(incident, written, records, counted, wrong)
            for record in records:
                incident = evolve(incident, record)
        except (LogError, ValidationError) as error:
            wrong.say(f"{row_name(written[0])} cannot be replayed: {sanitized(error)}")
    return incident


def _redecide(
    incident: Incident | None,
    written: Sequence[Any],
    records: Sequence[Recorded],
    counted: Counted,
    wrong: Wrong,
) -> None:
    """Require that a rule would decide what was written under one key, where the rules are today's."""
    if any(row["rules"] != REVISION for row in written):
        counted.former += len(written)
    elif not redecided(incident, records):
        wrong.say(f"{row_name(written[0])} is nothing that a rule would have decided there, and then.")


def _decided(rows: Iterable[Any], wrong: Wrong) -> Iterator[Any]:
    """The events that a rule decided; the others are reported."""
    for row in rows:
        if decided(row):
            yield row
            continue
        wrong.say(
            f"{row_name(row)} carries no seal of this installation: no rule decided it, and nobody acts "
            "on it."
        )


def _belong(stream: str, written: Sequence[Any], records: Sequence[Recorded], wrong: Wrong) -> None:
    """Require that a stream without an incident holds what belongs there: for the audit, attestations."""
    for row, record in zip(written, records, strict=True):
        if not isinstance(record.event, CARDLESS[stream]):
            of = next(
                (f"the {name}" for name, kinds in CARDLESS.items() if isinstance(record.event, kinds)), None
            )
            wrong.say(
                f"{row_name(row)} is of {of or 'an incident'}, and stands in the stream of the {stream}."
            )


def _cards_fit(connection: Connection, incidents: Mapping[str, Incident | None], wrong: Wrong) -> int:
    """Compare cards with what their events add up to; returns how many incidents there are."""
    found = connection.execute(select(_CARDS).where(_CARDS.c.stream.in_(incidents))).mappings()
    kept = {card["stream"]: card for card in found}
    for stream, incident in incidents.items():
        card = kept.get(stream)
        if incident is None and card is not None:
            wrong.say(f"The card of {stream} has no events that a rule decided; somebody wrote it by hand.")
        elif incident is not None and card is None:
            wrong.say(f"{stream} has events but no card; `recsysops events rebuild` makes it again.")
        elif incident is not None and not _same(card, incident):
            wrong.say(
                f"The card of {stream} (#{incident.number}) is not what its events say; "
                "`recsysops events rebuild` makes the cards again."
            )
    return sum(1 for incident in incidents.values() if incident is not None)


def _same(card: Any, incident: Incident) -> bool:
    """Whether a card is what the events say. One from an older release is never read, so cannot mislead."""
    expected = cards.row_of(incident)
    shown = [name for name in expected if name not in {"incident", "shape", "card_seal", *MOVED}]
    if any(card[name] != expected[name] for name in shown):
        return False
    if card["shape"] != expected["shape"]:
        return True
    try:
        return Incident.model_validate_json(card["incident"]) == cards.kept_of(incident)
    except ValidationError:
        return False


def _archived_cards_fit(connection: Connection, gone: Mapping[str, int], wrong: Wrong) -> None:
    """
    An archived incident's card cannot be folded from the store: require that it is closed, of the last
    version, and consistent in itself.
    """
    for batch in _batches(gone.items()):
        versions = dict(batch)
        found = connection.execute(select(_CARDS).where(_CARDS.c.stream.in_(versions))).mappings()
        for card in found:
            version, kept = versions.pop(card["stream"]), (card["stream"], card["incident"], card["shape"])
            if why := _misfit(card, version):
                wrong.say(why)
            elif not cards.is_ours(*kept, card["seal"]):
                wrong.say(f"The card of {card['stream']}, whose events are archived, was edited.")
        for stream in versions:
            wrong.say(f"{stream} was moved into an archive and has no card.")


def _misfit(card: Any, version: int) -> str | None:
    stream = card["stream"]
    if card["version"] == version and card["status"] != "closed":
        return f"{stream} was moved into an archive, and its card is {card['status']}."
    if card["version"] < version:
        return f"The card of {stream} is older than what was moved into an archive."
    if card["shape"] != cards.shape():
        return None
    try:
        same = cards.row_of(Incident.model_validate_json(card["incident"]))
    except ValidationError:
        same = {}
    if not same or any(
        card[name] != same[name] for name in same if name not in {"incident", "card_seal", *MOVED}
    ):
        return f"The card of {stream}, whose events are archived, was edited."
    return None


def _nothing_unnumbered(connection: Connection, position: int, wrong: Wrong) -> int:
    """Require that every event has a number or awaits one; returns how many are of archived events."""
    written = connection.execute(select(func.count()).select_from(_EVENTS)).scalar_one()
    archived = connection.execute(select(func.count()).select_from(_ARCHIVED)).scalar_one()
    pending = connection.exec_driver_sql("SELECT count(*) FROM pending").scalar_one()
    if written + archived != position + pending:
        wrong.say(
            f"The store holds {written} events; the log numbers {position} and {pending} wait for a number, "
            f"and {archived} were moved into archives."
        )
    return int(archived)


def _followers_fit(connection: Connection, position: int, wrong: Wrong) -> int:
    for name, reached in followers.moved_by_hand(connection):
        wrong.say(f"{followers.words(name, reached)} The log ends at {position}.")
    return int(connection.execute(select(func.count()).select_from(_FOLLOWERS)).scalar_one())


def _beside_fits(connection: Connection, wrong: Wrong) -> None:
    for name, said in memory.with_others(connection).items():
        if said is None:
            wrong.say(f"What is remembered as “{name}” was written by somebody else, and counts for nothing.")
    for digest in attachments.replaced(connection):
        wrong.say(f"The picture {digest} is not what was drawn: somebody replaced its bytes. Nobody sees it.")


def _keys_are_ours(connection: Connection, wrong: Wrong) -> None:
    for key in not_held(cursor(connection).connection, workspace_of(connection)):
        wrong.say(
            f"known_keys names the key {key}, which this process does not hold. If it is a former one of "
            "this installation, name its file in RECSYSOPS_SIGNING_KEY; else whoever owns the tables put it "
            "there: delete the row."
        )


def _guards_stand(connection: Connection, wrong: Wrong) -> None:
    try:
        require_guards(connection)
    except Tampered as error:
        wrong.say(str(error))
