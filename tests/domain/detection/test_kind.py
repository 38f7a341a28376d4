"""A kind is one value in one file: it declares everything, and nobody else names it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, get_args

import pytest

from domain.detection.kind import Kind, Sliced
from domain.detection.needs import Needs
from domain.prediction.kind import LAUNCH_FORECAST
from domain.recommender.check import COMMON, Check
from domain.recommender.keys.evidences import TEST_IDS
from domain.recommender.options import Options
from workers.checks.read import READERS
from workers.declaration.check_kinds import ours
from workers.declaration.kind_facts import Facts, facts
from workers.declaration.own_keys import of_this_house

ROOT = Path(__file__).parents[3]
KINDS = ROOT / "domain" / "detection" / "kinds"
NAMES = frozenset(of_this_house())
SOURCES = [
    file
    for room in ("domain", "workers", "bot", "migrations", "client")
    for file in sorted((ROOT / room).rglob("*.py"))
    if KINDS not in file.parents
]


def named_in(tree: ast.AST) -> Iterator[str]:
    """Where a kind of check is named: compared, matched, listed, looked up, passed or imported."""
    for node in ast.walk(tree):
        match node:
            case ast.Compare(left=left, comparators=others) if any(map(_of_kind, (left, *others))):
                yield from (text for one in (left, *others) for text in _texts(one) if text in NAMES)
            case ast.Match(subject=subject, cases=cases) if _of_kind(subject):
                yield from (text for case in cases for text in _texts(case.pattern) if text in NAMES)
            case ast.Dict(keys=keys):
                yield from _several(key for key in keys if key)
            case ast.Tuple(elts=elements) | ast.List(elts=elements) | ast.Set(elts=elements):
                yield from _several(elements)
            case ast.keyword(arg="kind", value=ast.Constant(value=str(text))) if text in NAMES:
                yield text
            case ast.ImportFrom(module=str(module)) if module.startswith("domain.detection.kinds"):
                yield module


def _of_kind(node: ast.AST) -> bool:
    """Whether an expression is the kind of something: `check.kind`, `kind`, `check.get("kind")`."""
    match node:
        case ast.Attribute(attr="kind") | ast.Name(id="kind"):
            return True
        case ast.Call(func=ast.Attribute(attr="get"), args=[ast.Constant(value="kind"), *_]):
            return True
        case ast.Subscript(slice=ast.Constant(value="kind")):
            return True
    return False


def _texts(node: ast.AST) -> list[str]:
    found = (one.value for one in ast.walk(node) if isinstance(one, ast.Constant))
    return [text for text in found if isinstance(text, str)]


def _several(nodes: Any) -> list[str]:
    """Names of kinds, where there are several: a table of them. One alone is a word like any other."""
    texts = [node.value for node in nodes if isinstance(node, ast.Constant)]
    named = sorted({text for text in texts if text in NAMES})
    return named if len(named) > 1 else []


@pytest.mark.parametrize("file", SOURCES, ids=lambda file: str(file.relative_to(ROOT)))
def test_no_other_file_names_a_kind(file: Path) -> None:
    assert sorted(set(named_in(ast.parse(file.read_text(encoding="utf-8"))))) == []


@pytest.mark.parametrize(
    "text",
    [
        'check.kind == "volume"',
        'check.kind in ("drift", "other")',
        'match check.kind:\n    case "drift" | "x":\n        pass',
        'TABLE = {"volume": 1, "drift": 2}',
        'KINDS = ("volume", "drift")',
        'Check(name="c", kind="volume")',
        'check.get("kind") == "volume"',
        "from domain.detection.kinds.tables.volume import KIND",
    ],
)
def test_a_kind_that_is_named_would_be_seen(text: str) -> None:
    assert list(named_in(ast.parse(text)))


def test_each_file_of_the_folder_is_a_kind_and_each_kind_a_file_of_its_name() -> None:
    files = {file.stem for file in KINDS.rglob("*.py")} - {"__init__"}
    assert files == set(NAMES) == set(ours())


def test_the_kind_that_looks_ahead_is_named_where_it_stands_and_nowhere_else() -> None:
    naming = [file for file in SOURCES if f'"{LAUNCH_FORECAST.name}"' in file.read_text(encoding="utf-8")]
    assert [file.relative_to(ROOT).as_posix() for file in naming] == ["domain/prediction/kind.py"]
    assert LAUNCH_FORECAST.name not in NAMES


@pytest.mark.parametrize("kind", ours().values(), ids=lambda kind: kind.name)
def test_a_kind_declares_everything(kind: Kind[Any, Any]) -> None:
    assert kind.purpose and not kind.purpose.endswith(".")
    assert type(kind.needs) in READERS
    assert kind.judging.measured is not None  # what is found of ours can be measured again
    assert kind.sliced in get_args(Sliced)
    assert set(kind.evidences) | set(kind.by_slice) <= set(TEST_IDS)
    assert kind.least_windows >= 1
    assert not set(kind.options.model_fields) & COMMON
    assert kind.options is not Options or not set(kind.example) - COMMON


@pytest.mark.parametrize("kind", ours().values(), ids=lambda kind: kind.name)
def test_windows_of_any_length_have_a_history_long_enough_to_judge_them(kind: Kind[Any, Any]) -> None:
    for days in (1 / 1440, 1 / 24, 1, 2, 7, 14, 30):
        width = timedelta(days=days)
        assert kind.history_of(width) // width >= 2 * kind.least_windows, f"{days} days"


@pytest.mark.parametrize("kind", ours().values(), ids=lambda kind: kind.name)
def test_the_example_of_a_kind_can_be_declared(kind: Kind[Any, Any]) -> None:
    check = Check.model_validate({"name": "c", "kind": kind.name, "table": "views", **kind.example})
    common = {key: value for key, value in kind.example.items() if key in COMMON}
    kind.fits(common, kind.read(check.options))


def test_whatever_may_be_needed_has_its_reader() -> None:
    assert set(READERS) == set(Needs.__subclasses__())


def test_what_is_read_of_a_kind_without_importing_it_is_what_it_says() -> None:
    for name, kind in ours().items():
        assert facts()[name] == Facts(kind.evidences, kind.by_slice, kind.sliced, kind.of_items)
    assert set(facts()) == set(ours())
