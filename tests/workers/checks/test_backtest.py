"""A backtest whose tables cannot be read, at all or in one window: said and counted, never an incident."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from domain.detection.data.check_run import CheckRun
from domain.detection.data.counts import Counts
from domain.detection.judge.state import CheckState, Verdict
from domain.detection.needs import Needs
from domain.errors import ConfigurationError, SourceError
from workers import door
from workers.checks import backtest_check, backtest_checks
from workers.checks.backtest import backtest
from workers.checks.read import read_at_once
from workers.declaration.check_kinds import find
from workers.declaration.declare import load

START = datetime(2026, 1, 1, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ROWS_AN_HOUR = 60
LAST_DAY = START + 9 * DAY, START + 10 * DAY
SPOILT_AT = START + 9 * DAY + 5 * HOUR
DECLARED = """\
[recommender]
name = "shop"

[tables.plays]
path = "plays.parquet"
time = "played_at"
window = "1h"

[checks.rows]
kind = "volume"
table = "plays"
history = "2d"
"""
PRICED = """
[tables.paid]
path = "plays.parquet"
select = "SELECT played_at, CAST(price AS DOUBLE) AS price FROM rows"
time = "played_at"
window = "1h"

[checks.paid]
kind = "volume"
table = "paid"
measure = "price"
history = "3h"
"""
"""`select` reads a text as a number: one text that is none spoils every question about its hour."""


def plays(folder: Path, price: str = "1.0") -> None:
    """Ten days of plays, each paid with 1.0, but one whose price is `price`."""
    at = pd.date_range(START, periods=10 * 24 * ROWS_AN_HOUR, freq="1min")
    frame = pd.DataFrame({"played_at": at, "price": "1.0"})
    frame.loc[frame["played_at"] == SPOILT_AT, "price"] = price
    frame.to_parquet(folder / "plays.parquet")


def declare(folder: Path, text: str = DECLARED) -> Path:
    file = folder / "recsysops.toml"
    file.write_text(text)
    return file


def test_whole_tables_have_no_faults(tmp_path: Path) -> None:
    plays(tmp_path)
    result = door.backtest(declare(tmp_path, DECLARED + PRICED), *LAST_DAY)
    assert (result.looks, result.faults, result.incidents) == (48, (), ())
    assert set(result.report()) == {"findings", "incidents"}


def test_a_missing_file_stops_it_with_the_file_the_line_and_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(SourceError) as raised:
        door.backtest(declare(tmp_path), *LAST_DAY)
    (line,) = str(raised.value).splitlines()
    assert line.startswith(f"{tmp_path}/recsysops.toml:4: tables.plays: ")
    assert f"there is no file at {tmp_path}/plays.parquet; check path" in line


def test_every_table_that_cannot_be_read_is_named_once(tmp_path: Path) -> None:
    (tmp_path / "plays.parquet").write_text("this is not Parquet, though long enough to be")
    second = '[checks.fresh]\nkind = "freshness"\ntable = "plays"\n'
    with pytest.raises(SourceError) as raised:
        door.backtest(declare(tmp_path, DECLARED + second + PRICED), *LAST_DAY)
    lines = str(raised.value).splitlines()
    assert [line.partition("toml:")[2].partition(': table "')[0] for line in lines] == [
        "4: tables.plays",
        "17: tables.paid",
    ]
    assert "not Parquet" in lines[0]


@pytest.mark.parametrize(
    ("right", "wrong", "says"),
    [
        ('time = "played_at"', 'time = "playd_at"', 'has no column "playd_at"; did you mean "played_at"?'),
        ('time = "played_at"\n', "", "declares no time column"),
        ('history = "2d"', 'measure = "pirce"', 'has no column "pirce"; did you mean "price"?'),
    ],
)
def test_a_wrong_column_stops_it_too(tmp_path: Path, right: str, wrong: str, says: str) -> None:
    plays(tmp_path)
    with pytest.raises(SourceError, match=r"tables\.plays") as raised:
        door.backtest(declare(tmp_path, DECLARED.replace(right, wrong)), *LAST_DAY)
    assert says in str(raised.value)


def test_one_unreadable_window_is_counted_and_the_rest_is_kept(tmp_path: Path) -> None:
    plays(tmp_path, price="n/a")
    result = door.backtest(declare(tmp_path, DECLARED + PRICED), *LAST_DAY)
    (fault,) = result.faults
    # The spoilt hour itself, and the three that learn from it.
    assert (fault.check, fault.table, fault.windows) == ("paid", "paid", 4)
    assert (fault.window_start, fault.window_end) == (SPOILT_AT, SPOILT_AT + 4 * HOUR)
    assert fault.says == 'table "paid": it is not as declared (ConversionException)'
    assert result.looks == 48 - 4
    assert result.incidents == ()
    report: Any = result.report()
    assert set(report) == {"findings", "incidents", "faults"}
    assert report["faults"][0]["windows"] == 4


def test_a_look_that_raises_is_one_fault_and_the_next_ones_are_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plays(tmp_path)
    right = find("volume")

    def spoilt(look: CheckRun, counts: Counts, state: CheckState) -> Verdict:
        if counts.end(len(counts.total) - 1) == SPOILT_AT + HOUR:
            raise ZeroDivisionError("nothing to divide by")
        return right.judging.verdict(look, counts, state)

    wrong = replace(right, judging=replace(right.judging, verdict=spoilt))
    monkeypatch.setattr(backtest_check, "find", lambda _name: wrong)
    result = backtest(load(declare(tmp_path)), *LAST_DAY)
    (fault,) = result.faults
    assert (fault.window_start, fault.windows) == (SPOILT_AT, 1)
    assert fault.says.startswith('kind "volume" raises: ZeroDivisionError (')
    assert result.looks == 23


def test_looks_of_a_beat_that_no_one_question_answers_for_ask_each_for_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plays(tmp_path)
    often = load(declare(tmp_path, DECLARED + 'every = "15m"\n'))
    whole = backtest(often, *LAST_DAY)
    answered, refused = read_at_once, list[datetime]()

    def sometimes(run: CheckRun, need: Needs[Any]) -> Any:
        if run.grid.end.minute == 30:
            refused.append(run.grid.end)
            raise SourceError("a window between spoils it")
        return answered(run, need)

    monkeypatch.setattr(backtest_check, "read_at_once", sometimes)
    assert backtest(often, *LAST_DAY) == whole
    assert len(refused) == 1
    assert (whole.looks, whole.faults) == (96, ())


def test_where_no_look_can_be_taken_it_stops(tmp_path: Path) -> None:
    plays(tmp_path, price="n/a")
    file = declare(tmp_path, DECLARED.partition("[tables")[0] + PRICED)
    with pytest.raises(SourceError, match="ConversionException"):
        door.backtest(file, SPOILT_AT, SPOILT_AT + HOUR)


def test_without_a_check_there_is_nothing_to_walk(tmp_path: Path) -> None:
    plays(tmp_path)
    with pytest.raises(ConfigurationError, match=r"\[checks.NAME\]"):
        door.backtest(declare(tmp_path, DECLARED.partition("[checks")[0]), *LAST_DAY)


MORE = """
[checks.fresh]
kind = "freshness"
table = "plays"
history = "2d"
"""


def test_checks_walked_at_once_come_to_what_they_come_to_one_after_the_other(tmp_path: Path) -> None:
    plays(tmp_path, price="free")
    recommender = load(declare(tmp_path, DECLARED + PRICED + MORE))
    steps: list[tuple[int, int]] = []
    serial = backtest(recommender, *LAST_DAY, jobs=1)
    parallel = backtest(recommender, *LAST_DAY, lambda done, in_all: steps.append((done, in_all)), jobs=2)
    assert serial.faults
    assert parallel == serial
    assert parallel.model_dump_json() == serial.model_dump_json()
    assert steps[-1] == (72, 72)


def test_a_backtest_that_was_stopped_goes_on_after_the_checks_it_had_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plays(tmp_path, price="free")
    recommender, file = load(declare(tmp_path, DECLARED + PRICED + MORE)), tmp_path / "kept.jsonl"
    whole = backtest(recommender, *LAST_DAY)
    asked: list[str] = []

    def stops_at(name: str | None) -> None:
        def walked(recommender: Any, check: str, *rest: Any) -> Any:
            asked.append(check)
            if check == name:
                raise KeyboardInterrupt
            return backtest_checks.walked_before(recommender, check, *rest)  # type: ignore[attr-defined]

        monkeypatch.setattr(backtest_checks, "walked", walked)

    monkeypatch.setattr(backtest_checks, "walked_before", backtest_checks.walked, raising=False)
    stops_at("paid")
    with pytest.raises(KeyboardInterrupt):
        backtest(recommender, *LAST_DAY, resume=file)
    assert asked == ["rows", "paid"]
    with file.open("a") as kept:
        kept.write('{"check": "paid", "looks": [{"at": "2026')  # killed while it wrote
    asked.clear()
    stops_at(None)
    assert backtest(recommender, *LAST_DAY, resume=file).model_dump_json() == whole.model_dump_json()
    assert asked == ["paid", "fresh"]
    asked.clear()
    assert backtest(recommender, *LAST_DAY, resume=file) == whole
    assert asked == []


def test_what_was_kept_of_another_backtest_is_not_taken_up(tmp_path: Path) -> None:
    plays(tmp_path)
    path, file = declare(tmp_path), tmp_path / "kept.jsonl"
    backtest(load(path), *LAST_DAY, resume=file)
    with pytest.raises(
        ConfigurationError, match="another declaration, from and to other days, or without --png"
    ):
        backtest(load(path), START + 8 * DAY, LAST_DAY[1], resume=file)
    with pytest.raises(ConfigurationError, match="without --png"):
        backtest(load(path), *LAST_DAY, resume=file, pictured=True)
    with pytest.raises(ConfigurationError, match="another declaration"):
        backtest(load(declare(tmp_path, DECLARED.replace("2d", "3d"))), *LAST_DAY, resume=file)
    with pytest.raises(ConfigurationError, match="is no file of a backtest"):
        backtest(load(path), *LAST_DAY, resume=path)


@pytest.mark.parametrize("kind", ["freshness", "missing"])
def test_looks_by_the_hour_at_days_go_on_while_the_clocks_change(tmp_path: Path, kind: str) -> None:
    change = datetime(2026, 3, 29, 1, tzinfo=UTC)
    at = pd.date_range(change - 40 * DAY, change + 5 * DAY, freq="3h")
    pd.DataFrame({"played_at": at, "price": "1.0"}).to_parquet(tmp_path / "plays.parquet")
    text = DECLARED.replace('window = "1h"', 'window = "1d"').replace('kind = "volume"', f'kind = "{kind}"')
    text = text.replace('history = "2d"', 'every = "1h"').replace(
        '"shop"', '"shop"\ntimezone = "Europe/Berlin"'
    )
    result = door.backtest(declare(tmp_path, text), change - 2 * DAY, change + 2 * DAY)
    assert result.faults == ()
    assert result.looks >= 94
