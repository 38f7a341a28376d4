"""Every command with its arguments and options, as typer knows them."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from typing import Any, get_args

import typer

from bot.cli.main import app
from docs.generate.markdown import code, page, table


def commands() -> str:
    """The page."""
    return page(
        "Commands",
        "Exit codes: 0 done, 1 refused, failed or incomplete, 2 wrong usage or configuration, 130 "
        "interrupted. What a "
        "program reads is on the standard output alone; what people read besides is on the standard error.",
        *(_command(names, command) for names, command in every()),
    )


def every() -> Iterator[tuple[tuple[str, ...], Any]]:
    """Each command that does something, by its names: `("hotfix", "list")`."""
    yield from _below((), typer.main.get_command(app))


def _below(names: tuple[str, ...], command: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    inside = getattr(command, "commands", {})
    if not inside or getattr(command, "invoke_without_command", False):
        yield names, command
    for name, one in inside.items():
        if not one.hidden:
            yield from _below((*names, name), one)


def _command(names: tuple[str, ...], command: Any) -> str:
    rows = [(_spelled(one), _needed(one), str(getattr(one, "help", None) or "")) for one in command.params]
    help_ = " ".join(str(command.help or "").split())
    parts = [f"## `recsysops {' '.join(names)}`", help_]
    if rows:
        parts.append(table(("argument or option", "default", "meaning"), rows))
    return "\n\n".join(parts)


def _spelled(param: Any) -> str:
    if param.param_type_name == "argument":
        return code(param.metavar or param.name.upper())
    shown = "" if param.is_flag else f" {param.metavar or _metavar(param.type_descriptor.annotation)}"
    return code(f"{', '.join(param.opts)}{shown}")


def _metavar(annotation: Any) -> str:
    """
    >>> from typing import Literal
    >>> _metavar(int), _metavar(Literal["a", "b"])
    ('INT', 'a|b')
    """
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return "|".join(str(one.value) for one in annotation)
    if inside := [one for one in get_args(annotation) if one is not type(None)]:
        return "|".join(map(str, inside)) if isinstance(inside[0], str) else _metavar(inside[0])
    name = getattr(annotation, "__name__", "text")
    return {"str": "TEXT"}.get(name, name.upper())


def _needed(param: Any) -> str:
    if param.required:
        return "needed"
    default = param.default
    if default is None or default is False or default == "" or callable(default):
        return "–"
    return code(str(getattr(default, "value", default)))
