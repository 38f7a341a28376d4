"""What is computed where, and from which source: every docstring that names one."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from docs.generate.markdown import capital, code, table

ROOT = Path(__file__).parents[2]
ROOMS = (
    "domain/detection",
    "domain/prediction",
    "domain/diagnosis",
    "domain/resolution",
    "domain",
    "workers",
)
SOURCE = re.compile(r"\n\s*Source:\n(.*?)(?:\n\s*\n|\Z)", re.DOTALL)
TITLES = {
    "domain/detection": "Detection",
    "domain/prediction": "Prediction",
    "domain/diagnosis": "Diagnosis",
    "domain/resolution": "Resolution",
    "domain": "Incidents, improvement and values",
    "workers": "Counting, models and audit",
}


class Computed(NamedTuple):
    """What is computed, by which function or module, and its source."""

    room: str
    where: str
    what: str
    source: str


def numbers() -> str:
    """A table for each room."""
    found = sorted(computed(), key=lambda one: (ROOMS.index(one.room), one.where))
    return "\n\n".join(
        f"## {TITLES[room]}\n\n"
        + table(("what", "where", "source"), ((one.what, code(one.where), one.source) for one in those))
        for room, those in groupby(found, lambda one: one.room)
    )


def computed() -> Iterator[Computed]:
    """Every computation that names a source, in no particular order."""
    for top in ("domain", "workers"):
        for file in (ROOT / top).rglob("*.py"):
            yield from _in(file.relative_to(ROOT))


def _in(file: Path) -> Iterator[Computed]:
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    room = next(room for room in ROOMS if str(file).startswith(room))
    module = ".".join(file.with_suffix("").parts).removesuffix(".__init__")
    for node in ast.walk(tree):
        if not isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef):
            continue
        docstring = ast.get_docstring(node) or ""
        if source := SOURCE.search(f"\n{docstring}"):
            where = module if isinstance(node, ast.Module) else f"{module}.{node.name}"
            yield Computed(room, where, capital(_line(docstring.partition("\n\n")[0])), _line(source[1]))


def _line(text: str) -> str:
    return " ".join(text.split())
