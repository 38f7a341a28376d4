"""A log of sampled requests that never makes a request wait."""

from __future__ import annotations

import csv
import errno
import hashlib
import io
import json
import os
import queue
import stat
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

CLOSING = None
IDLE_SECONDS = 0.2
CAREFULLY = sum(getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY"))
"""Where the system knows it: no link is followed, no pipe waited for, no end of line rewritten."""


class RequestLog:
    """
    Append-only JSON lines (or CSV, when `fields` are given) under `folder`, written by one background thread.

    Args:
        folder: created when absent. The open file is `{name}.jsonl` or `.csv`; full ones get a time in
            their name.
        share: part of the requests (0–1) for which `takes` says yes, chosen by a hash of the request's id.
        max_bytes: size at which a file is turned over.
        keep: how many full files stay.
        queue_size: records that may wait; further ones are dropped and counted in `dropped`.
        fields: columns of a CSV file; other keys of a record are left out.
    """

    def __init__(
        self,
        folder: str | Path,
        *,
        name: str = "requests",
        share: float = 1.0,
        max_bytes: int = 64_000_000,
        keep: int = 10,
        queue_size: int = 10_000,
        fields: Sequence[str] | None = None,
    ) -> None:
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.name, self.share, self.max_bytes, self.keep = name, share, max_bytes, keep
        self.written = self.dropped = self.failed = 0
        self.problem: str | None = None
        self._fields = list(fields) if fields else None
        self._suffix = "csv" if fields else "jsonl"
        self._queue: queue.Queue[Mapping[str, Any] | None] = queue.Queue(queue_size)
        self._file: io.BufferedWriter | None = None
        self._counting = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name=f"{name}-log", daemon=True)
        self._thread.start()

    @property
    def path(self) -> Path:
        """The file that is being written."""
        return self.folder / f"{self.name}.{self._suffix}"

    def takes(self, request_id: object) -> bool:
        """Whether this request belongs to the sample: the same answer for the same id everywhere."""
        digest = hashlib.blake2b(str(request_id).encode(), digest_size=8).digest()
        return int.from_bytes(digest, "big") < self.share * 2**64

    def write(self, record: Mapping[str, Any]) -> bool:
        """
        Hand over one record.

        False, and counted as dropped, when the queue is full or the log is closed.
        """
        try:
            if self._closed:
                raise queue.Full
            self._queue.put_nowait(record)
        except queue.Full:
            with self._counting:
                self.dropped += 1
            return False
        return True

    def flush(self, timeout_seconds: float = 5.0) -> bool:
        """Wait until everything handed over is in the file; False when the time was not enough."""
        deadline = time.monotonic() + timeout_seconds
        while self._queue.unfinished_tasks:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.005)
        return True

    def close(self, timeout_seconds: float = 5.0) -> None:
        """Write what waits, and end the writer. Later records are dropped and counted."""
        if not self._closed:
            self._closed = True
            try:
                self._queue.put(CLOSING, timeout=timeout_seconds)
            except queue.Full:
                return  # the disk hangs; the thread is a daemon and must not hold up the process
        self._thread.join(timeout_seconds)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _run(self) -> None:
        while True:
            try:
                record = self._queue.get(timeout=IDLE_SECONDS)
            except queue.Empty:
                self._settle()
                continue
            try:
                if record is CLOSING:
                    self._settle(close=True)
                    return
                self._append(record)
                self.written += 1
            except (OSError, TypeError, ValueError) as error:
                self.failed += 1
                self.problem = f"{self.path}: {error}"
            finally:
                if self._queue.empty():
                    self._settle()
                self._queue.task_done()

    def _settle(self, close: bool = False) -> None:
        if self._file is None:
            return
        try:
            self._file.flush()
            if close:
                self._file.close()
                self._file = None
        except OSError as error:
            self.problem = f"{self.path}: {error}"

    def _append(self, record: Mapping[str, Any]) -> None:
        line = self._encode(record)
        if self._file is None:
            self._file = self._open()
        if self._file.tell() and self._file.tell() + len(line) > self.max_bytes:
            self._file.close()
            self._turn_over()
            self._file = self._open()
        self._file.write(line)

    def _encode(self, record: Mapping[str, Any]) -> bytes:
        if self._fields is None:
            return (
                json.dumps(record, ensure_ascii=False, separators=(",", ":"), default=str) + "\n"
            ).encode()
        out = io.StringIO()
        csv.DictWriter(out, self._fields, extrasaction="ignore", lineterminator="\n").writerow(record)
        return out.getvalue().encode()

    def _open(self) -> io.BufferedWriter:
        file = _append_to(self.path)
        if self._fields and file.tell() == 0:
            file.write((",".join(self._fields) + "\n").encode())
        return file

    def _turn_over(self) -> None:
        self.path.rename(self.folder / f"{self.name}-{time.time_ns():020d}.{self._suffix}")
        full = sorted(self.folder.glob(f"{self.name}-*.{self._suffix}"))
        for old in full[: max(0, len(full) - self.keep)]:
            old.unlink(missing_ok=True)


def _append_to(path: Path) -> io.BufferedWriter:
    """
    The file, open at its end, which is the end of a line.

    Raises:
        OSError: it is a link, which a turn-over would lose, or a pipe, which would be waited for.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | CAREFULLY, 0o666)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "is no regular file")
        _cut_torn_line(descriptor)
    except BaseException:
        os.close(descriptor)
        raise
    return os.fdopen(descriptor, "ab")


def _cut_torn_line(descriptor: int) -> None:
    """A process that died in the middle of a line left it half; what is appended must not stick to it."""
    with os.fdopen(os.dup(descriptor), "r+b") as file:
        end = file.seek(0, os.SEEK_END)
        while end:
            start = max(0, end - 65_536)
            file.seek(start)
            newline = file.read(end - start).rfind(b"\n")
            if newline >= 0:
                end = start + newline + 1
                break
            end = start
        file.truncate(end)
