"""
Files named by the SHA-256 of their content: storing the same content twice keeps one file.

A file appears under its name whole or not at all: it is written under another name, synced to disk and
renamed. A writer that dies before that leaves a file nothing refers to, which is removed a day later.
"""

from __future__ import annotations

import os
import stat
import tempfile
import time
from collections.abc import Collection
from datetime import datetime
from pathlib import Path

from domain.diagnosis.bundle.manifest import digest
from domain.recommender.bundle import Bundle
from workers.declaration.current import recommender
from workers.environment.durable import sync_folder
from workers.environment.settings import Settings

FOLDER = "bundles"
LEFT_SECONDS = 86_400.0
"""Age at which an unfinished file is known to be left over from a writer that died."""
OURS_ALONE = 0o700
MANIFEST_BYTES = 64_000_000
"""The most that is read of a file whose length is not known: a manifest, which names that of all others."""


def objects_of(declared: Bundle, environment: Settings) -> Objects:
    """Where the bundles of a workspace are stored."""
    root = Path(declared.path) if declared.path else environment.var / FOLDER
    return Objects(root / environment.workspace)


def declared_objects(environment: Settings) -> Objects:
    """The same for this process's declaration, or with the defaults where it has none."""
    declared = recommender(environment.config).bundle if environment.config.exists() else Bundle()
    return objects_of(declared, environment)


class Objects:
    """The files under one folder, which is created on first use and readable by this user only."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, name: str) -> Path:
        """The path of a file, whether or not it exists."""
        return self.folder / "objects" / name[:2] / name

    def keep(self, content: bytes) -> str:
        """
        Keep a file and return its name. An existing file is left alone if its content is correct.

        Raises:
            OSError: it cannot be written.
        """
        name = digest(content)
        place = self.path(name)
        if self.found(name, len(content)) == name:
            os.utime(place)  # as if it were new, so that a sweep does not remove it meanwhile
            return name
        for folder in (self.folder, place.parent.parent, place.parent, self._new):
            folder.mkdir(mode=OURS_ALONE, parents=True, exist_ok=True)
        self._write(place, content)
        return name

    @property
    def _new(self) -> Path:
        return self.folder / "new"

    def _write(self, place: Path, content: bytes) -> None:
        handle, fresh = tempfile.mkstemp(dir=self._new)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            Path(fresh).replace(place)
        except BaseException:
            Path(fresh).unlink(missing_ok=True)
            raise
        sync_folder(place.parent)

    def read(self, name: str, most: int = MANIFEST_BYTES) -> bytes | None:
        """
        A file's content, unverified; None if there is no such file, but a link, a pipe or a device.

        Args:
            most: the bytes that it may have. Of a longer file, which is not what was kept, one more is read.
        """
        place = self.path(name)
        try:
            if not stat.S_ISREG(place.lstat().st_mode):
                return None
            with place.open("rb") as file:
                return file.read(most + 1)
        except FileNotFoundError:
            return None

    def found(self, name: str, most: int = MANIFEST_BYTES) -> str | None:
        """The SHA-256 of a file's content, as `read`; None if there is no such file."""
        content = self.read(name, most)
        return None if content is None else digest(content)

    def clear(self) -> None:
        """Remove unfinished files of writers that died."""
        for file in self._new.glob("*"):
            if time.time() - file.stat().st_mtime > LEFT_SECONDS:
                file.unlink(missing_ok=True)

    def sweep(self, needed: Collection[str], before: datetime) -> int:
        """Remove files kept before this time that are not needed; returns how many."""
        old = [
            file
            for file in self.folder.glob("objects/*/*")
            if file.name not in needed and file.stat().st_mtime < before.timestamp()
        ]
        for file in old:
            file.unlink(missing_ok=True)
        return len(old)
