from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from domain.errors import ConfigurationError
from domain.recommender.recommender import Recommender
from domain.values import Severity
from workers.sources.declare import load
from workers.sources.lines import line_of, nearest

GOOD = """\
[recommender]
name = "shop"
timezone = "Europe/Berlin"

[tables.views]
path = "views.parquet"
time = "at"
window = "1m"
dimensions = ["country"]

[checks.volume]
kind = "volume"
table = "views"
"""
EXAMPLES = Path(__file__).parents[3] / "examples"


def declared(folder: Path, text: str, environment: dict[str, str] | None = None) -> Recommender:
    file = folder / "recsysops.toml"
    file.write_text(text, encoding="utf-8")
    return load(file, environment or {})


def test_a_declaration_becomes_frozen_values_with_absolute_paths(tmp_path: Path) -> None:
    recommender = declared(tmp_path, GOOD)
    table = recommender.tables["views"]
    assert table.path == str(tmp_path / "views.parquet")
    assert (table.window, table.looks_every) == (timedelta(minutes=1), timedelta(minutes=1))
    assert recommender.checks["volume"].table == "views"


def test_a_folder_stands_for_its_declaration(tmp_path: Path) -> None:
    declared(tmp_path, GOOD)
    assert load(tmp_path).name == "shop"


@pytest.mark.parametrize(
    ("wrong", "right", "line", "words"),
    [
        ('time = "at"', 'tiem = "at"', 7, 'tables.views.tiem: unknown key; did you mean "time"?'),
        ('window = "1m"', 'window = "soon"', 8, "'soon' is not a length of time"),
        ('window = "1m"', 'window = "0s"', 5, "window must be longer than nothing"),
        ('kind = "volume"', 'kind = "volum"', 12, 'did you mean "volume"?'),
        ('table = "views"', 'table = "view"', 13, '"view" is not declared; did you mean "views"?'),
        ("[checks.volume]", "[check.volume]", 11, 'unknown section; did you mean "checks"?'),
        ('path = "views.parquet"\n', "", 5, "has no path, url or select"),
        ('name = "shop"\n', "", 1, "recommender.name: missing"),
        ("Europe/Berlin", "Europe/Berln", 3, "is not a time zone"),
        ('["country"]', '"country"', 9, "tables.views.dimensions"),
        ('path = "views.parquet"', 'path = "${NOWHERE}/v.parquet"', 6, "the variable NOWHERE is not set"),
        (
            'kind = "volume"',
            'kind = "volume"\nleast_change = 3',
            13,
            "checks.volume.least_change: Input should be less than or equal to 1",
        ),
    ],
)
def test_what_is_wrong_is_named_with_its_line_and_what_would_be_right(
    tmp_path: Path, wrong: str, right: str, line: int, words: str
) -> None:
    assert wrong in GOOD
    with pytest.raises(ConfigurationError) as told:
        declared(tmp_path, GOOD.replace(wrong, right))
    message = str(told.value)
    assert words in message
    assert f"recsysops.toml:{line}: " in message


def test_several_problems_are_told_together(tmp_path: Path) -> None:
    text = (
        GOOD.replace('"1m"', '"soon"').replace('kind = "volume"', 'kind = "x"').replace("[rec", "[sub]\n[rec")
    )
    with pytest.raises(ConfigurationError) as told:
        declared(tmp_path, text)
    assert len(str(told.value).splitlines()) == 3


def test_text_that_is_not_toml_says_where(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"not readable as TOML.*line 1"):
        declared(tmp_path, "[recommender\n")


def test_a_missing_file_says_how_to_write_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="recsysops init"):
        load(tmp_path / "recsysops.toml")


def test_a_variable_moves_the_data_and_its_default_lies_beside_the_declaration(tmp_path: Path) -> None:
    text = GOOD.replace("views.parquet", "${DATA:-data}/views.parquet")
    assert declared(tmp_path, text).tables["views"].path == str(tmp_path / "data/views.parquet")
    moved = declared(tmp_path, text, {"DATA": "/lake"})
    assert moved.tables["views"].path == "/lake/views.parquet"


@pytest.mark.parametrize("example", ["cinema", "movietweetings"])
def test_the_examples_are_declared_rightly(example: str) -> None:
    recommender = load(EXAMPLES / example, {})
    assert recommender.name == example
    assert recommender.checks


def test_who_hears_of_an_incident() -> None:
    recommender = load(EXAMPLES / "cinema", {})
    assert recommender.channels("impressions", Severity.SEV1) == ("#recsysops",)


def test_lines_are_found_also_for_dotted_keys() -> None:
    assert line_of('a.b = 1\n[c."d"]\ne = 2\n', ("c", "d", "e")) == 3
    assert line_of("a.b = 1\n", ("a", "b")) == 1
    assert line_of("a = 1\n", ("x",)) is None


def test_without_a_near_name_all_are_offered() -> None:
    assert nearest("zzz", ["path", "time"]) == "choose from path, time"
