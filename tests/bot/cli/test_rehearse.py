"""Rehearsals at the terminal."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bot.terminal import Terminal, holds
from tests.workers.rehearse.small import BOOST, DELIVERY, FILL, MODEL, declare, write_small
from workers.environment import clock


@pytest.fixture(autouse=True)
def signing(terminal: Terminal, folder: Path) -> None:
    terminal.environment |= {"HOOK_SECRET": "s" * 40, "RECSYSOPS_CONFIG": str(folder / "recsysops.toml")}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made: Path = tmp_path_factory.mktemp("rehearsed")
    write_small(made, at=clock.now())
    return made


def test_the_table_says_what_each_promised_and_really_repairs_and_is_recorded_once_a_day(
    terminal: Terminal, folder: Path
) -> None:
    file = declare(folder, FILL, BOOST)
    holds(terminal("rehearse", file).out, "fill_language", "✓ repairs", "100 %", "\nRecorded.\n")
    assert terminal("rehearse", file).out.endswith("Recorded before: the log says the same of today.\n")


def test_one_that_repairs_nothing_ends_with_1_and_is_named_by_the_doctor(
    terminal: Terminal, folder: Path
) -> None:
    file = declare(folder, MODEL, FILL)
    gone = folder / "ranker-v7.skops"
    kept = gone.read_bytes()
    gone.unlink()
    found = terminal("rehearse", file, "--json", code=1).json
    gone.write_bytes(kept)
    assert found["useless"] == ["older_model", "half"]
    assert "deployer hooks: does not answer" in found["rehearsals"][0]["says"]
    assert {one["hotfix"]: one["verdict"] for one in found["rehearsals"]} == {
        "older_model": "nothing",
        "half": "nothing",
        "fill_language": "repairs",
    }
    assert found["recorded"] == 3
    printed = terminal("doctor", file).out
    assert "! hotfixes.older_model: repaired nothing when it was last rehearsed" in printed


def test_one_alone_is_rehearsed_and_nothing_is_recorded_of_another_time_or_without_a_store(
    terminal: Terminal, folder: Path
) -> None:
    at = clock.now().isoformat()
    file = declare(folder, FILL, BOOST)
    answer = terminal("rehearse", file, "--hotfix", "boost", "--at", at, "--json").json
    assert [one["hotfix"] for one in answer["rehearsals"]] == ["boost"]
    assert answer["recorded"] is None
    terminal.environment.pop("DATABASE_URL")
    assert terminal("rehearse", declare(folder, DELIVERY)).out.endswith("Not recorded.\n")


def test_a_broken_declaration_is_an_error_with_its_line_and_so_is_a_hotfix_that_there_is_not(
    terminal: Terminal, folder: Path
) -> None:
    file = declare(folder, FILL.replace('deployer = "overrides"', 'deployer = "overides"'))
    holds(terminal("rehearse", file, code=2).err, "recsysops.toml:", "hotfixes.fill_language.deployer")
    asked = ("rehearse", declare(folder, FILL), "--hotfix", "fil")
    assert 'no hotfix is called "fil"' in terminal(*asked, code=2).err
