"""The terminal on real tables: a first declaration, the doctor, the checks, a backtest."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.bot.terminal import Terminal, recsysops
from workers.scaffold.first import init

START = datetime(2026, 1, 1, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
END = START + 12 * DAY
FAULT_AT = END - 12 * HOUR
ROWS_AN_HOUR = 1_200
WHILE = ("--from", "2026-01-11", "--to", "2026-01-13")

SPOILT = """
[tables.odd]
path = '{}/plays/*.parquet'
select = "SELECT played_at, CASE country WHEN 'n/a' THEN country::INT ELSE 1 END AS one FROM rows"
time = "played_at"
window = "1h"

[checks.odd]
kind = "volume"
table = "odd"
measure = "one"
history = "3h"
"""
"""A table that can be read but for the hour in which a country is `n/a`."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve days of plays in Parquet, a catalogue in CSV; France loses its plays in the last half day."""
    folder = tmp_path_factory.mktemp("made") / "lake of tables"
    (folder / "plays").mkdir(parents=True)
    chance = np.random.default_rng(7)
    rows = round((END - START) / HOUR) * ROWS_AN_HOUR
    at = START + pd.to_timedelta(np.sort(chance.uniform(0, rows / ROWS_AN_HOUR * 3600, rows)), unit="s")
    at = at.as_unit("us")
    country = chance.choice(["France", "Spain", "Italy"], rows, p=[0.3, 0.3, 0.4])
    items = [f"i{n}" for n in range(50)]
    plays = pd.DataFrame({"played_at": at, "country": country, "item_id": chance.choice(items, rows)})
    lost = (plays["played_at"] >= FAULT_AT) & (plays["country"] == "France")
    plays[~lost].iloc[: rows // 2].to_parquet(folder / "plays/0.parquet", index=False)
    plays[~lost].iloc[rows // 2 :].to_parquet(folder / "plays/1.parquet", index=False)
    pd.DataFrame({"item_id": items, "title": "A film", "language": "fr"}).to_csv(
        folder / "items.csv", index=False
    )
    return folder


@pytest.fixture(scope="module")
def first(made: Path) -> str:
    """The first declaration of it, as `recsysops init` prints it."""
    return init(made)


@pytest.fixture
def tables(made: Path, tmp_path: Path) -> Path:
    """The same, for one test to spoil."""
    return Path(shutil.copytree(made, tmp_path / made.name))


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Terminal:
    return Terminal(monkeypatch, capsys, {})


@pytest.fixture
def declared(first: str, made: Path, tables: Path, tmp_path: Path) -> Path:
    """The first declaration, beside the tables' folder and not in it, as after `recsysops init … > …`."""
    file = tmp_path / "recsysops.toml"
    file.write_text(first.replace(str(made), str(tables)))
    return file


def spoil(tables: Path) -> None:
    (tables / "plays/1.parquet").write_text("cut off in the middle of being written")


def test_what_init_prints_passes_the_doctor_wherever_it_is_kept(
    terminal: Terminal, declared: Path, tables: Path
) -> None:
    assert terminal("init", tables).out.rstrip() == declared.read_text().rstrip()
    done = terminal("doctor", declared)
    assert done.out.splitlines()[-1] == "No problem found, but nothing is watched."
    assert "nothing is watched: neither is a store named nor does one run → `recsysops up`" in done.out
    assert "✗" not in done.out
    report = terminal("doctor", declared, "--json").json
    assert report["healthy"] is False
    assert {"tables.plays", "tables.items"} <= {
        one["where"].rpartition(".time")[0] or one["where"] for one in report["advice"]
    }


def test_the_doctor_says_which_file_is_broken_and_ends_with_1(
    terminal: Terminal, declared: Path, tables: Path
) -> None:
    spoil(tables)
    done = terminal("doctor", declared, code=1)
    assert "✗ tables.plays" in done.out
    assert "1.parquet" in done.out


def test_the_declared_checks_are_listed(terminal: Terminal, declared: Path) -> None:
    listed = terminal("check", "list", declared, "--json").json["checks"]
    assert {one["name"]: one["kind"] for one in listed} == {
        "plays_volume": "volume",
        "plays_freshness": "freshness",
        "plays_slices": "slice_volume",
        "plays_missing": "missing",
        "plays_references": "references",
    }
    counted = [one for one in listed if one["name"] in {"plays_volume", "plays_freshness", "plays_slices"}]
    assert all(one["evidence_for"] == ["monitor-1"] for one in counted)
    shown = terminal("check", "list", declared).out
    assert "plays_slices" in shown
    assert "monitor-1" in shown


def test_one_check_is_run_as_of_a_time(terminal: Terminal, declared: Path) -> None:
    at = ("--file", declared, "--at", f"{FAULT_AT + 6 * HOUR:%Y-%m-%dT%H:%MZ}")
    (finding,) = terminal("check", "run", "plays_slices", *at, "--json").json["findings"]
    assert finding["slice"] == [["country", "France"]]
    assert finding["observed"] == 0
    assert "France" in terminal("check", "run", "plays_slices", *at).out
    before = ("--file", declared, "--at", f"{FAULT_AT:%Y-%m-%dT%H:%MZ}")
    assert "Nothing found." in terminal("check", "run", "plays_slices", *before).out


def test_all_checks_are_run_where_none_is_named(terminal: Terminal, declared: Path) -> None:
    done = terminal(
        "check", "run", "--file", declared, "--at", f"{END + 3 * HOUR:%Y-%m-%dT%H:%MZ}", "--json"
    ).json
    assert {"plays_freshness", "plays_volume"} <= {one["check"] for one in done["findings"]}


def test_a_check_that_is_not_declared_is_answered_with_the_nearest(
    terminal: Terminal, declared: Path
) -> None:
    done = terminal("check", "run", "plays_volum", "--file", declared, code=2)
    assert 'did you mean "plays_volume"?' in done.err


def test_a_check_that_cannot_look_ends_with_1(terminal: Terminal, declared: Path, tables: Path) -> None:
    spoil(tables)
    done = terminal(
        "check", "run", "plays_volume", "--file", declared, "--at", "2026-01-10", "--json", code=1
    )
    (finding,) = done.json["findings"]
    assert "cannot look" in finding["title"]
    assert "1.parquet" in done.json["notes"]["plays_volume"]


def test_a_backtest_finds_the_loss_and_writes_it(terminal: Terminal, declared: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    picture = tmp_path / "out.png"
    done = terminal("backtest", declared, *WHILE, "--json", out, "--png", picture)
    written = json.loads(out.read_text())
    assert set(written) == {"findings", "incidents"}
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert f"Picture: {picture}" in done.out
    (incident,) = [one for one in written["incidents"] if one["slice"] == {"country": "France"}]
    assert FAULT_AT <= datetime.fromisoformat(incident["window_start"]) <= FAULT_AT + HOUR / 2
    assert "France" in done.out
    assert f"{len(written['incidents'])} incidents of {len(written['findings'])} findings" in done.out


def test_a_backtest_of_a_broken_table_is_one_clear_error(
    terminal: Terminal, declared: Path, tables: Path, tmp_path: Path
) -> None:
    spoil(tables)
    out = tmp_path / "out.json"
    done = terminal("backtest", declared, *WHILE, "--json", out, code=1)
    *logged, line = done.err.splitlines()
    assert all("foreign_error" in one for one in logged)
    assert line.startswith(f"{declared}:")
    assert "tables.plays" in line
    assert "1.parquet" in line
    assert "Incident" not in done.out
    assert not out.exists()


def test_a_backtest_without_its_file_says_which_and_what_to_do(
    terminal: Terminal, declared: Path, tables: Path
) -> None:
    for file in (tables / "plays").iterdir():
        file.unlink()
    done = terminal("backtest", declared, *WHILE, code=1)
    assert f"there is no file at {tables}/plays/*.parquet; check path" in done.err


def test_a_backtest_with_one_unreadable_window_keeps_the_rest(
    terminal: Terminal, declared: Path, tables: Path, tmp_path: Path
) -> None:
    day = pd.DataFrame(
        {"played_at": pd.to_datetime([START + 10 * DAY]).as_unit("us"), "country": ["n/a"], "item_id": ["i1"]}
    )
    day.to_parquet(tables / "plays/2.parquet", index=False)
    declared.write_text(declared.read_text() + SPOILT.format(tables))
    out = tmp_path / "out.json"
    while_it_lasts = ("--from", "2026-01-10T20:00Z", *WHILE[2:])
    done = terminal("backtest", declared, *while_it_lasts, "--json", out, code=1)
    written = json.loads(out.read_text())
    (fault,) = written["faults"]
    assert (fault["check"], fault["windows"]) == ("odd", 4)
    assert any(one["slice"] == {"country": "France"} for one in written["incidents"])
    assert "✗ odd: 4 windows, 2026-01-11 00:00 to 2026-01-11 04:00 UTC, could not be judged" in done.out
    assert "4 check runs failed" in done.out


def test_a_folder_for_the_json_that_is_not_there_is_said_before_the_walk(
    terminal: Terminal, declared: Path, tmp_path: Path
) -> None:
    done = terminal("backtest", declared, *WHILE, "--json", tmp_path / "nowhere/out.json", code=2)
    assert "no such folder" in done.err


def test_where_nothing_can_be_drawn_no_file_is_written_and_it_is_said_why(
    terminal: Terminal, declared: Path, tmp_path: Path
) -> None:
    tables, picture = declared.read_text().partition("[checks.")[0], tmp_path / "out.png"
    declared.write_text(f'{tables}[checks.columns]\nkind = "schema"\ntable = "plays"\n')
    done = terminal("backtest", declared, *WHILE, "--png", picture)
    assert 'columns: not in the picture: a check of kind "schema" expects no number' in done.out
    assert f"No picture is written to {picture}" in done.out
    assert not picture.exists()


def test_in_a_process_of_its_own_a_backtest_needs_no_store(declared: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    done = recsysops("backtest", str(declared), "--from", "2026-01-12", *WHILE[2:], "--json", str(out))
    assert done.returncode == 0
    assert all(line.startswith("looking: ") for line in done.stderr.splitlines())
    assert json.loads(out.read_text())["incidents"]
