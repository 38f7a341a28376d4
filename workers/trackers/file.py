"""Follow-ups kept in a file: one JSON line each, or Markdown for people, by the file's ending."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import orjson

from domain.errors import SourceError
from domain.values import Improvement


class FileTracker:
    """
    Appends to `path` (`.jsonl`, or Markdown otherwise). The same key twice leaves one entry.

    Raises (record): SourceError when the file cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def record(self, key: str, title: str, improvement: Improvement) -> str:
        """Write the follow-up down; returns where it stands."""
        lines = (
            self._as_json(key, title, improvement)
            if self.path.suffix == ".jsonl"
            else _as_text(key, title, improvement)
        )
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a+b") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                file.seek(0)
                text = file.read()
                if self._mark(key) not in text:
                    start = (
                        b"" if not text or text.endswith(b"\n") else b"\n"
                    )  # a line torn by a crash ends here
                    file.write(start + lines)
                    file.flush()
                    os.fsync(file.fileno())
        except OSError as error:
            raise SourceError(f"{self.path} could not be written: {error.strerror or error}") from error
        return f"{self.path}: {key}"

    def _mark(self, key: str) -> bytes:
        if self.path.suffix == ".jsonl":
            return b'{"key":' + orjson.dumps(key) + b","
        return f"<!-- {key} -->".encode()

    def _as_json(self, key: str, title: str, improvement: Improvement) -> bytes:
        return orjson.dumps({"key": key, "title": title, **improvement.model_dump()}) + b"\n"


def _as_text(key: str, title: str, improvement: Improvement) -> bytes:
    lines = [
        f"## {title} <!-- {key} -->",
        "",
        f"- [ ] {improvement.change}: {improvement.detail}",
        f"- Could it be detected faster, or predicted? {improvement.detect_faster}",
        f"- Could it be diagnosed faster? {improvement.diagnose_faster}",
    ]
    if improvement.proof:
        lines.append(f"- Proof: {improvement.proof}")
    return ("\n".join(lines) + "\n\n").encode()
