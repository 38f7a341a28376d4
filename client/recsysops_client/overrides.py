"""Overrides written by an operator's tool and read by the serving process."""

from __future__ import annotations

import json
import stat
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

VERSION = 1
MOST_BYTES = 64 * 1024 * 1024
KINDS = ("fill_feature", "boost_items")


@dataclass(frozen=True)
class Override:
    """
    One change to what is served, until `expires_at` (aware UTC).

    `fill_feature` sets `feature` to `value` for `items` where it is unset; `boost_items` adds `amount` to
    their score.
    """

    id: str
    kind: str
    items: tuple[str, ...]
    expires_at: datetime
    feature: str = ""
    value: Any = None
    amount: float = 0.0


class Overrides:
    """
    The overrides in `path`, read again whenever the file is replaced or changed.

    A missing file means none. A malformed file leaves the last good one in force; `problem` then says what
    is wrong.
    The writer must write to another name and rename, so that no reader meets half a file.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.problem: str | None = None
        self.revision = 0
        self._overrides: tuple[Override, ...] = ()
        self._seen: tuple[int, int, int] | None = None
        self._lock = threading.Lock()

    def current(self, now: datetime | None = None) -> tuple[Override, ...]:
        """
        Those in force at `now` (aware.

        The present if not given). Costs one `stat` when nothing changed.
        """
        moment = now or datetime.now(UTC)
        with self._lock:
            self._refresh()
            return tuple(override for override in self._overrides if override.expires_at > moment)

    def _refresh(self) -> None:
        try:
            found = self.path.stat()
        except FileNotFoundError:
            if self._seen is not None or self.problem:
                self._accept((), None)
            return
        except OSError as error:
            self.problem = f"{self.path}: {error.strerror or error}; the last good overrides stay in force"
            return
        seen = (found.st_mtime_ns, found.st_size, found.st_ino)
        if seen == self._seen:
            return
        try:
            if not stat.S_ISREG(found.st_mode) or found.st_size > MOST_BYTES:
                raise ValueError(f"is no regular file of at most {MOST_BYTES:,} bytes")
            self._accept(parse(self.path.read_bytes()), seen)
        except (OSError, ValueError) as error:
            self.problem = f"{self.path}: {error}; the last good overrides stay in force"
            self._seen = seen

    def _accept(self, overrides: tuple[Override, ...], seen: tuple[int, int, int] | None) -> None:
        self._overrides, self._seen, self.problem = overrides, seen, None
        self.revision += 1


def parse(text: bytes | str) -> tuple[Override, ...]:
    """
    The overrides in a file's text.

    Raises:
        ValueError: not JSON, another version, or an entry that cannot be understood; says which and why.
    """
    document = json.loads(text)
    if not isinstance(document, dict) or document.get("version") != VERSION:
        raise ValueError(f'expected an object with "version": {VERSION}')
    entries = document.get("overrides")
    if not isinstance(entries, list):
        raise ValueError('expected a list under "overrides"')
    return tuple(_parse_entry(place, entry) for place, entry in enumerate(entries))


def _parse_entry(place: int, entry: Any) -> Override:
    where = f"overrides[{place}]"
    if not isinstance(entry, dict):
        raise ValueError(f"{where}: expected an object")
    kind, key = entry.get("kind"), entry.get("id")
    if kind not in KINDS:
        raise ValueError(f"{where}.kind: expected one of {', '.join(KINDS)}, found {kind!r}")
    if not isinstance(key, str) or not key:
        raise ValueError(f"{where}.id: expected a text that is not empty")
    items = entry.get("items")
    if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
        raise ValueError(f"{where}.items: expected a list of item ids")
    feature, amount = entry.get("feature", ""), entry.get("amount", 0.0)
    if kind == "fill_feature" and (not isinstance(feature, str) or not feature or entry.get("value") is None):
        raise ValueError(f"{where}: fill_feature needs a feature and a value")
    if kind == "boost_items" and (isinstance(amount, bool) or not isinstance(amount, int | float)):
        raise ValueError(f"{where}.amount: expected a number")
    expires_at = _parse_time(f"{where}.expires_at", entry.get("expires_at"))
    return Override(key, kind, tuple(items), expires_at, feature, entry.get("value"), float(amount))


def _parse_time(where: str, text: Any) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        raise ValueError(f"{where}: expected a time like 2026-12-01T00:00:00Z, found {text!r}") from None
    if moment.tzinfo is None:
        raise ValueError(f"{where}: {text} has no time zone; write it with Z at the end")
    return moment.astimezone(UTC)
