"""A file that a serving process reads: replaced as a whole or not at all, by one writer at a time."""

from __future__ import annotations

import fcntl
import glob
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from domain.errors import DeployError, sanitized
from workers.environment.durable import replace_whole

LOCK_SECONDS = 10.0
MOST_BYTES = 64 * 1024 * 1024


class ReplacedFile:
    """
    The file is replaced by a rename, so a reader never sees half of it, and keeps its owner and
    permissions; writers wait for each other on `path` + `.lock`. If `path` is a link within its own folder,
    the link stays and its target is replaced.

    Call `read` and `write` only while holding `locked`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._target = path  # known once the writers' lock is held

    @contextmanager
    def locked(self) -> Iterator[None]:
        """
        Keep other writers out.

        Raises:
            DeployError: the file cannot be written, or another writer holds the lock.
        """
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with _opened_lock(self.path) as lock:
                _wait_for(lock.fileno(), self.path)
                self._target = _target(self.path)
                yield
        except RuntimeError as error:  # Path.resolve on a link to itself, before Python 3.13
            raise DeployError(f"{self.path} is a link that leads back to itself; fix it") from error
        except OSError as error:
            raise DeployError(f"{self.path} could not be written: {sanitized(error)}") from error

    def read(self) -> bytes | None:
        """The file's content; None if there is no file."""
        return _text(self._target)

    def write(self, text: bytes) -> None:
        """Replace the file's content."""
        target = self._target
        _clear_left(target.parent, target.name)
        replace_whole(target, text, _prefix(target.name), lambda descriptor: _like(descriptor, target))


def _wait_for(descriptor: int, path: Path) -> None:
    deadline = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise DeployError(
                    f"{path} was locked by another writer for {LOCK_SECONDS:.0f} s; try again"
                ) from None
            time.sleep(0.02)
        else:
            return


def _opened_lock(path: Path) -> IO[bytes]:
    """The writers' lock file, opened; it has to be a file of its own and not a link to another."""
    lock = path.with_name(path.name + ".lock")
    return os.fdopen(os.open(lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o644), "r+b")


def _target(path: Path) -> Path:
    """
    The file itself, even if `path` is a link.

    Raises:
        DeployError: it is outside the declared folder, where nothing is known about who may write.
    """
    folder, real = path.parent.resolve(), path.resolve()
    if not real.is_relative_to(folder):
        raise DeployError(
            f"{path} is a link to {real}, outside {folder}; declare that path, if it is the one that is meant"
        )
    return real


def _text(path: Path) -> bytes | None:
    """
    The file's content; None if there is no file.

    Raises:
        DeployError: it is not a regular file, or longer than any that is meant here.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    except FileNotFoundError:
        return None
    with os.fdopen(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise DeployError(f"{path} is no regular file; nothing was changed")
        if found.st_size > MOST_BYTES:
            raise DeployError(f"{path} is longer than {MOST_BYTES:,} bytes; nothing was changed")
        return file.read()


def _prefix(name: str) -> str:
    return f".{name[:100]}."


def _clear_left(folder: Path, name: str) -> None:
    """Remove what a killed writer left behind; we hold its lock now."""
    for left in folder.glob(f"{glob.escape(_prefix(name))}????????"):
        left.unlink(missing_ok=True)


def _like(descriptor: int, path: Path) -> None:
    """A temporary file is private; the serving process may be another user."""
    if not path.exists():
        os.fchmod(descriptor, 0o644)
        return
    former, fresh = path.stat(), os.fstat(descriptor)
    if (former.st_uid, former.st_gid) != (fresh.st_uid, fresh.st_gid):
        try:
            os.fchown(descriptor, former.st_uid, former.st_gid)
        except PermissionError as error:
            raise DeployError(
                f"{path} belongs to another account (number {former.st_uid}, group {former.st_gid}), which a "
                "new file could not be given to; let this account own it, or write it as that one"
            ) from error
    os.fchmod(descriptor, stat.S_IMODE(former.st_mode))
