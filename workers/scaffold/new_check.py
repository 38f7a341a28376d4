"""Writes a team's own check to start from: its file, its test, and what makes it a package."""

from __future__ import annotations

import keyword
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from string import Template
from typing import Any

from domain.errors import Refused
from domain.recommender.keys.nearest import nearest
from domain.values import Value
from workers.declaration.lines import lines_of
from workers.declaration.own_keys import kinds

TEMPLATES = Path(__file__).parent / "template"
PLACEHOLDER = "own_kind"
_NAME = re.compile(r"[a-z][a-z0-9_]{1,40}")


@dataclass(frozen=True)
class Beginning:
    """One template: what it needs, in words; keys that work on the sound table; the fault it finds."""

    says: str
    keys: Mapping[str, Any]
    spoil: str


NEEDS: Mapping[str, Beginning] = {
    "wrong_rows": Beginning(
        "rows of which something is wrong, by window and slice",
        {"column": "minutes", "most": 90.0},
        "day.assign(minutes=day.minutes + 60.0)",
    ),
    "row_counts": Beginning(
        "rows (or a measure) by window and slice", {}, "day.sample(frac=0.2, random_state=1)"
    ),
    "histograms": Beginning(
        "columns cut into bins, by window and slice",
        {"column": "rating"},
        "day.assign(rating=day.rating.abs())",
    ),
    "expression": Beginning(
        "an Ibis expression of your own",
        {"column": "member_id"},
        'day.assign(member_id=day.member_id.where(day.index % 3 > 0, "m0"))',
    ),
}
"""Template name → the template."""


class Written(Value):
    """What was written, and what to add to recsysops.toml to use it."""

    folder: str
    files: tuple[str, ...]
    declare: str


def new_check(name: str, needs: str, folder: Path) -> Written:
    """
    Write a working check called `name` into a new folder of that name in `folder`.

    Raises:
        Refused: the name is invalid or taken, or something is in its place; nothing was written then.
    """
    package = folder / name
    if package.exists():
        raise Refused(f"{package} is there already; nothing is overwritten: choose another name or folder")
    beginning = _beginning(name, needs)
    if not folder.is_dir():
        raise Refused(f"{folder}: there is no such folder; make it, or choose another")
    filled = {
        "keys": repr({"kind": name, **beginning.keys}).replace("'", '"'),
        "spoil": beginning.spoil,
        "package": f"recsysops-check-{name.replace('_', '-')}",
    }
    texts = {
        f"{name}.py": (TEMPLATES / f"{needs}.py").read_text(encoding="utf-8"),
        f"test_{name}.py": _filled("test_own_kind.txt", filled),
        "pyproject.toml": _filled("pyproject.txt", filled),
    }
    package.mkdir()
    for file, text in texts.items():
        (package / file).write_text(text.replace(PLACEHOLDER, name), encoding="utf-8")
    declare = lines_of(name, {"kind": name, "table": "views", **beginning.keys})
    return Written(folder=str(package), files=tuple(texts), declare=declare)


def _beginning(name: str, needs: str) -> Beginning:
    if not _NAME.fullmatch(name) or keyword.iskeyword(name) or name == PLACEHOLDER:
        raise Refused(f'"{name}" is no name for a kind; write small letters, digits and _: late_views')
    if name in kinds():
        raise Refused(f'a kind "{name}" is there already; call yours otherwise')
    spec = find_spec(name)
    if name in sys.stdlib_module_names or (spec and spec.origin):  # a mere folder has no origin
        raise Refused(f'a module "{name}" is installed already, which yours would hide; call it otherwise')
    if needs not in NEEDS:
        raise Refused(f'there is no template "{needs}"; {nearest(needs, NEEDS)}')
    return NEEDS[needs]


def _filled(template: str, filled: Mapping[str, str]) -> str:
    return Template((TEMPLATES / template).read_text(encoding="utf-8")).substitute(filled)
