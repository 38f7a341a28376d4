"""
Files named by the SHA-256 of what is in them: keeping one twice keeps it once.

A file appears under its name whole or not at all: it is written under another name, brought to the disk, and
renamed. Who dies before that leaves a file that nothing names, which is taken away a day later.
"""

from __future__ import annotations

import os
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
"""So old is what a writer left that died over it."""
OURS_ALONE = 0o700


def objects_of(declared: Bundle, environment: Settings) -> Objects:
    """Where the bundles of a workspace lie."""
    root = Path(declared.path) if declared.path else environment.var / FOLDER
    return Objects(root / environment.workspace)


def declared_objects(environment: Settings) -> Objects:
    """The same as this process's declaration says, or as nothing says where it has none."""
    declared = recommender(environment.config).bundle if environment.config.exists() else Bundle()
    return objects_of(declared, environment)


class Objects:
    """The files under one folder, which is made when the first is kept; for this user's eyes alone."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, name: str) -> Path:
        """Where a file lies, or would."""
        return self.folder / "objects" / name[:2] / name

    def keep(self, content: bytes) -> str:
        """
        Keep a file and return its name. One that is there already is left, if it is what it should be.

        Raises:
            OSError: it cannot be written.
        """
        name = digest(content)
        place = self.path(name)
        if self.found(name) == name:
            os.utime(place)  # as if it were new: a sweep must not take it away meanwhile
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

    def read(self, name: str) -> bytes | None:
        """What is in a file, whatever that is; None where there is none."""
        try:
            return self.path(name).read_bytes()
        except FileNotFoundError:
            return None

    def found(self, name: str) -> str | None:
        """The SHA-256 of what is in a file; None where there is none."""
        content = self.read(name)
        return None if content is None else digest(content)

    def clear(self) -> None:
        """Take away what writers left that died."""
        for file in self._new.glob("*"):
            if time.time() - file.stat().st_mtime > LEFT_SECONDS:
                file.unlink(missing_ok=True)

    def sweep(self, needed: Collection[str], before: datetime) -> int:
        """Take away what was kept before this time and is not needed; returns how many files."""
        old = [
            file
            for file in self.folder.glob("objects/*/*")
            if file.name not in needed and file.stat().st_mtime < before.timestamp()
        ]
        for file in old:
            file.unlink(missing_ok=True)
        return len(old)
