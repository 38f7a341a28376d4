"""The registry of hotfix kinds, and what is said about a declaration that fits none of them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import domain.resolution.kinds
from domain.errors import ConfigurationError
from domain.recommender.hotfix import COMMON_TO_HOTFIXES
from domain.resolution.declared import against_offering
from domain.resolution.replays.registry import REPLAYS
from tests.workers.conftest import declared_fill, make_option
from workers.declaration.declare import load
from workers.declaration.hotfix_kinds import find, ours

DECLARED = """
[recommender]
name = "shop"

[tables.views]
path = "views.parquet"
time = "at"
window = "1h"

[hotfixes.fix]
label = "Fix"
causes = ["feature"]
deployer = "overrides"
{keys}

[deployers.overrides]
kind = "file"
path = "overrides.json"
"""

HIDE = """
from domain.resolution.kind import Kind
from domain.values import Value


class Keys(Value):
    place: str


def given(_hotfix, keys, _around):
    return {"row": keys.place}


KIND = Kind(name="hide_row", purpose="hides a row", options=Keys, given=given)
"""


def problems(tmp_path: Path, keys: str) -> str:
    """What is said of the declaration with these keys of its hotfix."""
    file = tmp_path / "recsysops.toml"
    file.write_text(DECLARED.format(keys=keys))
    with pytest.raises(ConfigurationError) as error:
        load(file)
    return str(error.value)


def test_every_file_of_kinds_holds_one_that_is_registered_and_every_registered_one_is_a_file() -> None:
    folder = Path(str(domain.resolution.kinds.__file__)).parent
    files = {file.stem for file in folder.glob("*.py")} - {"__init__"}
    assert {kind.name for kind in ours().values()} == files


def test_what_a_kind_shows_as_an_example_is_what_it_reads() -> None:
    for kind in ours().values():
        assert kind.options.model_validate(kind.example), kind.name
        assert not set(kind.options.model_fields) & COMMON_TO_HOTFIXES, kind.name
        assert kind.purpose, kind.name


def test_the_guide_s_tables_have_every_kind_with_its_purpose_and_every_way_of_pricing() -> None:
    guide = (Path(__file__).parents[3] / "docs/how-to/hotfixes.md").read_text(encoding="utf-8")
    rows = [line.split(" | ") for line in guide.splitlines() if line.startswith("| `")]
    kinds = {row[0].strip("| `"): row[1] for row in rows if len(row) == 3}
    assert kinds == {kind.name: kind.purpose for kind in ours().values()}
    for kind in ours().values():
        (keys,) = (row[2] for row in rows if row[0] == f"| `{kind.name}`" and len(row) == 3)
        assert all(f"`{key}" in keys for key in kind.options.model_fields), kind.name
    ways = {name.strip("| `") for row in rows if len(row) == 2 for name in row[0].split(", ")}
    assert ways == set(REPLAYS)


def test_an_unknown_kind_is_reported_with_the_nearest_right_name(tmp_path: Path) -> None:
    said = problems(tmp_path, 'kind = "fill_features"')
    assert (
        """hotfixes.fix.kind: 'fill_features' is no kind of hotfix here; did you mean "fill_feature"?"""
        in said
    )


def test_a_key_of_another_kind_and_a_misspelt_one_are_told_apart(tmp_path: Path) -> None:
    said = problems(tmp_path, 'kind = "boost_items"\nfeature = "language"\namont = 1.0')
    assert "hotfixes.fix: feature is for kind fill_feature; remove it from this boost_items" in said
    assert 'hotfixes.fix.amont: unknown key; did you mean "amount"?' in said


def test_a_value_of_another_type_is_reported_with_its_key(tmp_path: Path) -> None:
    assert "hotfixes.fix.amount: Input should be a valid number" in problems(
        tmp_path, 'kind = "boost_items"\namount = "much"'
    )


def test_an_unknown_way_of_pricing_is_reported_with_the_nearest(tmp_path: Path) -> None:
    said = problems(tmp_path, 'kind = "webhook"\nreplay = { kind = "snapshots" }')
    assert """hotfixes.fix.replay.kind: 'snapshots' is no way of pricing; did you mean "snapshot"?""" in said


def test_a_stranger_s_kind_is_found_by_its_entry_point(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "hiding.py").write_text(HIDE)
    metadata = tmp_path / "hiding-1.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: hiding\nVersion: 1\n")
    (metadata / "entry_points.txt").write_text("[recsysops.hotfixes]\nhide_row = hiding:KIND\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    file = tmp_path / "recsysops.toml"
    file.write_text(DECLARED.format(keys='kind = "hide_row"\nplace = "top"'))
    assert load(file).hotfixes["fix"].options == {"place": "top"}
    assert "hotfixes.fix.place: missing" in problems(tmp_path, 'kind = "hide_row"')
    find.cache_clear()
    sys.modules.pop("hiding", None)


def test_a_kind_that_is_not_installed_any_more_holds_no_other_hotfix_up() -> None:
    gone = declared_fill(name="gone", kind="hide_row")
    assert against_offering(make_option(), [gone, declared_fill()], find) is None
    with pytest.raises(ConfigurationError, match='kind "hide_row" is not installed here'):
        against_offering(make_option(hotfix="gone"), [gone], find)
