"""
Finds the files that a path or pattern names, within limits, and checks them before an engine opens them: one
that opens a pipe waits for ever, and one that is given a pattern over a whole disk walks it for minutes.
"""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

from domain.errors import SourceError, sanitized

MOST_ENTRIES = 500_000
MOST_SECONDS = 20.0
MAGIC = frozenset("*?[")
KINDS = {
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFDIR: "a folder",
}


def find(name: str, pattern: str) -> list[str]:
    """
    The files at an absolute path or pattern that hold anything, sorted by name. Folders that are links are
    not walked into.

    Args:
        name: the table's, for messages.

    Raises:
        SourceError: there is none; all are empty; one is not a file, cannot be read, or is a link out of the
            declared folder; or there is too much to search through.
    """
    try:
        return _whole(name, pattern)
    except OSError as error:
        raise SourceError(f'table "{name}": {_said(pattern, error)}') from None


def split_pattern(pattern: str) -> tuple[str, str]:
    """
    The folder that a pattern begins with, and the rest; a path without `*`, `?` and `[` has no rest.

    >>> split_pattern("/lake/views/*/part-?.parquet")
    ('/lake/views', '*/part-?.parquet')
    >>> split_pattern("/lake/views.csv")
    ('/lake/views.csv', '')
    """
    parts = pattern.split("/")
    first = next((place for place, part in enumerate(parts) if MAGIC & set(part)), len(parts))
    return "/".join(parts[:first]), "/".join(parts[first:])


def _whole(name: str, pattern: str) -> list[str]:
    root, rest = split_pattern(pattern)
    allowed = Path(root if rest else os.path.dirname(root)).resolve()  # noqa: PTH120 - `root` may be no path
    real = cache(lambda folder: Path(folder).resolve())  # computed once for all files in a folder
    files = _matching(name, root, rest) if rest else [root]
    sizes = {file: _size(name, file, allowed, real) for file in files}
    held = {file: size for file, size in sizes.items() if size is not None}
    if not held:
        raise SourceError(
            f'table "{name}": there is no file at {pattern}; check path, or write some rows first'
        )
    whole = sorted(file for file, size in held.items() if size)
    if not whole:
        raise SourceError(f'table "{name}": every file at {pattern} is empty (0 bytes)')
    for file in whole:
        if not os.access(file, os.R_OK):
            raise SourceError(f'table "{name}": {file} cannot be read; let this user read it')
    return whole


def _size(name: str, file: str, allowed: Path, real: Callable[[str], Path]) -> int | None:
    """Its size in bytes; None if nothing is there, or if a folder matches a pattern for files."""
    try:
        found = os.lstat(file)
        linked = stat.S_ISLNK(found.st_mode)
        if linked:
            found = os.stat(file)  # noqa: PTH116 - a path may be too long to be one
    except (FileNotFoundError, NotADirectoryError):
        if os.path.islink(file):  # noqa: PTH114
            raise SourceError(
                f'table "{name}": {file} is a link to something that is not there; fix or remove it'
            ) from None
        return None
    if stat.S_ISDIR(found.st_mode):
        return None
    if not stat.S_ISREG(found.st_mode):
        kind = KINDS.get(stat.S_IFMT(found.st_mode), "no file")
        raise SourceError(f'table "{name}": {file} is {kind}, which is never read to its end; name a file')
    folder, last = os.path.split(file)
    at = Path(file).resolve() if linked else real(folder) / last
    if not at.is_relative_to(allowed):
        raise SourceError(
            f'table "{name}": {file} is a link to {at}, outside {allowed}; declare the path that is meant'
        )
    return found.st_size


def _matching(name: str, root: str, rest: str) -> Iterator[str]:
    """What matches below a folder, as in a shell with `**`: dot files only if the pattern spells the dot."""
    seen, deadline = 0, time.monotonic() + MOST_SECONDS
    waiting = [(root or "/", tuple(part for part in rest.split("/") if part))]
    while waiting:
        folder, parts = waiting.pop()
        entries = _entries(name, folder)
        seen += len(entries)
        if seen > MOST_ENTRIES or time.monotonic() > deadline:
            raise SourceError(
                f'table "{name}": {root or "/"} holds more than can be looked through ({seen:,} entries so '
                f"far, at most {MOST_ENTRIES:,} in {MOST_SECONDS:.0f} s); write a narrower path"
            )
        for entry in entries:
            for wanted in _ways(entry, parts):
                if not wanted:
                    yield entry.path
                elif entry.is_dir(follow_symlinks=False) or (wanted[0] != "**" and entry.is_dir()):
                    waiting.append((entry.path, wanted))


def _entries(name: str, folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as found:
            return list(found)
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        if error.errno in (errno.EACCES, errno.EPERM):
            raise SourceError(
                f'table "{name}": {folder} cannot be looked into; let this user read it'
            ) from None
        raise


def _ways(entry: os.DirEntry[str], parts: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """The remaining pattern after this entry has matched its beginning; empty if the entry matches it all."""
    first, rest = parts[0], parts[1:]
    if first == "**":
        if not entry.name.startswith("."):
            yield parts
        if rest:
            yield from _ways(entry, rest)
        elif not entry.name.startswith("."):
            yield ()
    elif (first.startswith(".") or not entry.name.startswith(".")) and fnmatchcase(entry.name, first):
        yield rest


def _said(pattern: str, error: OSError) -> str:
    if error.errno == errno.ELOOP:
        return f"{pattern[:200]} is a link that leads back to itself; fix or remove it"
    if error.errno == errno.ENAMETOOLONG:
        return f"{pattern[:200]}… is longer than a path can be; name a shorter one"
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"{pattern[:200]} cannot be reached ({sanitized(error)}); let this user read it"
    return f"{pattern[:200]} cannot be read ({sanitized(error)})"
