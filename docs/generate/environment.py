"""Every environment variable."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, fields

from bot.workspace.settings import WorkspaceSettings
from docs.generate.markdown import capital, code, page, table
from workers.environment.variables import VARIABLES


def environment() -> str:
    """The page."""
    rows = [(code(name), one.otherwise, one.means) for name, one in VARIABLES.items()]
    return page(
        "Environment variables",
        "An empty variable counts as not set. A declaration may name any further variable, as `${NAME}` or "
        "under a key "
        "that ends in `_env`; the [tables](../how-to/connect-tables.md) and [deployers](deployers.md) say "
        "which.",
        table(("variable", "where not set", "meaning"), rows),
        "## The local chat workspace\n\n`recsysops up --chat` (and `--example cinema`) starts a chat "
        "workspace on this machine. Started by itself, as `python -m bot.workspace`, it reads:",
        table(("variable", "where not set", "meaning"), _workspace()),
    )


def _workspace() -> Iterator[tuple[str, str, str]]:
    said = _attributes(WorkspaceSettings.__doc__ or "")
    for field in fields(WorkspaceSettings):
        default = "" if field.default in (MISSING, None, "") else field.default
        shown = ",".join(map(str, default)) if isinstance(default, tuple) else str(default)
        yield (
            code(f"WORKSPACE_{field.name.upper()}"),
            code(shown) if shown else "–",
            capital(said[field.name]),
        )


def _attributes(docstring: str) -> Mapping[str, str]:
    """What a class's docstring says of each of its attributes."""
    listed = docstring.partition("Attributes:")[2]
    said: dict[str, str] = {}
    for names, text in re.findall(r"^ {8}(\w+(?:, \w+)*): +(.+)$", listed, re.MULTILINE):
        said |= dict.fromkeys(names.split(", "), text)
    return said
