"""
Kinds of checks, ours and teams' own: found by entry point, and imported on first use.

Only kinds that a declaration names are imported. If one cannot be imported or raises, that becomes the
check's finding, and the other checks carry on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any

from pydantic import ValidationError

from domain.detection.kind import Kind
from domain.detection.needs import Needs
from domain.errors import ConfigurationError, NotAJudgement, OwnCheckError, RecsysopsError
from domain.recommender.check import OWN_GROUP, Check
from workers.declaration.own_keys import of_this_house
from workers.environment.installed import installed, reason


@cache
def find(name: str) -> Kind[Any, Any]:
    """
    The installed kind of this name, imported once; a failed import is tried again.

    Raises:
        OwnCheckError: there is none, or two; it cannot be imported; or the entry point names no `Kind`.
    """
    try:
        return installed(OWN_GROUP, name, Kind)
    except ConfigurationError as error:
        raise OwnCheckError(str(error)) from error


def found(name: str) -> Kind[Any, Any] | None:
    """The same; None if it is unavailable, which its check reports when it looks."""
    try:
        return find(name)
    except OwnCheckError:
        return None


def asks(check: Check, need: type[Needs[Any]]) -> bool:
    """Whether a check's kind needs this from the engine."""
    kind = found(check.kind)
    return kind is not None and isinstance(kind.needs, need)


@cache
def ours() -> Mapping[str, Kind[Any, Any]]:
    """The kinds that ship with this program, by name, in the order of the reference."""
    return {name: find(name) for name in of_this_house()}


def forget() -> None:
    """Import kinds anew on their next use, as after an installation."""
    find.cache_clear()
    ours.cache_clear()


def read_options(kind: Kind[Any, Any], check: Check) -> Any:
    """
    The check's own keys as its kind reads them.

    Raises:
        OwnCheckError: one is missing, unknown or of the wrong type: the kind changed since it was declared.
    """
    try:
        return kind.read(check.options)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        raise OwnCheckError(f'check "{check.name}": {key}: {first["msg"]}') from error


@contextmanager
def blamed(name: str, does: str = "raises", kind: Kind[Any, Any] | None = None) -> Iterator[None]:
    """
    Turn anything that a kind's code raises into one error that names the kind, its message and the line: in
    the file that defines its judge, if the traceback passes through it.
    """
    try:
        yield
    except (Exception, SystemExit) as error:
        if isinstance(error, RecsysopsError) and not isinstance(error, NotAJudgement):
            raise
        judge = getattr(kind, "judge", kind.judging.verdict) if kind else None
        code = getattr(judge, "__code__", None)  # a callable object has none
        file = code.co_filename if code else None
        raise OwnCheckError(f'kind "{name}" {does}: {reason(error, file)}') from error
