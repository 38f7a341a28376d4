"""A folder with one append-only JSON lines file per workspace. Best on another machine, or `chattr +a`."""

from __future__ import annotations

import fcntl
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from domain.errors import WitnessError, sanitized
from domain.recommender.witness import Witness
from workers.environment.durable import sync_folder
from workers.store.log.checkpoint import Checkpoint, Held, spell
from workers.witnesses.kind import Kind, Surroundings
from workers.witnesses.lines import held_in, is_kept

MOST_BYTES = 256 * 1024 * 1024
"""Enough for half a million checkpoints: anything larger is not this file."""


class FolderWitness(Witness):
    """`path`: the folder; created if its parent exists."""

    kind: Literal["folder"]
    path: str
    """Folder of the checkpoints; its parent has to exist."""


class Folder:
    """Appends to the file under a lock; the added line is on disk when `hand` returns."""

    def __init__(self, path: Path, seconds: float) -> None:
        self._path = path
        self._seconds = seconds

    def hand(self, checkpoint: Checkpoint) -> str:
        """Append the checkpoint, unless it is there already."""
        file = self._file(checkpoint.workspace)
        try:
            self._path.mkdir(exist_ok=True)
            with _locked(file, self._seconds) as opened:
                content = _read(opened)
                if is_kept(checkpoint, held_in(content, str(file))):
                    return f"{file} already holds position {checkpoint.position}"
                # A line cut off by a kill is left as it is: nothing in the file is ever changed.
                torn = b"\n" if content and not content.endswith(b"\n") else b""
                _write(opened, torn + spell(checkpoint))
            sync_folder(self._path)
        except OSError as error:
            raise WitnessError(f"{file} cannot be written ({sanitized(error)})") from error
        return f"{file} holds position {checkpoint.position}"

    def held(self, workspace: str) -> list[Held]:
        """The checkpoints in the file; none if there is no file yet."""
        file = self._file(workspace)
        try:
            opened = _open(file, os.O_RDONLY)
        except FileNotFoundError:
            return []
        except OSError as error:
            raise WitnessError(f"{file} cannot be read ({sanitized(error)})") from error
        try:
            return held_in(_read(opened), str(file))
        finally:
            os.close(opened)

    def _file(self, workspace: str) -> Path:
        return self._path / f"{workspace}.jsonl"


def _open(file: Path, flags: int) -> int:
    """Open a regular file and nothing else: a pipe that waits for a writer, or a link, is no witness."""
    opened = os.open(file, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o644)
    if not stat.S_ISREG(os.fstat(opened).st_mode):
        os.close(opened)
        raise OSError(0, "it is not a regular file")
    return opened


@contextmanager
def _locked(file: Path, seconds: float) -> Iterator[int]:
    opened = _open(file, os.O_RDWR | os.O_APPEND | os.O_CREAT)
    try:
        until = time.monotonic() + seconds
        while not _try_lock(opened):
            if time.monotonic() > until:
                raise WitnessError(f"{file} was locked by another process for {seconds:.0f} s")
            time.sleep(0.02)
        yield opened
    finally:
        os.close(opened)


def _try_lock(opened: int) -> bool:
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _read(opened: int) -> bytes:
    size = os.fstat(opened).st_size
    if size > MOST_BYTES:
        raise OSError(0, f"it has {size} bytes, more than checkpoints ever take")
    return os.pread(opened, size, 0)


def _write(opened: int, line: bytes) -> None:
    while line:
        line = line[os.write(opened, line) :]
    os.fsync(opened)


def _opened(witness: FolderWitness, _: Surroundings) -> Folder:
    return Folder(Path(witness.path), witness.timeout.total_seconds())


KIND = Kind("folder", FolderWitness, _opened)
