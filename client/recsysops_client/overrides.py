"""Overrides written by an operator's tool and read by the serving process."""

from __future__ import annotations

import hashlib
import json
import stat
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

VERSION = 1
MOST_BYTES = 64 * 1024 * 1024
KINDS = ("fill_feature", "boost_items", "block_items")


@dataclass(frozen=True)
class Override:
    """
    One change to what is served, until `expires_at` (aware UTC).

    `fill_feature` sets `feature` to `value` for `items` where it is unset; `boost_items` adds `amount` to
    their score; `block_items` excludes them from what may be shown. It applies to a `share` of the members
    (see `serves`).
    """

    id: str
    kind: str
    items: tuple[str, ...]
    expires_at: datetime
    feature: str = ""
    value: Any = None
    amount: float = 0.0
    share: float = 1.0
    salt: str = ""

    def serves(self, member: str | None) -> bool:
        """
        Whether it applies to this member: decided by a hash of `salt` and member, so that every process
        answers alike, and a member of a smaller share also belongs to every larger one. Without a member,
        only overrides for all members apply.

        >>> now = datetime(2026, 12, 1, tzinfo=UTC)
        >>> half = Override("a1", "boost_items", ("tt1",), now, amount=0.8, share=0.5, salt="a1")
        >>> [half.serves(member) for member in ("m1", "m2", "m3", None)]
        [False, True, False, False]
        """
        if self.share >= 1.0:
            return True
        if member is None:
            return False
        drawn = hashlib.sha256(f"{self.salt}\x1f{member}".encode()).digest()
        return int.from_bytes(drawn[:8]) < self.share * 2**64


class Overrides:
    """
    The overrides in `path`, read again whenever the file is replaced or changed.

    A missing file means none. A malformed file leaves the last good one in force; `problem` then says what
    is wrong.
    The writer must write to another name and rename, so that no reader sees half a file.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.problem: str | None = None
        self.revision = 0
        self._overrides: tuple[Override, ...] = ()
        self._seen: tuple[int, int, int] | None = None
        self._lock = threading.Lock()

    def current(self, now: datetime | None = None, member: str | None = None) -> tuple[Override, ...]:
        """
        Those in force at `now` (aware; the present if not given) for a member.

        Without a member: those that apply to all. Costs one `stat` when nothing changed.
        """
        moment = now or datetime.now(UTC)
        with self._lock:
            self._refresh()
            found = self._overrides
        return tuple(one for one in found if one.expires_at > moment and one.serves(member))

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
    share, salt = _parse_share(where, entry)
    return Override(
        key, kind, tuple(items), expires_at, feature, entry.get("value"), float(amount), share, salt
    )


def _parse_share(where: str, entry: dict[str, Any]) -> tuple[float, str]:
    share, salt = entry.get("share", 1.0), entry.get("salt", "")
    if isinstance(share, bool) or not isinstance(share, int | float) or not 0.0 <= share <= 1.0:
        raise ValueError(f"{where}.share: expected a number from 0 to 1, found {share!r}")
    if not isinstance(salt, str) or (share < 1.0 and not salt):
        raise ValueError(f"{where}.salt: a share needs a text to draw its members with")
    return float(share), salt


def _parse_time(where: str, text: Any) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        raise ValueError(f"{where}: expected a time like 2026-12-01T00:00:00Z, found {text!r}") from None
    if moment.tzinfo is None:
        raise ValueError(f"{where}: {text} has no time zone; write it with Z at the end")
    return moment.astimezone(UTC)
