"""
What is installed by entry point: the kinds that ship with this program, and those of others.

Others' code runs with the rights of this process, as any installed package does. What holds is that none
takes the place of a kind of ours, and that an import which fails, exits or hangs is an error that names it.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Mapping
from concurrent.futures import Future
from contextlib import redirect_stdout
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, PackageNotFoundError, distribution, entry_points
from pathlib import Path
from threading import RLock, Thread
from typing import Any, Generic, Protocol, TypeVar

from pydantic import BaseModel

from domain.errors import ConfigurationError, sanitized
from domain.recommender.keys.nearest import nearest

HOUSE = "recsysops"
"""This program's distribution name."""
IMPORT_SECONDS = 120.0
"""For the import of somebody else's kind, with all the science that it may import."""

_ONE_AT_A_TIME = RLock()
"""Two redirections that overlap would end in each other's place, and stdout would be lost for good."""
T = TypeVar("T")


class Declared(Protocol):
    """A kind that a section of the declaration names: its entries are read as its `options`."""

    @property
    def name(self) -> str: ...
    @property
    def options(self) -> type[BaseModel]: ...


D = TypeVar("D", bound=Declared)


@cache
def points_of_this_house(group: str) -> tuple[EntryPoint, ...]:
    """The entry points of this group that ship with this program, in the order of its pyproject.toml."""
    # Not by asking each entry point for its distribution's name: each would read its whole metadata.
    try:
        points = distribution(HOUSE).entry_points
    except PackageNotFoundError:  # run from source, without being installed
        return ()
    return tuple(one for one in points if one.group == group)


def installed(group: str, name: str, kind: type[T]) -> T:
    """
    The kind of this name in a group of entry points; ours, whoever else registers one.

    Raises:
        ConfigurationError: there is none, or two; it cannot be imported; or it is no `kind` of that name.
    """
    ours = [one for one in points_of_this_house(group) if one.name == name]
    points = {one.value: one for one in ours or entry_points(group=group, name=name)}
    if not points:
        raise ConfigurationError(f'kind "{name}" is not installed here; install its package into this Python')
    if len(points) > 1:
        named = " and ".join(sorted(points))
        raise ConfigurationError(f'kind "{name}" is installed twice: {named}; remove one')
    (point,) = points.values()
    it: Any = point.load() if ours else _imported(point)
    if not isinstance(it, kind):
        raise ConfigurationError(
            f'kind "{name}": {point.value} is {type(it).__name__}, not a {kind.__name__}; '
            "name the value in its entry point"
        )
    if (says := getattr(it, "name", None)) != name:
        raise ConfigurationError(f'kind "{name}": {point.value} says kind = "{says}"; write both alike')
    return it


@dataclass(frozen=True)
class Kinds(Generic[D]):
    """
    The kinds of one group of entry points: ours and others', each imported where it is used.

    Args:
        kind: what an entry point has to name.
        unread: the model that an entry of another's kind is read as by whoever does not import that kind.
    """

    group: str
    kind: type[D]
    unread: type[BaseModel]

    def ours(self) -> Mapping[str, D]:
        """The kinds that ship with this program, by name, in the order of the reference."""
        return {point.name: self.find(point.name) for point in points_of_this_house(self.group)}

    def is_ours(self, name: str) -> bool:
        """Whether a kind of this name ships with this program; it is not imported to find out."""
        return any(point.name == name for point in points_of_this_house(self.group))

    def find(self, name: str) -> D:
        """
        The kind of this name.

        Raises:
            ConfigurationError: there is none, or two; it cannot be imported; or it is no such kind.
        """
        if not self.is_ours(name) and not entry_points(group=self.group, name=name):
            known = {*entry_points(group=self.group).names, *self.ours()}
            raise ConfigurationError(f"{name!r} is not known; {nearest(name, known)}")
        return installed(self.group, name, self.kind)

    def options_of(self, name: str, own: bool = True) -> type[BaseModel]:
        """
        The model that a declared entry of this kind is read as.

        Args:
            own: whether a team's own kind is imported, to read its keys; if not, they stay as written.

        Raises:
            ConfigurationError: as `find` does.
        """
        if not own and not self.is_ours(name) and entry_points(group=self.group, name=name):
            return self.unread
        return self.find(name).options


def _imported(point: EntryPoint) -> Any:
    """In a thread of its own, which may hang, exit or be interrupted; what it prints is no answer of ours."""
    loaded: Future[Any] = Future()
    with _ONE_AT_A_TIME, redirect_stdout(sys.stderr):
        Thread(target=_load, args=(point, loaded), daemon=True).start()
        try:
            error = loaded.exception(IMPORT_SECONDS)
        except TimeoutError:
            raise ConfigurationError(
                f'kind "{point.name}" is not imported from {point.value} after {IMPORT_SECONDS:g} s; let its '
                "module wait for nothing"
            ) from None
    if error is not None:
        raise ConfigurationError(
            f'kind "{point.name}" cannot be imported from {point.value}: {reason(error)}'
        ) from error
    return loaded.result()


def _load(point: EntryPoint, loaded: Future[Any]) -> None:
    try:
        loaded.set_result(point.load())
    except BaseException as error:  # noqa: BLE001 - also what would end this process
        loaded.set_exception(error)


def reason(error: BaseException, file: str | None = None) -> str:
    """What was raised, and the line that raised it: in this file, if it comes from there."""
    frames = traceback.extract_tb(error.__traceback__)
    frame = ([one for one in frames if one.filename == file] or frames)[-1]
    return f"{sanitized(error)} ({Path(frame.filename).name}:{frame.lineno})"
