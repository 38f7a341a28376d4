"""What a receiver was asked to do and has done, in a file that several processes may share."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

MOST_BYTES = 4 * 1024 * 1024
KEPT_ENDED = 20_000

Answer = tuple[int, dict[str, Any]]
Stage = Literal["begun", "done", "failed", "refused"]


@dataclass(frozen=True)
class Known:
    """
    What is known about one id: the hotfix, how far its apply and its revert are, and the last answer.

    A requested revert, whatever its outcome, is never forgotten in favour of an apply.
    """

    hotfix: str
    apply: Stage | None = None
    revert: Stage | None = None
    applied: Answer | None = None
    reverted: Answer | None = None

    @property
    def ended(self) -> bool:
        """Whether nothing of it is in force or may be."""
        return self.revert == "done" or self.apply == "refused"


class Journal:
    """
    One line of JSON for each step, on disk before the next step begins.

    The holder of the lock, in whichever process or thread, has the journal to itself and has read what the
    others wrote. A line that a dead process left half written is cut off, and `problem` says so. At
    `most_bytes` the file is rewritten: all that is or may be in force, and the `kept_ended` newest others.
    """

    def __init__(self, path: Path, most_bytes: int = MOST_BYTES, kept_ended: int = KEPT_ENDED) -> None:
        self.path = path.resolve()
        self.problem: str | None = None
        self._most_bytes, self._kept_ended = most_bytes, kept_ended
        self._known: dict[str, Known] = {}
        self._read_to = 0
        self._file: int | None = None  # the inode of the file that was read
        self._lock = threading.Lock()

    @contextmanager
    def held(self) -> Iterator[None]:
        """
        Hold the journal exclusively, and up to date.

        Raises:
            OSError: the journal or its lock cannot be read or written.
        """
        import fcntl  # noqa: PLC0415 - a process that only reads overrides may be on a system without it

        with self._lock:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            lock = os.open(f"{self.path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX)
                self._catch_up()
                yield
            finally:
                os.close(lock)

    def known(self, id: str) -> Known | None:
        """What is known about an id. Only while the journal is held."""
        return self._known.get(id)

    def write(self, entry: Mapping[str, Any]) -> None:
        """
        Record a step, which is on disk when this returns. Only while the journal is held.

        Raises:
            OSError: it could not be written; nothing of it is left in the file.
        """
        line = json.dumps(entry).encode() + b"\n"
        if self._read_to + len(line) > self._most_bytes:
            self._write_anew()
        self._append(line)
        self._take(entry)

    def _append(self, line: bytes) -> None:
        new = not self.path.exists()
        file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            _write_all(file, line)
            os.fsync(file)
        except OSError:
            os.ftruncate(file, self._read_to)
            raise
        finally:
            os.close(file)
        if new:
            _sync_folder(self.path.parent)
        self._read_to += len(line)
        self._file = self.path.stat().st_ino

    def _catch_up(self) -> None:
        """Read what others have written since; the whole file if it has been replaced."""
        try:
            found = self.path.stat()
        except FileNotFoundError:
            self._known, self._read_to, self._file = {}, 0, None
            return
        if found.st_ino != self._file or found.st_size < self._read_to:
            self._known, self._read_to, self._file = {}, 0, found.st_ino
        if found.st_size == self._read_to:
            return
        with self.path.open("r+b") as file:
            file.seek(self._read_to)
            text = file.read()
            whole = text[: text.rfind(b"\n") + 1]
            if len(whole) < len(text):
                # Its writer is dead, as this one holds the lock; the step it began to record was not done.
                self.problem = f"{self.path}: its last line was not whole, and is left out"
                file.truncate(self._read_to + len(whole))
                os.fsync(file.fileno())
        self._read_to += len(whole)
        for place, line in enumerate(whole.splitlines(), 1):
            try:
                self._take(json.loads(line))
            except (ValueError, KeyError, TypeError, AttributeError):
                self.problem = (
                    f"{self.path}: line {place} of what was read cannot be understood, and is left out"
                )

    def _take(self, entry: Mapping[str, Any]) -> None:
        action = entry["action"]
        answer = (int(entry["http"]), dict(entry["answer"])) if "answer" in entry else None
        stage: Stage = entry["stage"]
        before = self._known.get(entry["id"]) or Known(str(entry["hotfix"]))
        self._known.pop(entry["id"], None)
        if action == "apply":
            after = replace(before, apply=stage, applied=answer)
        else:
            after = replace(before, revert=stage, reverted=answer)
        self._known[entry["id"]] = after  # at the end: ids are ordered by their last step

    def _write_anew(self) -> None:
        ended = [id for id, known in self._known.items() if known.ended]
        for id in ended[: max(0, len(ended) - self._kept_ended)]:
            del self._known[id]
        lines = [
            json.dumps(entry).encode() for id, known in self._known.items() for entry in _entries(id, known)
        ]
        text = b"".join(line + b"\n" for line in lines)
        fresh = self.path.with_name(f"{self.path.name}.new")
        fresh.unlink(missing_ok=True)
        file = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            _write_all(file, text)
            os.fchmod(file, self.path.stat().st_mode & 0o777)
            os.fsync(file)
        finally:
            os.close(file)
        fresh.replace(self.path)
        _sync_folder(self.path.parent)
        self._read_to, self._file = len(text), self.path.stat().st_ino


def _entries(id: str, known: Known) -> Iterator[dict[str, Any]]:
    steps = (("apply", known.apply, known.applied), ("revert", known.revert, known.reverted))
    for action, stage, answer in steps:
        if stage is not None:
            said = {"http": answer[0], "answer": answer[1]} if answer else {}
            yield {"id": id, "action": action, "hotfix": known.hotfix, "stage": stage, **said}


def _write_all(file: int, text: bytes) -> None:
    while text:
        text = text[os.write(file, text) :]


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
