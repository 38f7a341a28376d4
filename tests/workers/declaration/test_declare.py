from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest

from domain.errors import ConfigurationError
from domain.recommender.keys.nearest import nearest
from domain.recommender.recommender import Recommender
from domain.values import Severity
from workers.declaration.declare import load
from workers.declaration.lines import line_of

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
        ('["country"]', '["country"]\nkey = ["a", "b"]', 10, "is one column; of several write key"),
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
    with pytest.raises(ConfigurationError) as caught:
        declared(tmp_path, GOOD.replace(wrong, right))
    message = str(caught.value)
    assert words in message
    assert f"recsysops.toml:{line}: " in message


def test_several_problems_are_reported_together(tmp_path: Path) -> None:
    text = (
        GOOD.replace('"1m"', '"soon"').replace('kind = "volume"', 'kind = "x"').replace("[rec", "[sub]\n[rec")
    )
    with pytest.raises(ConfigurationError) as caught:
        declared(tmp_path, text)
    assert len(str(caught.value).splitlines()) == 3


WRONG_NAMES = """\
[recommender]
nam = "shop"

[tables.views]
path = "${NOWHERE}/views.parquet"
time = "at"
dimensions = ["country"]

[items]
table = "item"
key = "item_id"
features = []

[checks.volume]
kind = "volume"
table = "view"
dimensions = ["planet"]

[checks.slices]
kind = "slice_volume"
table = "views"
dimensions = ["contry"]
ways = 3

[hotfixes.boost]
kind = "boost_items"
label = "Boost"
deployer = "overide"
replay = { kind = "snapshot", table = "vews" }
guards = ["volumes"]

[deployers.override]
kind = "file"

[stakeholders.content]
channel = "#content"
tables = ["views", "viewz", "x"]
"""


def test_wrong_names_are_reported_together_with_wrong_keys_in_the_order_of_the_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        declared(tmp_path, WRONG_NAMES)
    lines = [line.partition("recsysops.toml:")[2] for line in str(caught.value).splitlines()]
    for line, says in (
        (2, 'recommender.nam: unknown key; did you mean "name"?'),
        (5, "tables.views.path: the variable NOWHERE is not set"),
        (10, 'items.table: "item" is not declared; choose from views'),
        (16, 'checks.volume.table: "view" is not declared; did you mean "views"?'),
        (22, 'checks.slices.dimensions: "contry" is not declared; did you mean "country"?'),
        (23, "checks.slices.ways: "),
        (28, 'hotfixes.boost.deployer: "overide" is not declared; did you mean "override"?'),
        (29, 'hotfixes.boost.replay.table: "vews" is not declared; did you mean "views"?'),
        (30, 'hotfixes.boost.guards: "volumes" is not declared; did you mean "volume"?'),
        (37, 'stakeholders.content.tables: "viewz" is not declared; did you mean "views"?'),
        (37, 'stakeholders.content.tables: "x" is not declared; choose from views'),
    ):
        assert any(one.startswith(f"{line}: {says}") for one in lines), (line, says, lines)
    numbers = [int(line.partition(":")[0]) for line in lines]
    assert numbers == sorted(numbers)
    assert "planet" not in str(caught.value), (
        "a dimension of a table that is not there is not one more problem"
    )


def test_a_misspelt_section_is_one_problem_not_one_for_every_name_in_it(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        declared(tmp_path, GOOD.replace("[tables.views]", "[table.views]"))
    (line,) = str(caught.value).splitlines()
    assert 'unknown section; did you mean "tables"?' in line


def test_a_variable_that_is_not_set_is_one_problem(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        declared(tmp_path, GOOD.replace('"1m"', '"${WINDOW}"'))
    (line,) = str(caught.value).splitlines()
    assert "tables.views.window: the variable WINDOW is not set" in line


@pytest.mark.parametrize(
    "text", ["recommender = 3\n", "tables = [1]\n", "[tables]\nviews = 2\n", "items = 1\n"]
)
def test_what_is_no_table_at_all_is_said_so(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigurationError, match="write it as"):
        declared(tmp_path, text)


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


@pytest.mark.parametrize(
    ("upstream", "words"),
    [
        ('["vews"]', 'tables.plays.upstream: "vews" is not declared; did you mean "views"?'),
        ('["plays"]', 'tables.plays.upstream: "plays" is not declared'),
        ('["clicks"]', 'tables.plays.upstream: "clicks" is not declared'),
    ],
)
def test_a_table_is_made_from_declared_tables_and_never_from_itself(
    tmp_path: Path, upstream: str, words: str
) -> None:
    more = """
[tables.plays]
path = "plays.parquet"
upstream = {}

[tables.clicks]
path = "clicks.parquet"
upstream = ["plays"]
"""
    with pytest.raises(ConfigurationError, match=re.escape(words)):
        declared(tmp_path, GOOD + more.format(upstream))
    assert declared(tmp_path, GOOD + more.format('["views"]')).tables["plays"].upstream == ("views",)


def test_what_a_model_learned_from_is_a_declared_table(tmp_path: Path) -> None:
    model = '[models.ranker]\npath = "ranker.skops"\nfeatures = ["age"]\nlearned_from = ["{}"]\n'
    words = 'models.ranker.learned_from: "vews" is not declared; did you mean "views"?'
    with pytest.raises(ConfigurationError, match=re.escape(words)):
        declared(tmp_path, GOOD + model.format("vews"))
    assert declared(tmp_path, GOOD + model.format("views")).models["ranker"].learned_from == ("views",)


PLANNED = """
[[planned]]
name = "Christmas"
from = 2026-12-24
to = 2026-12-26

[[silences]]
name = "backfill"
from = 2026-03-01T00:00:00Z
to = "2026-03-01T06:00"
tables = ["views"]
slices = [{ country = "France" }]
"""


def test_planned_times_are_those_of_the_declared_zone(tmp_path: Path) -> None:
    recommender = declared(tmp_path, GOOD + PLANNED)
    (christmas,), (backfill,) = recommender.planned, recommender.silences
    assert christmas.since.isoformat() == "2026-12-24T00:00:00+01:00"
    assert christmas.until.isoformat() == "2026-12-27T00:00:00+01:00"
    assert backfill.until.isoformat() == "2026-03-01T06:00:00+01:00"
    assert backfill.slices == ((("country", "France"),),)


@pytest.mark.parametrize(
    ("wrong", "right", "line", "words"),
    [
        ("to = 2026-12-26\n", "", 15, "planned.0.to: missing; it has to be given"),
        ("to = 2026-12-26", "to = 2026-12-22", 15, "planned.0: ends before it begins"),
        ("to = 2026-12-26", 'to = "soon"', 18, "planned.0.to: "),
        ("[[planned]]", "[planned]", 15, "planned: write each as [[planned]]"),
        (
            'tables = ["views"]',
            'tabels = ["views"]',
            24,
            'silences.0.tabels: unknown key; did you mean "tables"?',
        ),
        ('tables = ["views"]', 'tables = ["vews"]', 24, '"vews" is not declared; did you mean "views"?'),
        ("{ country =", "{ contry =", 25, '"contry" is not declared; did you mean "country"?'),
    ],
)
def test_what_is_planned_wrongly_is_said_where_it_stands(
    tmp_path: Path, wrong: str, right: str, line: int, words: str
) -> None:
    text = GOOD + PLANNED
    assert wrong in text
    with pytest.raises(ConfigurationError) as caught:
        declared(tmp_path, text.replace(wrong, right))
    assert f":{line}: " in str(caught.value)
    assert words in str(caught.value)


def test_the_second_entry_of_a_list_is_found_on_its_own_line() -> None:
    text = '[[planned]]\nname = "a"\n[other]\nx = 1\n[[planned]]\nname = "b"\n'
    assert line_of(text, ("planned", "1", "name")) == 6
    assert line_of(text, ("planned", "0", "to")) == 1
