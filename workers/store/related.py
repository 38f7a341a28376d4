"""
Incidents found by what they are about, among however many are open.

`found_by` only narrows down: each query finds at least what the rule that it serves accepts, and whoever asks
applies the rule to the sealed cards. These are read a few at a time, because one often answers.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

import orjson
from sqlalchemy import Connection, Engine

from domain.incident.state import Incident
from domain.values import Diagnosis, Option, Slice
from workers.store import cards

UNRESOLVED = ("open", "acknowledged")
UNCLOSED = (*UNRESOLVED, "resolved")
AT_ONCE = 20

_REPORTING = """
SELECT stream FROM cards
WHERE status = ANY (%(statuses)s) AND (fingerprint = ANY (%(fingerprints)s)
    OR found_by -> 'joined' ?| %(fingerprints)s)
"""

_ABOUT_SUBJECTS = """
SELECT stream FROM cards
WHERE status = ANY (%(statuses)s) AND found_by -> 'finding' ->> 'subject' = ANY (%(subjects)s) ORDER BY number
"""

_OF_ONE_CAUSE = """
SELECT stream FROM cards, LATERAL (SELECT found_by -> 'cause' AS cause) AS diagnosed
WHERE status = ANY (%(statuses)s) AND cause ->> 'kind' = %(kind)s AND cause ->> 'object' = %(object)s
    AND cause -> 'place' @> %(place)s::jsonb AND cause -> 'place' <@ %(place)s::jsonb
ORDER BY number
"""

_ACTING_ON = """
SELECT stream FROM cards, LATERAL (SELECT found_by -> 'hotfix' AS hotfix) AS acts
WHERE found_by ? 'hotfix' AND hotfix ->> 'deployer' = %(deployer)s AND CASE
    WHEN %(items)s::text[] IS NULL
    THEN hotfix ->> 'name' = %(name)s OR %(version)s AND (hotfix -> 'version')::bool
    ELSE hotfix -> 'items' ?| %(items)s OR jsonb_typeof(hotfix -> 'items' -> 0) <> 'string' END
ORDER BY number DESC
"""


def reporting(log: Engine, fingerprints: Collection[str]) -> Iterator[Incident]:
    """Those that are not closed and report one of these, also as a finding that joined."""
    return each(log, _REPORTING, UNCLOSED, fingerprints=list(fingerprints))


def about(log: Engine, subjects: Collection[str]) -> Iterator[Incident]:
    """Those that are not closed and about one of these subjects, oldest first."""
    return each(log, _ABOUT_SUBJECTS, UNCLOSED, subjects=list(subjects))


def of_one_cause(log: Engine, found: Diagnosis) -> Iterator[Incident]:
    """Those that are not resolved and for which the same cause was named, oldest first."""
    named = {"kind": found.cause_kind, "object": found.object, "place": spelled(found.place)}
    return each(log, _OF_ONE_CAUSE, UNRESOLVED, **named)


def acting_on(connection: Connection, option: Option) -> list[Incident]:
    """Those whose hotfix is in force, or about to be, and may act on what this one acts on; newest first."""
    items = option.parameters.get("items")
    asked = {
        "deployer": option.deployer,
        "name": option.hotfix,
        "version": "version" in option.parameters,
        "items": [str(item) for item in items] if items and isinstance(items, list | tuple) else None,
    }
    streams = connection.exec_driver_sql(_ACTING_ON, asked).scalars().all()
    return cards.of(connection, streams)


def each(log: Engine, query: str, statuses: Sequence[str], **asked: Any) -> Iterator[Incident]:
    """The incidents whose streams a query returns, in its order, and few read before they are wanted."""
    with log.connect() as connection:
        streams = connection.exec_driver_sql(query, {"statuses": list(statuses), **asked}).scalars().all()
    for first in range(0, len(streams), AT_ONCE):
        with log.connect() as connection:
            found = cards.of(connection, streams[first : first + AT_ONCE])
        yield from found


def spelled(where: Slice) -> str:
    """A slice as the column holds it."""
    return orjson.dumps(where).decode()
