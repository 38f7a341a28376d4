"""Taking a check out of shadow mode: what has to change in the declaration, and making that change."""

from __future__ import annotations

import os
import re
from pathlib import Path

from domain.errors import ConfigurationError, Refused
from domain.recommender.keys.nearest import nearest
from domain.values import Value
from workers.declaration.declare import file_of, load
from workers.declaration.lines import line_of

_SHADOW = re.compile(r"^\s*shadow\s*=\s*true\s*(#.*)?$")


class Change(Value):
    """The change: remove line `line` (from 1) of `file`, which reads `before`."""

    file: str
    line: int
    before: str


def promotion(path: Path, name: str) -> Change:
    """
    The change that lets the check `name` page people.

    Raises:
        ConfigurationError: the declaration is wrong, or has no such check.
        Refused: the check is not in shadow mode, or is written so that removing one line is not enough.
    """
    file = file_of(path)
    declared = load(file)
    if name not in declared.checks:
        raise ConfigurationError(f'no check is called "{name}"; {nearest(name, declared.checks)}')
    if not declared.checks[name].shadow:
        raise Refused(f'the check "{name}" is not in shadow mode; it already pages people')
    text = file.read_text(encoding="utf-8")
    line = line_of(text, ("checks", name, "shadow")) or 1
    before = text.splitlines()[line - 1]
    if not _SHADOW.match(before):
        raise Refused(
            f'{file}:{line}: remove "shadow = true" from the check "{name}" by hand: {before.strip()}'
        )
    return Change(file=str(file), line=line, before=before)


def promote(change: Change) -> None:
    """
    Remove the line; the file is replaced as a whole, after its new text has been read back successfully.

    Raises:
        Refused: the file has changed meanwhile.
    """
    file = Path(change.file)
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    if len(lines) < change.line or lines[change.line - 1].rstrip("\r\n") != change.before:
        raise Refused(f"{file} has changed meanwhile; look at it again")
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        draft.write_text("".join(lines[: change.line - 1] + lines[change.line :]), encoding="utf-8")
        draft.chmod(file.stat().st_mode & 0o777)
        load(draft)
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)
