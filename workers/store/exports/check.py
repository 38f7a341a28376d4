"""
Checks an export on its own: every hash, the order and the signatures, using nothing but the file.

A file cannot show whether the log continues after its last line, unless that is a signed checkpoint.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from domain.errors import Tampered
from domain.values import Value
from workers.store.log.chain import chained, linked
from workers.store.log.checkpoint import CHECKPOINT, Held, require_consistent
from workers.store.log.checkpoint import read as read_checkpoint
from workers.store.log.line import is_checkpoint, read
from workers.store.signature import require_signed


class Checked(Value):
    """
    What was checked, without finding anything wrong.

    `first` and `last` are positions (0 for an empty log), `head` the log's hash at the last one in
    hexadecimal, `archived` how many events are present by their hash alone, `signed_by` the public key of the
    final checkpoint, or None if there is none.
    """

    events: int
    archived: int
    streams: int
    first: int
    last: int
    head: str
    signed_by: str | None = None


class Walk:
    """Follows both chains through the lines of one export."""

    def __init__(self, trusted: str | None = None) -> None:
        """
        Args:
            trusted: the public key that must have signed each checkpoint; any, if None.
        """
        self._trusted = trusted
        self._heads: dict[str, tuple[int, bytes]] = {}
        self._first: int | None = None
        self._position = 0
        self._entry = b""
        self._events = self._archived = 0
        self._signed_by: str | None = None
        self._vouched: Held | None = None

    def take(self, row: dict[str, Any]) -> None:
        """
        Check the next line.

        Raises:
            Tampered: it does not fit the preceding lines.
        """
        if is_checkpoint(row):
            self._checkpoint(row)
            return
        if self._first is None:
            self._begin(row)
        if row["position"] != self._position + 1:
            raise Tampered(f"position {self._position + 1} is missing; this is position {row['position']}")
        self._next_of_its_stream(row)
        entry = linked(self._entry, row["hash"])
        if entry != row["entry_hash"]:
            raise Tampered("it is not where it was: the log's hash at its position does not fit")
        self._position, self._entry, self._signed_by = row["position"], entry, None
        self._heads[row["stream"]] = (row["version"], row["hash"])
        self._events += 1
        self._archived += "archived" in row

    def checked(self) -> Checked:
        """What was checked so far."""
        return Checked(
            events=self._events,
            archived=self._archived,
            streams=len(self._heads),
            first=self._first or 0,
            last=self._position,
            head=self._entry.hex(),
            signed_by=self._signed_by,
        )

    def _begin(self, row: dict[str, Any]) -> None:
        self._first = row["position"]
        if self._signed_by is not None:
            return  # continues where a checkpoint says that the log was
        self._position = row["position"] - 1
        if self._position and "entry_before" not in row:
            raise Tampered(f"it is position {row['position']}, and what comes before it is missing")
        self._entry = row.get("entry_before", b"")

    def _next_of_its_stream(self, row: dict[str, Any]) -> None:
        stream, version = row["stream"], row["version"]
        known, before = self._heads.get(stream, (0, b""))
        if stream not in self._heads and version > 1 and self._first != 1:
            known, before = version - 1, row.get("before", b"")
        if version != known + 1:
            raise Tampered(f"{stream} has no version {known + 1} before this version {version}")
        if "archived" not in row and chained(before, row) != row["hash"]:
            raise Tampered(
                f"{row['wire_name']}, version {version} of {stream}, is not what was written: its hash does "
                "not fit its content"
            )

    def _checkpoint(self, row: dict[str, Any]) -> None:
        checkpoint = read_checkpoint(row)
        require_signed(CHECKPOINT, row, self._trusted)
        ours = Held(f"this checkpoint of position {checkpoint.position}", checkpoint)
        if self._vouched is not None:
            require_consistent([self._vouched, ours])
            if checkpoint.position < self._vouched.checkpoint.position:
                raise Tampered(f"{self._vouched.where} is of a later position than this one")
        if self._first is None:
            # Nothing new since an earlier export, or only checkpoints, which say where the log was.
            self._position, self._entry = checkpoint.position, bytes.fromhex(checkpoint.hash)
        if (checkpoint.position, checkpoint.hash) != (self._position, self._entry.hex()):
            raise Tampered(
                f"the checkpoint is of position {checkpoint.position} and another hash than what comes "
                "before it; lines were removed, or it belongs to another log"
            )
        self._signed_by = checkpoint.public_key
        self._vouched = ours._replace(where=f"the checkpoint before it, of position {checkpoint.position},")


def check(file: Path, trusted: str | None = None) -> Checked:
    """
    Check an exported file.

    Args:
        trusted: the public key (64 hexadecimal digits) that must have signed a checkpoint at its end.

    Raises:
        Tampered: names the first line that does not fit.
        OSError: the file cannot be read.
    """
    walk = Walk(trusted)
    for _ in walked(file, walk):
        pass
    checked = walk.checked()
    if trusted is not None and checked.signed_by is None:
        raise Tampered(f"{file} does not end with a signed checkpoint: lines may be missing at its end.")
    return checked


def walked(file: Path, walk: Walk) -> Iterator[dict[str, Any]]:
    """
    The rows of the events in a file, each checked.

    Raises:
        Tampered: names the first line that does not fit.
    """
    with file.open("rb") as lines:
        yield from _numbered(file, lines, walk)


def _numbered(file: Path, lines: Iterable[bytes], walk: Walk) -> Iterator[dict[str, Any]]:
    for n, line in enumerate(lines, start=1):
        try:
            row = read(line)
            walk.take(row)
        except Tampered as error:
            raise Tampered(f"{file}, line {n}: {error}.") from None
        if not is_checkpoint(row):
            yield row
