"""The pages that are made from the code are what the code says, and complete."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import bot.cli
from benchmarks.table import read
from docs.generate import results
from docs.generate.commands import every
from docs.generate.json_shapes import ORDERED, SHAPES
from docs.generate.keys import meaning
from docs.generate.pages import PAGES, PARTS, ROOT, written
from domain.errors import ConfigurationError
from domain.recommender.table import Table
from domain.values import Value
from workers.declaration import check_kinds
from workers.environment import settings
from workers.environment.variables import VARIABLES

LONGEST_README = 150
PROCFILE = ("WORKERS", "LOOKS")


@pytest.mark.parametrize("name", [*PAGES, *PARTS])
def test_a_page_is_what_would_be_made_now(name: str) -> None:
    assert (ROOT / name).read_text(encoding="utf-8") == written()[name], "run `make docs`"


def test_every_kind_of_check_has_its_section_and_no_section_is_of_another() -> None:
    titles = re.findall(r"^## `(\w+)`$", (ROOT / "docs/reference/checks.md").read_text(), re.MULTILINE)
    assert set(titles) == {*check_kinds.ours(), "launch_forecast"}


def test_a_key_without_a_meaning_is_an_error() -> None:
    class Bare(Value):
        key: str

    assert meaning(Table, "window") == "How much time is judged at once."
    with pytest.raises(ConfigurationError, match=r"Bare\.key has no docstring under it"):
        meaning(Bare, "key")


def test_every_variable_that_is_read_has_its_row_and_no_row_is_of_another() -> None:
    source = Path(str(settings.__file__)).read_text(encoding="utf-8")
    literals = {one.value for one in ast.walk(ast.parse(source)) if isinstance(one, ast.Constant)}
    read = {
        one
        for one in literals
        if isinstance(one, str) and re.fullmatch(r"[A-Z][A-Z_]{3,}[A-Z]|HOST|PORT", one)
    }
    assert read == set(VARIABLES) - set(PROCFILE)
    procfile = (ROOT / "Procfile").read_text(encoding="utf-8")
    assert set(re.findall(r"\$\{(\w+)", procfile)) == set(PROCFILE)


def test_every_key_that_a_command_prints_as_json_is_in_the_reference() -> None:
    printed = set()
    for file in Path(str(bot.cli.__path__[0])).rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(func=ast.Name(id="end_in_json"), args=[_, ast.Dict(keys=keys), *_]):
                    printed |= {key.value for key in keys if isinstance(key, ast.Constant)}
    listed = {key for shape in (ORDERED, *SHAPES.values()) for key in shape}
    assert printed <= listed


def test_every_shape_is_of_a_command_that_prints_json() -> None:
    with_json = {
        " ".join(names) for names, one in every() if any("--json" in param.opts for param in one.params)
    }
    assert set(SHAPES) <= with_json


def test_the_readme_shows_ten_results_and_stays_short() -> None:
    assert len(results.TEN) == 10
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= LONGEST_README


def test_every_result_is_on_the_page_of_benchmarks_with_its_day() -> None:
    page = (ROOT / "docs/benchmarks.md").read_text(encoding="utf-8")
    for name in results.names():
        for row in read(name):
            assert row.work.replace("|", "\\|") in page
            assert re.fullmatch(r"\d{4}-\d\d-\d\d", row.measured), f"{name}: {row.work} has no day"
