"""
Personal data stay out of a bundle: the columns declared as such, and the tables' own member columns.

Most of them are never used to find rows, and are dropped. Those that are (keys, dimensions, text features)
are replaced by a hash with a salt that nobody keeps: rows that were alike stay alike, and hashing all members
again does not reveal whose they were. A number that the model takes is emptied, and the model is not asked
again.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from hashlib import sha256
from typing import Annotated, Any, TypeVar, get_args, get_origin, get_type_hints

import numpy as np
import pandas as pd
from pydantic import BaseModel

from domain.diagnosis.bundle.freeze import Frozen
from domain.diagnosis.material import Material
from domain.errors import BundleError
from domain.values import Slice

HASH_DIGITS = 20
AS_SLICE = (Slice, Slice | None)
T = TypeVar("T")


@dataclass(frozen=True)
class LeftOut:
    """What was done to which columns; `of_model` are those that the model takes."""

    hashed: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    of_model: tuple[str, ...] = ()

    def words(self) -> tuple[str, ...]:
        """One line per group of columns."""
        done = (
            (self.hashed, "replaced by hashes"),
            (self.dropped, "left out"),
            (self.of_model, "emptied: the model takes it, and is not asked again"),
        )
        return tuple(f"{', '.join(names)}: {how}" for names, how in done if names)


class Hidden:
    """One bundle's hashes. The salt (32 random bytes) is in memory while it is made, and nowhere else."""

    def __init__(self, columns: Collection[str], salt: bytes) -> None:
        self.columns, self._salt = frozenset(columns), salt
        self._texts: dict[str, str] = {}

    def value(self, value: object) -> str:
        """The hash of a value; a whole number is hashed by its digits, because tables differ in its type."""
        if isinstance(value, float | np.floating) and float(value).is_integer():
            value = int(value)
        return hmac.new(self._salt, str(value).encode("utf-8", "surrogatepass"), sha256).hexdigest()[
            :HASH_DIGITS
        ]

    def slice(self, where: Slice) -> Slice:
        """The slice with hidden values hashed; from then on `text` replaces it in texts, too."""
        for name, value in where:
            if name in self.columns:
                self._texts[f"{name} = {value}"] = f"{name} = {self.value(value)}"
        return tuple((name, self.value(value) if name in self.columns else value) for name, value in where)

    def text(self, text: str) -> str:
        """The text, with the slices hidden so far replaced."""
        if not self._texts:
            return text
        return re.sub("|".join(map(re.escape, self._texts)), lambda found: self._texts[found[0]], text)

    def column(self, values: pd.Series) -> pd.Series:
        """Hashes of the values; unset ones stay unset."""
        codes, known = pd.factorize(values)  # an unset value is -1, which picks the last one
        hashes = np.array([*(self.value(one) for one in known), None], dtype=object)
        return pd.Series(hashes[codes], index=values.index, name=values.name, dtype=object)

    def within(self, value: T) -> T:
        """A value of dataclasses with all slices and texts in it hidden; frames are left as they are."""
        made: T = self._texted(self._sliced(value, type(value)))
        return made

    def _sliced(self, value: Any, kind: Any) -> Any:
        if get_origin(kind) is Annotated:
            return self._sliced(value, get_args(kind)[0])
        if value is not None and kind in AS_SLICE:
            return self.slice(value)
        if isinstance(value, tuple):
            inside = get_args(kind)
            every = inside[0] if len(inside) == 2 and inside[1] is Ellipsis else None
            return tuple(self._sliced(one, every or type(one)) for one in value)
        return _mapped(value, self._sliced)

    def _texted(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.text(value) if type(value) is str else value
        if isinstance(value, tuple):
            return tuple(map(self._texted, value))
        return _mapped(value, lambda one, _: self._texted(one))


def _mapped(value: Any, change: Callable[[Any, Any], Any]) -> Any:
    """A dataclass or a declared value with its fields changed, each with its type; all else as it is."""
    if is_dataclass(value) and not isinstance(value, type):
        hints = get_type_hints(type(value), include_extras=True)
        new = {one.name: change(getattr(value, one.name), hints[one.name]) for one in fields(value)}
        return replace(value, **new)
    if isinstance(value, BaseModel):
        kinds = get_type_hints(type(value), include_extras=True)
        given = {name: change(getattr(value, name), kinds[name]) for name in type(value).model_fields}
        return value.model_copy(update=given)
    return value


def hidden_material(material: Material, hidden: Hidden) -> Material:
    """
    The material with hidden values replaced in its texts; for its frames see `leave_out`.

    Raises:
        BundleError: the items' key, by which a diagnosis names what it finds, is to be left out.
    """
    if material.key in hidden.columns:
        raise BundleError(
            f"`{material.key}` is the items' key, by which a diagnosis names them: it cannot be left out"
        )
    return hidden.within(replace(material, model=None))


def leave_out(frozen: Frozen, material: Material, hidden: Hidden) -> tuple[Frozen, LeftOut]:
    """The frames without what is hidden, and what was done to which column."""
    of_members = material.members.features if material.members else ()
    grouped = {*material.dimensions, *material.logged_dimensions, *material.features, *of_members}
    of_model = set(material.columns.features) if material.columns else set[str]()
    done: dict[str, set[str]] = {"hashed": set(), "dropped": set(), "of_model": set()}
    frames: dict[str, pd.DataFrame] = {}
    for name, frame in frozen.frames.items():
        out = frame
        for column in [one for one in frame.columns if one in hidden.columns]:
            how = _how(column, frame, frozen.keys.get(name, ()), grouped, of_model)
            done[how].add(column)
            out = _without(out, column, how, hidden)
        frames[name] = out
    left_out = LeftOut(**{how: tuple(sorted(columns)) for how, columns in done.items()})
    return Frozen(frozen.document, frames, frozen.keys), left_out


def _how(
    column: str,
    frame: pd.DataFrame,
    keys: Collection[str],
    grouped: Collection[str],
    of_model: Collection[str],
) -> str:
    if column in keys:
        return "hashed"
    if column in of_model:
        return "of_model"
    words = not pd.api.types.is_numeric_dtype(frame[column])
    return "hashed" if words and column in grouped else "dropped"


def _without(frame: pd.DataFrame, column: str, how: str, hidden: Hidden) -> pd.DataFrame:
    if how == "hashed":
        return frame.assign(**{column: hidden.column(frame[column])})
    if how == "of_model":
        return frame.assign(**{column: np.nan})
    return frame.drop(columns=column)


def columns_left_out(declared: Collection[str], members: Mapping[str, str | None]) -> tuple[str, ...]:
    """
    The declared columns, and the member column of each table.

    >>> columns_left_out(("email",), {"plays": "member_id", "films": None})
    ('email', 'member_id')
    """
    return tuple(sorted({*declared, *filter(None, members.values())}))
