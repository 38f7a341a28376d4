"""Files of whole lines: appended to, turned over at a size, whole again after a crash."""

from __future__ import annotations

import errno
import io
import os
import stat
import time
from pathlib import Path

CAREFULLY = sum(getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY"))
"""Where the system knows it: no link is followed, no pipe waited for, no end of line rewritten."""


class LineFile:
    """
    `folder/name.suffix`, for one thread. A file that would grow beyond `max_bytes` gets a time in its name,
    and of those `keep` stay; `header` is each one's first line.
    """

    def __init__(
        self, folder: Path, name: str, suffix: str, *, max_bytes: int, keep: int, header: bytes = b""
    ) -> None:
        self.folder, self.name, self.suffix = folder, name, suffix
        self.max_bytes, self.keep, self.header = max_bytes, keep, header
        self._file: io.BufferedWriter | None = None

    @property
    def path(self) -> Path:
        """The file that is being written."""
        return self.folder / f"{self.name}.{self.suffix}"

    def append(self, line: bytes) -> None:
        """
        Add one line, which ends in a newline.

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
        """Hand what was added to the system. Raises OSError where it does not take it."""
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
