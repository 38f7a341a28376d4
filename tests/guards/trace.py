"""Which lines of some files run."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterable
from pathlib import Path
from types import FrameType
from typing import Any

Place = tuple[str, int]
"""File, as it was named, and line."""


class Trace:
    """Lines of the files named under `root`, in every thread that begins while it is on."""

    def __init__(self, root: Path, files: Iterable[str]) -> None:
        self._files = {str(root / file): file for file in files}
        self.lines: set[Place] = set()

    def __enter__(self) -> Trace:
        threading.settrace(self._enter)
        sys.settrace(self._enter)
        return self

    def __exit__(self, *_: object) -> None:
        sys.settrace(None)
        threading.settrace(None)

    def taken(self) -> set[Place]:
        """The lines since the last time."""
        lines, self.lines = self.lines, set()
        return lines

    def _enter(self, frame: FrameType, event: str, argument: Any) -> Any:
        file = self._files.get(frame.f_code.co_filename)
        if file is None:
            return None

        def line(frame: FrameType, event: str, argument: Any) -> Any:
            self.lines.add((file, frame.f_lineno))
            return line

        return line(frame, event, argument)
