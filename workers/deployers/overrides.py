"""
Hotfixes as a document of overrides, wherever it is kept: `{"version": 1, "overrides": [{"id": KEY, …}]}`.

A hotfix that sets several values has one entry for each, all under its key. Entries and keys that are not
ours are left alone. `recsysops_client` reads the document and ignores what has expired.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import orjson

from domain.errors import DeployError, sanitized
from domain.values import Option

VERSION = 1
KINDS = ("fill_feature", "boost_items", "block_items")
FIELDS = ("kind", "items", "feature", "value", "amount", "share", "salt")

Document = dict[str, Any]
Entry = dict[str, Any]


def carries(kind: str) -> bool:
    """Whether an override can express what a hotfix of this kind does."""
    return kind in KINDS


def entries(key: str, option: Option, expires_at: datetime | None) -> list[Entry]:
    """
    The entries for an option.

    Raises:
        DeployError: an override cannot express it, or it has no end.
    """
    given = option.parameters
    if given.get("kind") not in KINDS or not isinstance(given.get("items"), list | tuple):
        raise DeployError(
            f"{option.hotfix}: overrides take one of {', '.join(KINDS)} with a list of items, "
            f"not {given.get('kind')!r}; declare another deployer for it"
        )
    if expires_at is None:
        raise DeployError(f"{option.hotfix}: an override needs an end; give the hotfix `expires`")
    entry = {name: given[name] for name in FIELDS if given.get(name) is not None}
    whole = {"id": key, **entry, "expires_at": expires_at.astimezone(UTC).isoformat()}
    values = given.get("values")
    if not isinstance(values, dict) or not values:
        return [whole]
    return [{**whole, "items": list(items), "value": value} for value, items in values.items()]


def summary(entries: Sequence[Entry]) -> str:
    """The entries of one hotfix in words."""
    return f"{entries[0]['kind']} for {sum(len(entry['items']) for entry in entries):,} items"


def parse(text: bytes | None, where: str) -> Document:
    """
    The document in a text; an empty one if there is no text yet.

    Raises:
        DeployError: it is not such a document, or has another version.
    """
    if text is None:
        return {"version": VERSION, "overrides": []}
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise DeployError(
            f"{where} is not JSON ({sanitized(error)}); fix or remove it, then try again"
        ) from error
    if not isinstance(document, dict) or document.get("version") != VERSION:
        raise DeployError(f'{where}: expected an object with "version": {VERSION}; nothing was changed')
    if not isinstance(document.setdefault("overrides", []), list):
        raise DeployError(f'{where}: expected a list under "overrides"; nothing was changed')
    return document


def written(document: Document) -> bytes:
    """The document as text, one line per key, so that diffs are readable."""
    return orjson.dumps(document, option=orjson.OPT_INDENT_2)


def keys(document: Document) -> frozenset[str]:
    """The keys of the entries in the document."""
    return frozenset(key for entry in document["overrides"] if isinstance(key := _id(entry), str))


def with_entries(document: Document, entries: Sequence[Entry]) -> Document:
    """The document with these entries appended."""
    return {**document, "overrides": [*document["overrides"], *entries]}


def applied(document: Document, entries: Sequence[Entry], where: str) -> tuple[Document, str]:
    """The document with a hotfix's entries, and the receipt; entries already there only get a new end."""
    key, until = entries[0]["id"], entries[0]["expires_at"]
    if key not in keys(document):
        return with_entries(document, entries), f"{where} holds {key}: {summary(entries)}"
    moved = [{**one, "expires_at": until} if _id(one) == key else one for one in document["overrides"]]
    return {**document, "overrides": moved}, f"{where} already holds {key}, now until {until}"


def without(document: Document, key: str) -> Document:
    """The document without the entries under the key."""
    return {**document, "overrides": [entry for entry in document["overrides"] if _id(entry) != key]}


def _id(entry: object) -> object:
    return entry.get("id") if isinstance(entry, dict) else None
