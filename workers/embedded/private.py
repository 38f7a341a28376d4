"""Folders and files that no other account on this machine can access."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from domain.errors import ConfigurationError

OTHERS = 0o077
WRITABLE_BY_OTHERS = 0o022


def private_folder(path: Path) -> Path:
    """
    The folder, accessible to its owner only; created if missing.

    Raises:
        ConfigurationError: it is not a folder, or belongs to another account.
    """
    path.mkdir(mode=0o700, exist_ok=True)
    found = path.stat()
    if not stat.S_ISDIR(found.st_mode):
        raise ConfigurationError(f"{path} is no folder; move it away")
    if os.geteuid() not in (0, found.st_uid):
        raise ConfigurationError(
            f"{path} belongs to another account (number {found.st_uid}); run as that one, or choose another "
            "folder in RECSYSOPS_VAR"
        )
    if found.st_mode & OTHERS:
        path.chmod(0o700)
    return path


def guarded_folder(path: Path) -> Path:
    """
    The parent of private folders: private if created here. An existing one keeps its readers, but only its
    owner may write to it: whoever can write to a folder can replace its contents.

    Raises:
        ConfigurationError: it belongs to another account and everybody may write to it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    path.mkdir(mode=0o700, exist_ok=True)
    found = path.stat()
    if found.st_uid == os.geteuid():
        if found.st_mode & WRITABLE_BY_OTHERS:
            path.chmod(stat.S_IMODE(found.st_mode) & ~WRITABLE_BY_OTHERS)
    elif found.st_mode & stat.S_IWOTH:
        raise ConfigurationError(
            f"{path} belongs to another account (number {found.st_uid}) and everybody may write to it, so "
            "that anybody could exchange the database in it. Choose another folder in RECSYSOPS_VAR, or let "
            f"an administrator run: chown {os.geteuid()} {path}"
        )
    return path


def write_privately(path: Path, text: str) -> None:
    """Write the file whole or not at all, private from the start, and synced to disk."""
    fresh = path.with_name(f"{path.name}.new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def open_log(path: Path) -> int:
    """A descriptor that appends to a server's log; pass it to the server, then close it."""
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    os.fchmod(descriptor, 0o600)
    return descriptor
