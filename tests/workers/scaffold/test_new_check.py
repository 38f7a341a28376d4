"""`recsysops check new` writes a complete check that meets everything a check has to meet."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest

from domain.errors import Refused
from tests.workers.strangers import Install, installing
from workers.conformance import SITUATIONS
from workers.scaffold.new_check import NEEDS, TEMPLATES, new_check


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    with installing(tmp_path, monkeypatch) as install:
        yield install


def written(install: Install, folder: Path, needs: str) -> Any:
    """A check of this template, installed as its own package says; its test, imported."""
    name = f"own_{needs}"
    package = Path(new_check(name, needs, folder).folder)
    declared = tomllib.loads((package / "pyproject.toml").read_text())
    assert declared["project"]["entry-points"]["recsysops.checks"] == {name: f"{name}:CHECK"}
    install(name, (package / f"{name}.py").read_text())
    spec = spec_from_file_location(f"test_{name}", package / f"test_{name}.py")
    assert spec
    assert spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("situation", SITUATIONS)
@pytest.mark.parametrize("needs", NEEDS)
def test_what_is_written_stands_what_every_check_has_to_stand(
    install: Install, tmp_path: Path, needs: str, situation: str
) -> None:
    test = written(install, tmp_path, needs)
    test.test_it_stands_what_every_check_has_to_stand(situation, tmp_path / "table")


@pytest.mark.parametrize("needs", NEEDS)
def test_what_is_written_finds_its_fault_and_sees_it_fixed(
    install: Install, tmp_path: Path, needs: str
) -> None:
    written(install, tmp_path, needs).test_its_fault_is_found_and_seen_to_be_fixed(tmp_path)


def test_every_template_is_offered() -> None:
    assert {file.stem for file in TEMPLATES.glob("*.py")} == {"__init__", *NEEDS}


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    package = Path(new_check("late_views", "wrong_rows", tmp_path).folder)
    (package / "late_views.py").write_text("mine")
    with pytest.raises(Refused, match="nothing is overwritten"):
        new_check("late_views", "row_counts", tmp_path)
    assert (package / "late_views.py").read_text() == "mine"


@pytest.mark.parametrize(
    ("name", "needs", "words"),
    [
        ("volume", "wrong_rows", 'a kind "volume" is there already'),
        ("Late", "wrong_rows", "write small letters"),
        ("class", "wrong_rows", "write small letters"),
        ("../late", "wrong_rows", "write small letters"),
        ("random", "wrong_rows", "is installed already"),
        ("pandas", "wrong_rows", "is installed already"),
        ("late_views", "wrong_row", 'did you mean "wrong_rows"?'),
    ],
)
def test_a_name_that_could_not_work_is_refused_and_nothing_is_written(
    tmp_path: Path, name: str, needs: str, words: str
) -> None:
    with pytest.raises(Refused, match=words.replace("?", r"\?")):
        new_check(name, needs, tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="there is no such folder"):
        new_check("late_views", "wrong_rows", tmp_path / "nowhere")
