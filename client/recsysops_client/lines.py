"""Files of whole lines: appended to, rotated at a size, and whole again after a crash."""

from __future__ import annotations

import errno
import io
import os
import stat
import time
from pathlib import Path

CAREFULLY = sum(getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY"))
"""Where the system supports it: follow no link, wait for no pipe, rewrite no end of line."""


class LineFile:
    """
    `folder/name.suffix`, for use by one thread. A file that would exceed `max_bytes` is renamed with a time,
    and `keep` of those are kept; `header` is the first line of each.
    """

    def __init__(
        self, folder: Path, name: str, suffix: str, *, max_bytes: int, keep: int, header: bytes = b""
    ) -> None:
        self.folder, self.name, self.suffix = folder, name, suffix
        self.max_bytes, self.keep, self.header = max_bytes, keep, header
        self._file: io.BufferedWriter | None = None

    @property
    def path(self) -> Path:
        """The file currently being written."""
        return self.folder / f"{self.name}.{self.suffix}"

    def append(self, line: bytes) -> None:
        """
        Add one line, which has to end in a newline.

        Raises:
            OSError: the file cannot be written.
        """
        if self._file is None:
            self._file = self._open()
        if self._file.tell() and self._file.tell() + len(line) > self.max_bytes:
            self._file.close()
            self._turn_over()
            self._file = self._open()
        self._file.write(line)

    def settle(self, *, close: bool = False) -> None:
        """Pass what was added to the system. Raises OSError if it cannot be written."""
        if self._file is None:
            return
        self._file.flush()
        if close:
            self._file.close()
            self._file = None

    def _open(self) -> io.BufferedWriter:
        file = _append_to(self.path)
        if self.header and file.tell() == 0:
            file.write(self.header)
        return file

    def _turn_over(self) -> None:
        self.path.rename(self.folder / f"{self.name}-{time.time_ns():020d}.{self.suffix}")
        full = sorted(self.folder.glob(f"{self.name}-*.{self.suffix}"))
        for old in full[: max(0, len(full) - self.keep)]:
            old.unlink(missing_ok=True)


def _append_to(path: Path) -> io.BufferedWriter:
    """
    The file, open at its end, which is the end of a line.

    Raises:
        OSError: it is a link, which a rotation would lose, or a pipe, which would block.
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
    """Cut off the half line left by a process that died while writing: nothing may be appended to it."""
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
