"""An accepted check is added to a ferry line's declaration; the rest of it stays byte for byte."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from domain.incident import commands as c
from domain.values import AddedCheck
from tests.workers.respond.ferries import DECLARED, KEYS
from workers.declaration.addition import add, written
from workers.declaration.declare import load
from workers.declaration.lines import lines_of
from workers.respond.change import make


def by_quay(**changed: object) -> AddedCheck:
    keys = {**KEYS, "dimensions": ["quay"], "shadow": True, **changed}
    return AddedCheck(
        name="boarded_by_quay",
        lines=lines_of("boarded_by_quay", keys),
        beside="boarded",
        stood=lines_of("boarded", KEYS),
    )


@pytest.fixture
def file(tmp_path: Path) -> Path:
    at = pd.date_range("2026-01-01", periods=500, freq="1h", tz="UTC")
    pd.DataFrame({"boarded": at, "quay": "north"}).to_parquet(tmp_path / "boardings.parquet")
    declaration = tmp_path / "recsysops.toml"
    declaration.write_text(DECLARED)
    return declaration


def made(file: Path, change: AddedCheck) -> c.Command:
    return make(file, load(file), change)


def test_it_is_written_in_shadow_mode_and_nothing_else_is_touched(file: Path) -> None:
    came = made(file, by_quay())
    assert isinstance(came, c.RecordChangeWritten)
    assert "+[checks.boarded_by_quay]" in came.diff
    assert file.read_text().startswith(DECLARED)
    assert load(file).checks["boarded_by_quay"].shadow
    assert sorted(path.name for path in file.parent.iterdir()) == ["boardings.parquet", "recsysops.toml"]


def test_killed_before_it_was_recorded_it_is_written_once(file: Path) -> None:
    add(file, by_quay())
    before = file.read_text()
    assert isinstance(made(file, by_quay()), c.RecordChangeWritten)
    assert file.read_text() == before


def test_where_nothing_is_declared_a_person_gets_the_diff(file: Path) -> None:
    file.write_text(DECLARED.replace('apply = "write"', ""))
    before = file.read_text()
    came = made(file, by_quay())
    assert isinstance(came, c.RecordChangeHandedOver)
    assert "+[checks.boarded_by_quay]" in came.diff
    assert file.read_text() == before


def test_changed_by_hand_meanwhile_it_does_not_apply_and_both_sides_are_shown(file: Path) -> None:
    file.write_text(DECLARED + 'window = "7d"\n')
    came = made(file, by_quay())
    assert isinstance(came, c.RecordChangeHandedOver)
    assert "was changed meanwhile" in came.reason
    then, _, now = came.reason.partition("The declaration says:")
    assert "window" not in then
    assert 'window = "7d"' in now
    assert "boarded_by_quay" not in file.read_text()


def test_the_check_it_varies_is_gone(file: Path) -> None:
    file.write_text(DECLARED.replace("[checks.boarded]", "[checks.aboard]"))
    came = made(file, by_quay())
    assert isinstance(came, c.RecordChangeHandedOver)
    assert "is gone from the declaration" in came.reason


def test_two_follow_ups_that_contradict_each_other_are_told_apart(file: Path) -> None:
    assert isinstance(made(file, by_quay()), c.RecordChangeWritten)
    came = made(file, by_quay(window="2d"))
    assert isinstance(came, c.RecordChangeHandedOver)
    assert "says something else" in came.reason
    assert 'window = "2d"' in came.reason
    assert "window" not in written(file)["boarded_by_quay"]


def test_the_same_check_under_another_name_is_not_written_twice(file: Path) -> None:
    assert isinstance(made(file, by_quay()), c.RecordChangeWritten)
    other = by_quay().model_copy(update={"name": "quays", "lines": by_quay().lines.replace("_by_quay", "_2")})
    came = made(file, other.model_copy(update={"name": "boarded_2"}))
    assert isinstance(came, c.RecordChangeHandedOver)
    assert "looks for the same already" in came.reason


def test_what_the_doctor_finds_wrong_is_not_written(file: Path) -> None:
    came = made(file, by_quay(kind="missing", columns=["quays"]))
    assert isinstance(came, c.RecordChangeHandedOver)
    assert "the doctor says of checks.boarded_by_quay" in came.reason
    assert file.read_text() == DECLARED


def test_what_is_no_declaration_any_more_is_not_written(file: Path) -> None:
    came = made(file, by_quay(window="often"))
    assert isinstance(came, c.RecordChangeHandedOver)
    assert "not a length of time" in came.reason
    assert file.read_text() == DECLARED


def test_a_declaration_that_may_not_be_written_is_handed_to_a_person(file: Path) -> None:
    recommender = load(file)
    file.unlink()
    came = make(file, recommender, by_quay())
    assert isinstance(came, c.RecordChangeHandedOver)
    assert "cannot be written" in came.reason
