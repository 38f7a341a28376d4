"""A log of sampled requests that never makes a request wait."""

from __future__ import annotations

import csv
import io
import json
import queue
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from .lines import LineFile
from .sampling import WHOLE, Slices, SliceSampler, Window, place_of

IDLE_SECONDS = 0.2
INCLUSION = "inclusion"
"""The column of a record that holds the probability with which it was sampled."""

Waiting = tuple[Mapping[str, Any], float | None]


class RequestLog:
    """
    Append-only JSON lines (or CSV, when `fields` are given) under `folder`, written by one background thread.

    Args:
        folder: created if absent. The open file is `{name}.jsonl` or `.csv`; full ones get a time in
            their name.
        share: part of the requests (0–1) that is sampled regardless of slice, chosen by a hash of the
            request's id.
        slices: slices of which enough is sampled in addition to that share. What was seen, taken, written
            and dropped in each of their windows is added to `{name}.jsonl` in the folder `windows`.
        max_bytes: size at which a file is rotated.
        keep: how many full files are kept.
        queue_size: records that may wait; any beyond that are dropped and counted in `dropped`.
        fields: columns of a CSV file; other keys of a record are left out.

    Raises:
        ValueError: with `slices`, the share is 0, or `fields` lack "inclusion".
    """

    def __init__(  # noqa: PLR0913 (each has its default)
        self,
        folder: str | Path,
        *,
        name: str = "requests",
        share: float = 1.0,
        slices: Slices | None = None,
        max_bytes: int = 64_000_000,
        keep: int = 10,
        queue_size: int = 10_000,
        fields: Sequence[str] | None = None,
    ) -> None:
        if slices is not None and fields and INCLUSION not in fields:
            raise ValueError(f'fields lack "{INCLUSION}", without which no estimate from the log is unbiased')
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.name, self.share, self.max_bytes, self.keep = name, share, max_bytes, keep
        self.written = self.dropped = self.failed = 0
        self.problem: str | None = None
        self._sampler = None if slices is None else SliceSampler(slices, share)
        self._fields = list(fields) if fields else None
        self._file = LineFile(
            self.folder,
            name,
            "csv" if fields else "jsonl",
            max_bytes=max_bytes,
            keep=keep,
            header=(",".join(fields) + "\n").encode() if fields else b"",
        )
        self._windows = LineFile(self.folder / "windows", name, "jsonl", max_bytes=max_bytes, keep=keep)
        self._reported = (0, 0, 0)
        self._queue: queue.Queue[Waiting | None] = queue.Queue(queue_size)
        self._counting = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name=f"{name}-log", daemon=True)
        self._thread.start()

    @property
    def path(self) -> Path:
        """The file currently being written."""
        return self._file.path

    def takes(self, request_id: object) -> bool:
        """Whether this request belongs to the uniform share: the same answer for the same id everywhere."""
        return place_of(request_id) < self.share * WHOLE

    def inclusion(
        self, request_id: object, values: Mapping[str, object] | None = None, at: float | None = None
    ) -> float:
        """
        The probability (0–1) with which this request is taken, if it is taken; otherwise 0.0.

        Ask once for each request, and pass the answer to `write` with the record.

        Args:
            values: the request's value of each dimension of the declared slices.
            at: when it came, in seconds since 1970; now, if not given.
        """
        if self._sampler is None:
            return self.share if self.takes(request_id) else 0.0
        return self._sampler.draw(request_id, values or {}, at)

    def write(self, record: Mapping[str, Any], inclusion: float | None = None) -> bool:
        """
        Hand over one record; `inclusion`, if given, becomes its column of that name.

        Returns False, and counts the record as dropped, when the queue is full or the log is closed.
        """
        try:
            if self._closed:
                raise queue.Full
            self._queue.put_nowait((record, inclusion))
        except queue.Full:
            with self._counting:
                self.dropped += 1
            return False
        return True

    def flush(self, timeout_seconds: float = 5.0) -> bool:
        """Wait until everything handed over is in the file; False if the time was too short."""
        deadline = time.monotonic() + timeout_seconds
        while self._queue.unfinished_tasks:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.005)
        return True

    def close(self, timeout_seconds: float = 5.0) -> None:
        """Write what is waiting, and stop the writer. Later records are dropped and counted."""
        if not self._closed:
            self._closed = True
            try:
                self._queue.put(None, timeout=timeout_seconds)
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
                waiting = self._queue.get(timeout=IDLE_SECONDS)
            except queue.Empty:
                self._settle()
                continue
            try:
                if waiting is None:
                    if self._sampler is not None:
                        self._sampler.end()
                    self._settle(close=True)
                    return
                self._file.append(self._encode(*waiting))
                self.written += 1
            except (OSError, TypeError, ValueError) as error:
                self.failed += 1
                self.problem = f"{self.path}: {error}"
            finally:
                if self._queue.empty() or (self._sampler is not None and self._sampler.ended):
                    self._settle()
                self._queue.task_done()

    def _settle(self, close: bool = False) -> None:
        try:
            self._write_windows()
            self._file.settle(close=close)
            self._windows.settle(close=close)
        except OSError as error:
            self.problem = f"{self.path}: {error}"

    def _write_windows(self) -> None:
        """Write down the counts of the windows that have ended: the record of what the log lacks."""
        while self._sampler is not None and self._sampler.ended:
            self._windows.folder.mkdir(exist_ok=True)
            window = self._sampler.ended.popleft()
            now = (self.written, self.dropped, self.failed)
            since = [count - reported for count, reported in zip(now, self._reported, strict=True)]
            self._windows.append(_encoded(_window(window, self._sampler.slices, *since)))
            self._reported = now

    def _encode(self, record: Mapping[str, Any], inclusion: float | None) -> bytes:
        if inclusion is not None:
            record = {**record, INCLUSION: inclusion}
        if self._fields is None:
            return _encoded(record)
        out = io.StringIO()
        csv.DictWriter(out, self._fields, extrasaction="ignore", lineterminator="\n").writerow(record)
        return out.getvalue().encode()


def _encoded(record: Mapping[str, Any]) -> bytes:
    return (json.dumps(record, ensure_ascii=False, separators=(",", ":"), default=str) + "\n").encode()


def _window(window: Window, slices: Slices, written: int, dropped: int, failed: int) -> dict[str, object]:
    """One line: the counts of a window; written, dropped and failed are since the previous line."""
    return {
        "window_start": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(window.start)),
        "seconds": slices.window_seconds,
        "seen": window.seen,
        "taken": window.taken,
        "written": written,
        "dropped": dropped,
        "failed": failed,
        "slices": len(window.counts),
        "untracked": window.untracked,
        "hurried": window.hurried,
    }
