"""Folders and files that no other account of this machine gets into."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from domain.errors import ConfigurationError

OTHERS = 0o077
WRITABLE_BY_OTHERS = 0o022


def private_folder(path: Path) -> Path:
    """
    The folder, its owner's alone; made where it is missing.

    Raises:
        ConfigurationError: it is something else, or another account's.
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
    The folder that private ones stand in: private where it is made here. One that is there already may be
    read by whom it was, and written to by its owner only: who writes to a folder can exchange what is in it.

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
    """The file whole or not at all, its owner's alone from the moment it is there, and on the disk."""
    fresh = path.with_name(f"{path.name}.new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def open_log(path: Path) -> int:
    """A descriptor that appends to a server's log; give it to the server and close it."""
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    os.fchmod(descriptor, 0o600)
    return descriptor


def close_to_others(folder: Path) -> None:
    """Whatever an earlier release left in the folder for others to read is its owner's alone."""
    for path in folder.rglob("*"):
        mode = path.lstat().st_mode
        if mode & OTHERS and not stat.S_ISLNK(mode):
            path.chmod(stat.S_IMODE(mode) & ~OTHERS)
