"""The generated pages: the one list of them, and the generated parts of pages written by hand."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

from docs.generate import (
    architecture,
    commands,
    declaration,
    environment,
    events,
    json_shapes,
    kinds,
    numbers,
    results,
)
from domain.errors import ConfigurationError

ROOT = Path(__file__).parents[2]
PAGES: Mapping[str, Callable[[], str]] = {
    "docs/reference/declaration.md": declaration.declaration,
    "docs/reference/checks.md": kinds.checks,
    "docs/reference/hotfixes.md": kinds.hotfixes,
    "docs/reference/deployers.md": kinds.deployers,
    "docs/reference/trackers.md": kinds.trackers,
    "docs/reference/witnesses.md": kinds.witnesses,
    "docs/reference/commands.md": commands.commands,
    "docs/reference/json.md": json_shapes.json_shapes,
    "docs/reference/events.md": events.events,
    "docs/reference/environment.md": environment.environment,
    "docs/pictures/architecture.svg": architecture.houses,
    "docs/pictures/rooms.svg": architecture.rooms,
}
"""File → the function that makes all of it."""

PARTS: Mapping[str, tuple[str, Callable[[], str]]] = {
    "README.md": ("ten results", results.ten),
    "docs/benchmarks.md": ("results", results.every),
    "docs/how-to/deployers.md": ("kinds", kinds.deployers_listed),
    "docs/how-to/tickets.md": ("kinds", kinds.trackers_listed),
    "docs/explanation/architecture.md": ("contracts", architecture.listed),
    "docs/explanation/numbers.md": ("sources", numbers.numbers),
}
"""File → the name of its generated part, and the function that makes it."""


@cache
def written() -> Mapping[str, str]:
    """Every file of ours with the content it should have."""
    whole = {file: make() for file, make in PAGES.items()}
    return whole | {file: filled(file, name, make()) for file, (name, make) in PARTS.items()}


def filled(file: str, name: str, part: str) -> str:
    """
    A page with its generated part put between `<!-- name -->` and `<!-- /name -->`.

    Raises:
        ConfigurationError: the page has no place for it.
    """
    text = (ROOT / file).read_text(encoding="utf-8")
    place = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
    if not place.search(text):
        raise ConfigurationError(f"{file} has no <!-- {name} --> … <!-- /{name} -->")
    return place.sub(lambda found: f"{found[1]}\n{part}\n\n{found[2]}", text)
