"""
A store of ten million events: streams of fifty, numbered, each with its card.

Each stream is drafted as an append drafts it, so its hashes and seals are real; a block of streams is then
written by one statement. The hashes of the log's positions are made up, because here they are only carried
along.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from hashlib import md5, sha256
from typing import Any
from uuid import UUID

import psycopg
from sqlalchemy import Engine

from benchmarks.store.facts import INCIDENT, NOON, PERSON
from domain.incident.state import replay
from workers.store import cards
from workers.store.connection import engine
from workers.store.log.encoder import JOINT, EncodedEvents, Head, Origin, draft
from workers.store.seal import SEAL_BYTES

STREAMS_AT_ONCE = 20_000
HASH_BYTES = sha256().digest_size
ROUNDS_OF_PAGES = 4
STATUSES = ("open", "acknowledged", "resolved", "closed")
SEVERITIES = ("SEV1", "SEV2", "SEV3", "SEV4")

# Out of a hundred incidents, one is at each stage before closed, and one has the worst severity.
MADE = """
SELECT number, 'incident-' || md5(number::text)::uuid AS stream,
       coalesce((ARRAY['open', 'acknowledged', 'resolved'])[mod(number, 100)], 'closed') AS status,
       CASE WHEN mod(number, 97) = 0 THEN 'SEV1' ELSE 'SEV' || (mod(number, 3) + 2) END AS severity
FROM generate_series(%(first)s::int, %(last)s::int) AS number
"""

EVENTS = f"""
INSERT INTO events (workspace, stream, version, wire_name, schema_version, data, actor_kind, actor, at, key,
                    part, hash, rules, seal)
SELECT 'main', stream, n, wire_name, schema_version, data, %(kind)s, %(actor)s, %(at)s, stream, n - 1,
       substr(hashes, ((n - 1) * {HASH_BYTES} + 1)::int, {HASH_BYTES}), %(rules)s,
       substr(seals, ((n - 1) * {SEAL_BYTES} + 1)::int, {SEAL_BYTES})
FROM unnest(%(streams)s::text[], %(hashes)s::bytea[], %(seals)s::bytea[]) WITH ORDINALITY
         AS made (stream, hashes, seals, nth),
     unnest(%(wire_names)s::text[], %(versions)s::int[], %(data)s::text[]) WITH ORDINALITY
         AS event (wire_name, schema_version, data, n)
ORDER BY nth, n
"""

CARDS = f"""
INSERT INTO cards (workspace, stream, number, status, severity, fingerprint, opened_at, owes, version,
                   incident, shape, unscored)
SELECT 'main', stream, number, status, severity, left(md5(mod(number, 5000)::text), 16), %(at)s, false,
       %(length)s, replace(replace(replace(replace(%(incident)s, 'STREAM', stream), '"number":1,',
       '"number":' || number || ','), '"status":"acknowledged"', '"status":"' || status || '"'),
       '"severity":"SEV3"', '"severity":"' || severity || '"'), %(shape)s, false
FROM ({MADE}) AS made
"""

LOG = """
INSERT INTO log (workspace, position, event_id, hash)
SELECT 'main', row_number() OVER (ORDER BY id), id, hash FROM events
"""

SEALED = """
UPDATE cards SET seal = made.seal FROM unnest(%(streams)s::text[], %(seals)s::bytea[]) AS made (stream, seal)
WHERE cards.workspace = 'main' AND cards.stream = made.stream
"""

# Created again at the end: filled row by row, the indexes would take most of the time.
UNIQUE = {
    "events_stream_version_key": "workspace, stream, version",
    "events_key_part_key": "key, part, workspace",
}


def fill(owner: psycopg.Connection, streams: int) -> None:
    """Write `streams` incidents of `STREAM_EVENTS` events."""
    made_by = {"at": NOON, "length": len(INCIDENT), "incident": _card(), "shape": cards.shape()}
    owner.execute("SET synchronous_commit = off; SET maintenance_work_mem = '1GB'; SET work_mem = '256MB'")
    for name in UNIQUE:
        owner.execute(f"ALTER TABLE events DROP CONSTRAINT {name}")
    for first in range(1, streams + 1, STREAMS_AT_ONCE):
        last = min(streams, first + STREAMS_AT_ONCE - 1)
        owner.execute(EVENTS, _events([stream_of(number) for number in range(first, last + 1)]))
        owner.execute(CARDS, {**made_by, "first": first, "last": last})
        owner.execute(SEALED, _seals(owner, first))
    owner.execute(LOG)
    for name, columns in UNIQUE.items():
        owner.execute(f"ALTER TABLE events ADD CONSTRAINT {name} UNIQUE ({columns})")
    owner.execute("VACUUM ANALYZE")
    owner.execute("CHECKPOINT")


def _events(streams: Sequence[str]) -> dict[str, Any]:
    """The parameters of `EVENTS`: what all of these streams share once, and of each its hashes and seals."""
    made = [_drafted(stream).parameters for stream in streams]
    shared, columns = made[0], ("wire_name", "schema_version", "data")
    names, versions, data = (shared[name].split(JOINT) for name in columns)
    return {
        "at": NOON,
        "kind": shared["actor_kind"],
        "actor": shared["actor"],
        "rules": shared["rules"],
        "wire_names": names,
        "versions": [int(version) for version in versions],
        "data": data,
        "streams": streams,
        "hashes": [one["hash"] for one in made],
        "seals": [one["seal"] for one in made],
    }


def _drafted(stream: str) -> EncodedEvents:
    return draft(Head(stream), INCIDENT, Origin(actor=PERSON, key=stream, at=NOON))


def _seals(owner: psycopg.Connection, first: int) -> dict[str, list[Any]]:
    """The cards from number `first` on, and their seals: a card without one is rebuilt when it is read."""
    query = "SELECT stream, shape, incident FROM cards WHERE number >= %s"
    made = owner.execute(query, [first]).fetchall()
    return {"streams": [one[0] for one in made], "seals": [cards.seal_of(*one) for one in made]}


def stream_of(number: int) -> str:
    """The name of the n-th stream that `fill` made."""
    return f"incident-{UUID(md5(str(number).encode()).hexdigest())}"


def pages(url: str) -> list[float]:
    """Milliseconds of the first page of cards, for every filter by status, severity, or both."""
    log = engine(url)
    wanted = [(), ("open", "acknowledged"), *((one,) for one in STATUSES)]
    harm = [(), *((one,) for one in SEVERITIES)]
    filters = [(status, severity) for status in wanted for severity in harm] * ROUNDS_OF_PAGES
    return [_page(log, statuses, severities) for statuses, severities in filters]


def _page(log: Engine, statuses: tuple[str, ...], severities: tuple[str, ...]) -> float:
    begun = time.perf_counter()
    with log.connect() as connection:
        cards.page(connection, statuses=statuses, severities=severities)
    return (time.perf_counter() - begun) * 1000


def _card() -> str:
    """The card after the events of a stream called STREAM, as JSON."""
    incident = replay(_drafted("STREAM").recorded)
    if incident is None:
        raise RuntimeError("the events made no incident")
    return str(cards.row_of(incident)["incident"])
