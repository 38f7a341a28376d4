"""A hotfix written into an overrides file that a serving process reads: whole or not at all."""

from __future__ import annotations

import fcntl
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from domain.errors import DeployError
from domain.values import Option

VERSION = 1
LOCK_SECONDS = 10.0
KINDS = ("fill_feature", "boost_items")
FIELDS = ("kind", "items", "feature", "value", "amount")


class FileDeployer:
    """
    Keeps a hotfix under its key in the JSON file `path`: `{"version": 1, "overrides": […]}`. A hotfix that
    fills several values has an entry for each of them.

    Entries and keys that are not ours stay as they are. The file is replaced by a rename, so that a reader
    never meets half of it; writers wait for each other on `path` + `.lock`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def apply(self, key: str, option: Option, expires_at: datetime | None) -> str:
        """Write the entry; the same key again writes nothing."""
        entries = _entries(key, option, expires_at)
        with self._locked():
            document = self._read()
            if any(_id(other) == key for other in document["overrides"]):
                return f"{self.path} already holds {key}"
            document["overrides"].extend(entries)
            self._write(document)
        count = sum(len(entry["items"]) for entry in entries)
        return f"{self.path} holds {key}: {entries[0]['kind']} for {count:,} items"

    def revert(self, key: str, option: Option) -> str:
        """Take the entry out; where it is gone already, nothing changes."""
        with self._locked():
            document = self._read()
            kept = [other for other in document["overrides"] if _id(other) != key]
            if len(kept) == len(document["overrides"]):
                return f"{self.path} does not hold {key} (any more)"
            document["overrides"] = kept
            self._write(document)
        return f"{self.path} no longer holds {key}"

    @contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.with_name(self.path.name + ".lock").open("ab") as lock:
                _wait_for(lock.fileno(), self.path)
                yield
        except OSError as error:
            raise DeployError(f"{self.path} could not be written: {error.strerror or error}") from error

    def _read(self) -> dict[str, Any]:
        if not self.path.exists():
            return {"version": VERSION, "overrides": []}
        try:
            document = orjson.loads(self.path.read_bytes())
        except orjson.JSONDecodeError as error:
            raise DeployError(
                f"{self.path} is not JSON ({error}); mend or remove it, then try again"
            ) from error
        if not isinstance(document, dict) or document.get("version") != VERSION:
            raise DeployError(
                f'{self.path}: expected an object with "version": {VERSION}; nothing was changed'
            )
        if not isinstance(document.setdefault("overrides", []), list):
            raise DeployError(f'{self.path}: expected a list under "overrides"; nothing was changed')
        return document

    def _write(self, document: dict[str, Any]) -> None:
        handle, name = tempfile.mkstemp(dir=self.path.parent, prefix=f".{self.path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(orjson.dumps(document, option=orjson.OPT_INDENT_2))
                file.flush()
                os.fchmod(file.fileno(), _mode(self.path))
                os.fsync(file.fileno())
            Path(name).replace(self.path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        _sync_folder(self.path.parent)


def _entries(key: str, option: Option, expires_at: datetime | None) -> list[dict[str, Any]]:
    given = option.parameters
    if given.get("kind") not in KINDS or not isinstance(given.get("items"), list | tuple):
        raise DeployError(
            f"{option.hotfix}: an overrides file takes {' or '.join(KINDS)} with a list of items, "
            f"not {given.get('kind')!r}; declare another deployer for it"
        )
    if expires_at is None:
        raise DeployError(f"{option.hotfix}: an override needs an end; give the hotfix `expires`")
    entry = {name: given[name] for name in FIELDS if given.get(name) is not None}
    whole = {"id": key, **entry, "expires_at": expires_at.astimezone(UTC).isoformat()}
    values = given.get("values")
    if not isinstance(values, dict) or not values:
        return [whole]
    return [{**whole, "items": list(items), "value": value} for value, items in values.items()]


def _id(entry: object) -> object:
    return entry.get("id") if isinstance(entry, dict) else None


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


def _mode(path: Path) -> int:
    """A temporary file is private; the serving process may be another user."""
    return path.stat().st_mode & 0o777 if path.exists() else 0o644


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
