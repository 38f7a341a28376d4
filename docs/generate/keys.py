"""The keys of a declared value: name, type, default and meaning, each taken from the code."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator, Mapping
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from docs.generate.markdown import code, first_paragraph, table
from domain.errors import ConfigurationError
from domain.recommender.keys.duration import name_duration

NOT_WRITTEN = frozenset({"name", "options"})
"""The name is in the section's title, and options are documented beside the other keys."""
PLAIN: Mapping[object, str] = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "true or false",
    timedelta: "duration",
    datetime: "time",
    date: "day",
    time: "time of day",
}
LIMITS = {"ge": "≥ {}", "gt": "> {}", "le": "≤ {}", "lt": "< {}"}


def keys(cls: type[BaseModel], leave_out: frozenset[str] = NOT_WRITTEN) -> str:
    """A table of a class's keys; empty if it has none."""
    rows = [
        (code(field.alias or name), type_of(field), default_of(field), meaning(cls, name))
        for name, field in cls.model_fields.items()
        if name not in leave_out
    ]
    return table(("key", "type", "default", "meaning"), rows) if rows else ""


def type_of(field: FieldInfo) -> str:
    """A field's type and limits, as one would say them."""
    limits = [
        words.format(f"{getattr(one, name):g}")
        for one in field.metadata
        for name, words in LIMITS.items()
        if isinstance(getattr(one, name, None), int | float)
    ]
    return ", ".join((spoken(field.annotation), *limits))


def spoken(annotation: Any) -> str:
    """
    >>> spoken(tuple[str, ...]), spoken(Literal["drop", "surge"]), spoken(dict[str, float] | None)
    ('list of text', '`"drop"`, `"surge"`', 'table of number')
    """
    if annotation in PLAIN:
        return PLAIN[annotation]
    origin, inside = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return ", ".join(code(f'"{one}"' if isinstance(one, str) else str(one)) for one in inside)
    if origin in (Union, UnionType):
        return " or ".join(dict.fromkeys(spoken(one) for one in inside if one is not NoneType))
    if origin is tuple:
        return f"list of {spoken(inside[0])}"
    if origin in (dict, frozenset):
        return f"table of {spoken(inside[-1])}"
    if inside:  # Annotated
        return spoken(inside[0])
    return _of_class(annotation)


def _of_class(annotation: Any) -> str:
    if isinstance(annotation, type) and issubclass(annotation, StrEnum):
        return ", ".join(code(f'"{one.value}"') for one in annotation)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation.__name__
    return str(getattr(annotation, "__name__", annotation))


def default_of(field: FieldInfo) -> str:
    """What applies if the key is not written."""
    if field.is_required():
        return "needed"
    value = field.get_default(call_default_factory=True, validated_data={})
    if value is PydanticUndefined or value is None or value in ((), {}, frozenset()):
        return "–"
    return code(toml(value))


def toml(value: Any) -> str:
    """
    >>> toml(timedelta(minutes=15)), toml(("mon", "tue")), toml(False)
    ('"15m"', '["mon", "tue"]', 'false')
    """
    if isinstance(value, timedelta):
        return f'"{name_duration(value)}"'
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return f"[{', '.join(toml(one) for one in value)}]"
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{name} = {toml(one)}' for name, one in value.items())} }}"
    return f'"{value}"' if isinstance(value, str) else str(value)


def meaning(cls: type, name: str) -> str:
    """
    The docstring under a field, in the class that has it or in the nearest one it inherits it from.

    Raises:
        ConfigurationError: there is none; write a docstring under the field.
    """
    for one in cls.__mro__:
        if found := said_of(one).get(name):
            return found
    raise ConfigurationError(f"{cls.__module__}.{cls.__qualname__}.{name} has no docstring under it")


@cache
def said_of(cls: type) -> Mapping[str, str]:
    """Field → the docstring under it, for the fields of the class itself."""
    if not issubclass(cls, BaseModel) or cls is BaseModel:
        return {}
    (body,) = ast.parse(textwrap.dedent(inspect.getsource(cls))).body
    return dict(_documented(body)) if isinstance(body, ast.ClassDef) else {}


def _documented(body: ast.ClassDef) -> Iterator[tuple[str, str]]:
    for field, under in zip(body.body, body.body[1:], strict=False):
        match field, under:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                yield name, " ".join(text.split())
            case ast.AnnAssign(target=ast.Name(id="kind")), _:
                yield "kind", "Its kind."


def section(title: str, cls: type[BaseModel], leave_out: frozenset[str] = NOT_WRITTEN) -> str:
    """A title, the first paragraph of the class's docstring, and its keys."""
    return f"## {code(title)}\n\n{first_paragraph(cls)}\n\n{keys(cls, leave_out)}"
