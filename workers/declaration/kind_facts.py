"""
What our kinds say about themselves in plain values, read without importing them.

A kind's file imports science, which the web process must not do: it has to answer a button press at once. So
the values that it needs are read from the file's text: the literals in its `Kind(…)`.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from domain.recommender.check import OWN_GROUP
from workers.environment.installed import points_of_this_house


@dataclass(frozen=True)
class Facts:
    """Of one kind: the tests it is evidence for, further ones when sliced, and what it is sliced by."""

    evidences: tuple[str, ...] = ()
    by_slice: tuple[str, ...] = ()
    sliced: str = "asked"
    of_items: bool = False


@cache
def facts() -> Mapping[str, Facts]:
    """Name → what each of our kinds says, sorted by name."""
    points = sorted(points_of_this_house(OWN_GROUP), key=lambda one: one.name)
    return {one.name: _read(one.module, one.attr) for one in points}


def _read(module: str, name: str) -> Facts:
    spec = find_spec(module)
    if spec is None or spec.origin is None:
        return Facts()
    for node in ast.parse(Path(spec.origin).read_text(encoding="utf-8")).body:
        match node:
            case ast.Assign(targets=[ast.Name(id=named)], value=ast.Call(keywords=written)) if named == name:
                return Facts(**_literals(written))
    return Facts()


def _literals(written: list[ast.keyword]) -> dict[str, Any]:
    return {one.arg: ast.literal_eval(one.value) for one in written if one.arg in Facts.__dataclass_fields__}
