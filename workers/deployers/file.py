"""A hotfix written to an overrides file that a serving process reads: whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import Field

from domain.answer import Advice
from domain.recommender.deployer import Deployer
from domain.values import Option
from workers.deployers import overrides
from workers.deployers.kind import Environment, Kind
from workers.deployers.replaced_file import ReplacedFile


class FileOptions(Deployer):
    """`path`: the overrides file that the recommender reads (`recsysops_client.Overrides`)."""

    kind: Literal["file"]
    path: str = Field(min_length=1)
    """Overrides file that the recommender reads."""


class FileDeployer:
    """
    Keeps a hotfix under its key in the JSON file `path` (see `workers.deployers.overrides`, and
    `workers.deployers.replaced_file` for how it is written).
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = ReplacedFile(path)

    def apply(self, key: str, option: Option, expires_at: datetime | None) -> str:
        """Write the entries; calling again with the same key only moves their end."""
        entries = overrides.entries(key, option, expires_at)
        with self._file.locked():
            document, receipt = overrides.applied(self._read(), entries, str(self.path))
            self._write(document)
        return receipt

    def revert(self, key: str, option: Option) -> str:
        """Remove the entries; if they are gone already, nothing changes."""
        with self._file.locked():
            document = self._read()
            if key not in overrides.keys(document):
                return f"{self.path} does not hold {key} (any more)"
            self._write(overrides.without(document, key))
        return f"{self.path} no longer holds {key}"

    def serving(self) -> frozenset[str]:
        """The keys found when the file is read back."""
        with self._file.locked():
            return overrides.keys(self._read())

    def _read(self) -> overrides.Document:
        return overrides.parse(self._file.read(), str(self.path))

    def _write(self, document: overrides.Document) -> None:
        self._file.write(overrides.written(document))


def _opened(declared: FileOptions, environment: Environment) -> FileDeployer:
    return FileDeployer(Path(declared.path))


def _examine(declared: FileOptions, environment: Environment) -> Iterator[Advice]:
    where, path = f"deployers.{declared.name}.path", Path(declared.path)
    if not path.parent.is_dir():
        says = f"its folder {path.parent} does not exist"
        yield Advice(level="error", where=where, says=says, fix="start the recommender, or correct path")
    elif not os.access(path.parent, os.W_OK) or path.is_dir():
        says = f"{path} cannot be written"
        yield Advice(level="error", where=where, says=says, fix="let this user write into its folder")


KIND = Kind(
    "file",
    FileOptions,
    _opened,
    _examine,
    overrides.carries,
    needs="`path`: an overrides file that the recommender reads, on a disk that the workers write to",
    confirms="the file, read back",
    reverts="the entry is taken out",
    in_stages=True,
)
