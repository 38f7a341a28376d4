"""Tables at the terminal, as wide as it is, without ever cutting what identifies a row; and progress."""

from __future__ import annotations

from collections import Counter

import pytest

from bot.cli.terminal import progress, table, widths_within

CHECK, OF = "impressions_by_slice_of_members", "impressions_of_today"
ROWS = [
    (CHECK, OF, "71 % fewer impressions than usual in every country but one"),
    (f"{CHECK}_2", OF, "–"),
]
COLUMNS = ("Check", "Table", "Finding")


@pytest.mark.parametrize("width", ["60", "80", "120", "300"])
def test_no_cell_loses_a_letter_however_narrow_the_terminal_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], width: str
) -> None:
    monkeypatch.setenv("COLUMNS", width)
    table("", COLUMNS, ROWS)
    printed = capsys.readouterr().out
    assert "…" not in printed
    assert max(map(len, printed.splitlines())) <= int(width)
    cells = "".join(part for row in ROWS for cell in row for part in cell.split())
    assert not Counter(cells) - Counter(printed)


def test_names_stay_whole_where_only_a_text_is_too_long(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    table("", COLUMNS, ROWS)
    printed = capsys.readouterr().out
    assert f" {CHECK} " in printed
    assert f" {CHECK}_2 " in printed
    assert printed.count(f" {OF} ") == 2


def test_where_nobody_looks_at_a_terminal_each_row_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    table("", COLUMNS, ROWS)
    lines = [line for line in capsys.readouterr().out.splitlines() if OF in line]
    assert [all(cell in line for cell in row) for line, row in zip(lines, ROWS, strict=True)] == [True, True]


def test_the_room_there_is_goes_to_whoever_lacks_most_and_no_further() -> None:
    assert widths_within(100, [4, 9, 5], [4, 9, 40]) == [4, 9, 40]
    assert widths_within(30, [4, 9, 5], [10, 9, 40]) == [4, 9, 17]
    assert widths_within(5, [1, 1, 1], [9, 9, 9]) == [2, 2, 1]


def test_where_there_is_no_terminal_a_line_says_how_far_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("looking", seconds=0) as step:
        step(40, 1_200)
        step(1_200, 1_200)
    out, err = capsys.readouterr()
    assert (out, err.splitlines()) == ("", ["looking: 40 of 1,200", "looking: 1,200 of 1,200"])


def test_short_work_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("looking") as step:
        step(1, 1)
    assert capsys.readouterr() == ("", "")
