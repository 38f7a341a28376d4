"""The kinds of rule about a Block Kit key, in which `reference` is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

TextKind: TypeAlias = Literal["plain_text", "mrkdwn"]
Surface: TypeAlias = Literal["message", "modal", "home"]
EVERYWHERE: tuple[Surface, ...] = ("message", "modal", "home")


@dataclass(frozen=True)
class String:
    """A string of `minimum` to `maximum` characters; an id has to be unique within its `unique` group."""

    maximum: int
    minimum: int = 1
    unique: Literal["block_id", "action_id", ""] = ""
    url: bool = False


@dataclass(frozen=True)
class Text:
    """A text object of one of `kinds`."""

    maximum: int
    kinds: tuple[TextKind, ...] = ("plain_text",)


@dataclass(frozen=True)
class Flag:
    """True or false."""


@dataclass(frozen=True)
class Number:
    """A whole number within the bounds."""

    minimum: int = 0
    maximum: int = 2**31


@dataclass(frozen=True)
class Choice:
    """One of a few words."""

    words: tuple[str, ...]


@dataclass(frozen=True)
class Date:
    """YYYY-MM-DD."""


@dataclass(frozen=True)
class Child:
    """One nested thing: a kind of `OBJECTS`, or an element or block told apart by its `type`."""

    kinds: tuple[str, ...]


@dataclass(frozen=True)
class Many:
    """A list of `minimum` to `maximum` of what `of` describes."""

    of: Rule
    maximum: int
    minimum: int = 1


Rule: TypeAlias = String | Text | Flag | Number | Choice | Date | Child | Many


@dataclass(frozen=True)
class Shape:
    """
    The keys of one thing. `required` must be there, `optional` may, nothing else; of each group in
    `one_of` at least one key; `surfaces` says where a block may stand.
    """

    required: Mapping[str, Rule] = field(default_factory=dict)
    optional: Mapping[str, Rule] = field(default_factory=dict)
    one_of: tuple[tuple[str, ...], ...] = ()
    surfaces: tuple[Surface, ...] = EVERYWHERE
    typed: bool = True
