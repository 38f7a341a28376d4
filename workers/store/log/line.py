"""One entry of the log as a line of JSON: how it is written, and how it is read back byte for byte."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import orjson

from domain.errors import Tampered, sanitized

ENTRY = ("position", "entry_hash")
PLACE = ("stream", "version")
BODY = ("wire_name", "schema_version", "data", "actor_kind", "actor", "cause", "at", "key", "part")
SEALED = ("rules", "seal")
"""Columns of an event decided by a rule since seals exist."""

HASHES = ("entry_hash", "hash", "before", "entry_before", "seal")
"""Hexadecimal in a line, bytes in a row."""

_WHOLE = {*ENTRY, *PLACE, *BODY, "hash"}
_ARCHIVED = {*ENTRY, *PLACE, "hash", "archived"}
_BEFORE = {"before", "entry_before"}
_SEALED = {*_WHOLE, *SEALED}


def spell(row: Mapping[str, Any]) -> bytes:
    """
    The line of a row, with its newline.

    A row holds the columns of an event, its seal if it has one (or, once its body was archived,
    `archived`: the name of the archive), its `position` and `entry_hash`; if the preceding events are not in
    the same file also `before`, the previous hash in its stream, and `entry_before`, that in the log.
    """
    spelled: dict[str, Any] = {name: bytes(row[name]).hex() for name in HASHES if name in row}
    if "data" in row:
        spelled["data"] = orjson.Fragment(row["data"])
        spelled["at"] = row["at"].astimezone(UTC)
    return orjson.dumps({**row, **spelled}, option=orjson.OPT_APPEND_NEWLINE)


def read(line: bytes) -> dict[str, Any]:
    """
    The row of a line, or a checkpoint unchanged.

    Raises:
        Tampered: it is not, to the byte, what `spell` writes.
    """
    try:
        found = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise Tampered(f"it is not JSON ({sanitized(error)})") from None
    if not isinstance(found, dict):
        raise Tampered("it is not an event")
    if "signature" in found:
        return found
    if set(found) - _BEFORE not in (_WHOLE, _SEALED, _ARCHIVED):
        raise Tampered("it does not have the fields of an event")
    try:
        row = _row(found)
        same = spell(row) == line.rstrip(b"\n") + b"\n"
    except (ValueError, TypeError, AttributeError) as error:
        raise Tampered(f"it is not an event ({sanitized(error)})") from None
    if not same:
        raise Tampered("it is not spelled as an export spells it; somebody edited it")
    return row


def is_checkpoint(row: Mapping[str, Any]) -> bool:
    """Whether a line that was read is a checkpoint rather than an event."""
    return "signature" in row


def _row(found: dict[str, Any]) -> dict[str, Any]:
    row: dict[str, Any] = {
        name: bytes.fromhex(value) if name in HASHES else value for name, value in found.items()
    }
    if "data" in row:
        row["data"] = orjson.dumps(row["data"], option=orjson.OPT_SORT_KEYS).decode()
        row["at"] = datetime.fromisoformat(row["at"])
    return row
