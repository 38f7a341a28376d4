"""
Adding a check to `recsysops.toml` and removing it again: its lines, the file with and without them, and
the diff.

Lines are appended at the end and nothing else is touched, so comments and hand-made order survive. A check is
removed only if it still reads as it was written.
"""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from domain.errors import ConfigurationError, Refused
from domain.values import AddedCheck
from workers.declaration.declare import file_of, load_text
from workers.declaration.lines import lines_of

SHADOW = "shadow = true\n"
"""The line whose removal takes a check out of shadow mode."""


def written(path: Path) -> Mapping[str, Mapping[str, Any]]:
    """Check → its keys as written in the declaration; empty if the file is not TOML."""
    return _checks(file_of(path).read_text(encoding="utf-8"))


def _checks(text: str) -> Mapping[str, Mapping[str, Any]]:
    try:
        checks = tomllib.loads(text).get("checks", {})
    except tomllib.TOMLDecodeError:
        return {}
    return {name: keys for name, keys in checks.items() if isinstance(keys, dict)}


def added_to(text: str, change: AddedCheck) -> str:
    """
    The declaration with the check in it; `text` itself if it is there already.

    Raises:
        Refused: the declaration has changed so that the check no longer fits; says what it was made for and
            what is there now.
    """
    checks = _checks(text)
    if (there := checks.get(change.name)) is not None:
        if there == _checks(change.lines).get(change.name):
            return text
        raise Refused(_both(f"[checks.{change.name}] is there, and says something else", change.lines, there))
    if change.beside is not None:
        now = checks.get(change.beside)
        if now is None:
            raise Refused(
                f"[checks.{change.beside}], which it is a variation of, is gone from the declaration"
            )
        if now != _checks(change.stood).get(change.beside):
            says = f"[checks.{change.beside}], which it is a variation of, was changed meanwhile"
            raise Refused(_both(says, change.stood, now, change.beside))
    for name, keys in checks.items():
        if keys == _checks(change.lines).get(change.name):
            raise Refused(f"[checks.{name}] looks for the same already")
    return f"{text.rstrip()}\n\n{change.lines}"


def removed_from(text: str, change: AddedCheck) -> str:
    """
    The declaration without the check; `text` itself if it is not there.

    Raises:
        Refused: it does not read as it was written, with or without its `shadow = true`; shows both.
    """
    there = _checks(text).get(change.name)
    if there is None:
        return text
    whole = text if text.endswith("\n") else f"{text}\n"
    for lines in (change.lines, change.lines.replace(SHADOW, "")):
        if whole.count(lines) == 1 and there == _checks(lines).get(change.name):
            before, after = whole.split(lines)
            return before.rstrip("\n") + "\n" + (f"\n{after.lstrip()}" if after.strip() else "")
    says = f"[checks.{change.name}] does not stand there any more as it was written"
    raise Refused(_both(says, change.lines, there))


def _both(says: str, then: str, now: Mapping[str, Any], name: str = "") -> str:
    header = name or _first(then)
    return f"{says}.\nThe follow-up says:\n{then}The declaration says:\n{lines_of(header, now)}"


def _first(lines: str) -> str:
    return next(iter(_checks(lines)), "")


def difference(before: str, after: str, name: str) -> str:
    """A unified diff of the declaration, for people to read and for `patch` to apply."""
    both = (before.splitlines(keepends=True), after.splitlines(keepends=True))
    return "".join(difflib.unified_diff(*both, fromfile=f"a/{name}", tofile=f"b/{name}"))


def add(path: Path, change: AddedCheck, fits: Callable[[Path], None] = lambda _draft: None) -> str:
    """
    Write the check into the declaration and return the diff, which is empty if it was there already.

    The file is replaced as a whole, after its draft was read as a declaration and found to fit.

    Args:
        fits: raises `Refused` if a draft does not fit the sources.

    Raises:
        Refused: it does not apply, or does not fit.
        ConfigurationError: the declaration is wrong with the check in it.
    """
    return _replaced(path, lambda text: added_to(text, change), fits)


def remove(path: Path, change: AddedCheck) -> str:
    """
    Remove the check from the declaration and return the diff, which is empty if it was gone already.

    Raises:
        Refused: it does not read as it was written.
        ConfigurationError: the declaration is wrong without the check: something else names it.
    """
    return _replaced(path, lambda text: removed_from(text, change))


def _replaced(
    path: Path, edit: Callable[[str], str], fits: Callable[[Path], None] = lambda _draft: None
) -> str:
    file = file_of(path)
    before = file.read_text(encoding="utf-8")
    after = edit(before)
    if after == before:
        return ""
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        draft.write_text(after, encoding="utf-8")
        draft.chmod(file.stat().st_mode & 0o777)
        load_text(after, file)
        fits(draft)
        if file.read_text(encoding="utf-8") != before:
            raise Refused(f"{file.name} was changed at the same moment; try again")
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)
    return difference(before, after, file.name)


def diff_of(path: Path, change: AddedCheck) -> str:
    """
    The diff that `add` would make, without making it.

    Raises:
        Refused: it does not apply.
    """
    file = file_of(path)
    before = file.read_text(encoding="utf-8")
    return difference(before, added_to(before, change), file.name)


def holds(path: Path, change: AddedCheck) -> bool:
    """Whether a check of this name is declared."""
    return change.name in written(path)


def as_removed(change: AddedCheck) -> str:
    """The check's lines as removed in a diff, for when there is no declaration to compare with."""
    return "".join(f"-{line}" for line in change.lines.splitlines(keepends=True))


def valid(path: Path, change: AddedCheck) -> bool:
    """Whether the declaration's own reader accepts the check."""
    file = file_of(path)
    try:
        load_text(added_to(file.read_text(encoding="utf-8"), change), file)
    except (ConfigurationError, Refused):
        return False
    return True


def as_added(change: AddedCheck) -> str:
    """The check's lines as added in a diff, for when there is no declaration to compare with."""
    return "".join(f"+{line}" for line in change.lines.splitlines(keepends=True))
