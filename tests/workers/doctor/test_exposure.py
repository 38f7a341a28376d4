"""What `doctor` says about what was shown and chosen."""

from __future__ import annotations

from pathlib import Path

import pytest

from domain.recommender.recommender import Recommender
from tests.workers.shop import DECLARED, write_shop
from workers.declaration.declare import load
from workers.doctor.doctor import check


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("shop")
    write_shop(made)
    return made


def said(folder: Path, old: str = "", new: str = "") -> dict[str, list[str]]:
    """What the doctor says by place, errors and notes, of the shop's declaration with one thing changed."""
    assert old in DECLARED
    (folder / "recsysops.toml").write_text(DECLARED.replace(old, new, 1))
    found: dict[str, list[str]] = {}
    for one in check(folder, environment={}):
        if one.level != "ok":
            found.setdefault(one.where, []).append(f"{one.says} → {one.fix}")
    return found


def test_a_whole_declaration_has_nothing_to_fix(folder: Path) -> None:
    found = said(folder)
    assert "exposure" not in found
    assert "checks.misses" not in found


def test_a_wrong_column_is_put_right(folder: Path) -> None:
    (line,) = said(folder, 'explored = "explored"', 'explored = "explord"')["exposure"]
    assert line == 'table "shown" has no column "explord" → did you mean "explored"?'


def test_what_a_recommender_without_chance_misses_is_a_note(folder: Path) -> None:
    (line,) = said(folder, 'explored = "explored"\n')["exposure"]
    assert "by chance" in line


def test_low_ranked_choices_need_a_model_that_logs_its_candidates(folder: Path) -> None:
    found = said(folder, 'kind = "misses"\ntable = "candidates"', 'kind = "misses"\ntable = "shown"')
    assert "no model logs its candidates" in found["checks.misses"][0]


def test_low_ranked_choices_need_to_know_what_was_chosen(folder: Path) -> None:
    start, end = DECLARED.index("[exposure]"), DECLARED.index("[checks.misses]")
    found = said(folder, DECLARED[start:end])
    assert "declare [exposure]" in found["checks.misses"][0]


def test_the_objective_is_a_number_of_the_table_of_what_was_chosen(folder: Path) -> None:
    found = said(folder, "[exposure]", '[objective]\nmeasure = "minuts"\n[exposure]')
    assert any('no column "minuts"' in line for line in found["exposure"])
    start, end = DECLARED.index("[exposure]"), DECLARED.index("[checks.misses]")
    found = said(folder, DECLARED[start:end], '[objective]\nmeasure = "minutes"\n')
    assert "declare [exposure]" in found["objective.measure"][0]


def test_a_table_that_is_not_declared_is_named_with_its_line(folder: Path) -> None:
    found = said(folder, 'chosen = "chosen"', 'chosen = "choosen"')
    assert '"choosen" is not declared; did you mean "chosen"?' in str(found)


def test_the_declaration_is_read_into_values(folder: Path) -> None:
    (folder / "recsysops.toml").write_text(DECLARED)
    shop: Recommender = load(folder, {})
    assert shop.exposure is not None
    assert shop.exposure.history.days == 2
    assert shop.items is not None and shop.items.launch == "launch_at"
