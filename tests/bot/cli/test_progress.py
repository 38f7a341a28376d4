import pytest

from bot.cli.progress import progress


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
