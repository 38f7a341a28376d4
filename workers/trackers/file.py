"""Tickets in a file: one JSON line each, or Markdown with checkboxes, depending on the file's suffix."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import orjson
from pydantic import Field

from domain.answer import Advice
from domain.errors import TrackerError
from domain.recommender.practice.tracker import Tracker
from workers.environment.durable import replace_whole
from workers.trackers.kind import Draft, Environment, Kind, Opened, State

TO_DO, DONE = "- [ ] ", "- [x] "
_BOX = re.compile(r"^- \[(.)\] ", re.MULTILINE)
_STATES: dict[str, State] = {" ": "open", "x": "done", "X": "done"}


class FileOptions(Tracker):
    """`path`: created if missing; JSON lines if it ends in `.jsonl`, Markdown otherwise."""

    kind: Literal["file"]
    path: str = Field(min_length=1)
    """File of the tickets; JSON lines if it ends in `.jsonl`, Markdown otherwise."""


class FileTracker:
    """
    Keeps a ticket under a number derived from its key. In Markdown it is done once its box is ticked, in JSON
    lines once a later line about it says so.

    JSON lines are only ever appended. Markdown is replaced by a rename, so that no reader sees half of it.
    Writers wait for each other on `path` + `.lock`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def open(self, key: str, draft: Draft, since: datetime) -> Opened:
        """The ticket with this key; written if there is none."""
        with self._locked():
            text, number = self._read(), _number(key)
            if self._lines:
                if not any(one.get("ticket") == number for one in _read_lines(text)):
                    self._add(text, {"ticket": number, "title": draft.title, "says": list(draft.paragraphs)})
            elif _mark(number) not in text:
                first, *others = draft.paragraphs
                body = "\n".join((f"{TO_DO}{first}", *(f"  {one}" for one in others)))
                self._write(f"{_ended(text)}## {draft.title} {_mark(number)}\n\n{body}\n\n")
        return Opened(f"{self.path.name}#{number}")

    def tell(self, ticket: str, key: str, text: str, *, closes: bool) -> None:
        """Add a line, once for each key, and tick the box if the ticket closes."""
        said, mark, about = " ".join(text.split()), _number(key), ticket.rpartition("#")[2]
        with self._locked():
            held = self._read()
            if self._lines:
                if not any(one.get("told") == mark for one in _read_lines(held)):
                    done = {"done": True} if closes else {}
                    self._add(held, {"ticket": about, "told": mark, "says": [said], **done})
            elif (place := _section(held, about)) is not None:
                self._write(_with_line(held, place, f"  {said}", _mark(mark), closes))

    def state(self, ticket: str) -> State:
        """The ticket's state according to the file."""
        with self._locked():
            text, number = self._read(), ticket.rpartition("#")[2]
        if self._lines:
            about = [one for one in _read_lines(text) if one.get("ticket") == number]
            if any(one.get("done") is True for one in about):
                return "done"
            return "open" if about and not any(one.get("dropped") is True for one in about) else "dropped"
        place = _section(text, number)
        box = _BOX.search(text, *place) if place else None
        return _STATES.get(box[1], "dropped") if box else "dropped"

    @property
    def _lines(self) -> bool:
        return self.path.suffix == ".jsonl"

    def _read(self) -> str:
        return self.path.read_text(encoding="utf-8") if self.path.exists() else ""

    def _add(self, text: str, line: dict[str, Any]) -> None:
        torn = b"" if not text or text.endswith("\n") else b"\n"  # a line torn by a crash ends here
        with self.path.open("ab") as file:
            file.write(torn + orjson.dumps(line) + b"\n")
            file.flush()
            os.fsync(file.fileno())

    def _write(self, text: str) -> None:
        mode = stat.S_IMODE(self.path.stat().st_mode) if self.path.exists() else 0o644
        prefix = f".{self.path.name}."
        replace_whole(self.path, text.encode("utf-8"), prefix, lambda handle: os.fchmod(handle, mode))

    @contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.with_name(f"{self.path.name}.lock").open("ab") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                yield
        except (OSError, UnicodeDecodeError) as error:
            said = getattr(error, "strerror", None) or error
            raise TrackerError(f"{self.path} could not be read or written: {said}") from error


def _read_lines(text: str) -> list[dict[str, Any]]:
    """The lines that are valid; whatever a crash or a person left between them is skipped."""
    found = []
    for line in text.splitlines():
        try:
            one = orjson.loads(line)
        except orjson.JSONDecodeError:
            continue
        if isinstance(one, dict):
            found.append(one)
    return found


def _section(text: str, number: str) -> tuple[int, int] | None:
    """Where the lines about a ticket begin and end; None if it is gone."""
    start = text.find(_mark(number))
    if start < 0:
        return None
    following = text.find("\n## ", start)
    return start, len(text) if following < 0 else following + 1


def _with_line(text: str, place: tuple[int, int], line: str, mark: str, closes: bool) -> str:
    start, end = place
    section = text[start:end]
    if mark not in section:
        section = f"{section.rstrip()}\n{line} {mark}\n\n"
    if closes:
        section = section.replace(TO_DO, DONE, 1)
    return text[:start] + section + text[end:]


def _ended(text: str) -> str:
    """The text with an empty line at its end, unless it is empty."""
    return f"{text.rstrip()}\n\n" if text.strip() else ""


def _number(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()[:10]


def _mark(number: str) -> str:
    return f"<!-- {number} -->"


def _opened(declared: FileOptions, environment: Environment) -> FileTracker:
    return FileTracker(Path(declared.path))


def _examine(declared: FileOptions, environment: Environment) -> Iterator[Advice]:
    where, path = f"trackers.{declared.name}.path", Path(declared.path)
    if path.is_dir():
        yield Advice(level="error", where=where, says=f"{path} is a folder", fix="name a file in it")
        return
    there = next(one for one in (path.parent, *path.parent.parents) if one.exists())
    if not os.access(there, os.W_OK):
        says = f"{path} cannot be written"
        yield Advice(level="error", where=where, says=says, fix="let this user write into its folder")


KIND = Kind(
    "file",
    FileOptions,
    _opened,
    _examine,
    needs="`path`: JSON lines (`.jsonl`), or Markdown",
    done='its box is ticked (`- [x]`); in JSON lines, a later line with its `ticket` says `"done": true`',
    dropped='its box holds anything else (`- [-]`), or it is taken out; in JSON lines, `"dropped": true`',
)
