"""
A card as JSON, spelled again only in what is new.

Most of a long incident's card is what may be corrected, an entry for each event: to spell them all at each
event took longer than to decide, to encode and to hash.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from operator import eq, is_
from typing import NamedTuple

import orjson

from domain.incident.state import Correctable, Incident


class Spelled(NamedTuple):
    """An incident's JSON; and of what may be corrected in it, the entries as values and as JSON."""

    text: str
    correctable: Mapping[str, Correctable]
    entries: bytes


def spell(incident: Incident, before: Spelled | None = None) -> Spelled:
    """
    The JSON of an incident, without what is as in every new one: PostgreSQL packs what is longer than 2 kB,
    at a price.

    Args:
        before: what was spelled of the same incident when it had fewer events.
    """
    entries = _entries(incident.correctable, before)
    # What `model_dump_json` does after it has looked at its dozen options.
    rest = incident.__pydantic_serializer__.to_json(incident, exclude=_APART, exclude_defaults=True)
    text = b'%b,"correctable":{%b}}' % (rest[:-1], entries)
    return Spelled(text.decode(), incident.correctable, entries)


_APART = {"correctable"}


def _entries(correctable: Mapping[str, Correctable], before: Spelled | None) -> bytes:
    if before is None or not _begins_with(correctable, before.correctable):
        return _spelled(correctable, 0)
    known = len(before.correctable)
    if len(correctable) == known:
        return before.entries
    return b"%b,%b" % (before.entries, _spelled(correctable, known)) if known else _spelled(correctable, 0)


def _begins_with(all_: Mapping[str, Correctable], first: Mapping[str, Correctable]) -> bool:
    """Whether the same values, not only equal ones, come first under the same keys."""
    return (
        len(first) <= len(all_) and all(map(is_, first.values(), all_.values())) and all(map(eq, first, all_))
    )


def _spelled(correctable: Mapping[str, Correctable], after: int) -> bytes:
    added = {
        id_: orjson.Fragment(says.__pydantic_serializer__.to_json(says, exclude_defaults=True))
        for id_, says in islice(correctable.items(), after, None)
    }
    return orjson.dumps(added)[1:-1]
