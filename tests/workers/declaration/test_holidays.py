from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from domain.errors import ConfigurationError
from tests.workers.declaration.test_declare import GOOD, declared
from workers.declaration.holidays import holidays_of

NAME = 'name = "shop"\n'


def with_holidays(folder: Path, written: str) -> frozenset[date]:
    return declared(folder, GOOD.replace(NAME, f"{NAME}holidays = {written}\n")).holidays.days


def test_the_holidays_of_a_country_and_of_a_part_of_it_are_looked_up(tmp_path: Path) -> None:
    germany = with_holidays(tmp_path, '"DE"')
    bavaria = with_holidays(tmp_path, '"DE-BY"')
    assert date(2026, 10, 3) in germany
    assert date(2026, 1, 6) in bavaria - germany


def test_days_of_ones_own_are_written_beside_countries_as_days_or_as_texts(tmp_path: Path) -> None:
    days = with_holidays(tmp_path, '["DE", 2026-12-24, "2026-12-31"]')
    assert {date(2026, 12, 24), date(2026, 12, 25), date(2026, 12, 31)} <= days
    assert with_holidays(tmp_path, "2026-11-27") == {date(2026, 11, 27)}


def test_nothing_is_a_holiday_where_none_is_declared(tmp_path: Path) -> None:
    assert declared(tmp_path, GOOD).holidays.days == frozenset()


def test_a_holiday_is_like_the_last_day_of_the_weekend_there() -> None:
    assert holidays_of("DE")[0].rest == 6
    assert holidays_of("IL")[0].rest == 5


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ('"Germany"', "'Germany' is not known; did you mean \"DE\"?"),
        ('"de-by"', "'de-by' is not known; did you mean \"DE-BY\"?"),
        ('"DE-XX"', "'DE-XX' is not known; write \"DE\", or one of DE-BB, "),
        ('"LI-1"', "'LI-1' is not known; write \"LI\""),
        ('["DE", 25]', "25 is neither a country nor a day; write a country"),
        ('"XQ"', "a country is written by its two letters of ISO 3166"),
    ],
)
def test_what_is_no_country_is_said_with_its_line_and_what_would_be_right(
    tmp_path: Path, written: str, says: str
) -> None:
    with pytest.raises(ConfigurationError) as error:
        with_holidays(tmp_path, written)
    assert "recsysops.toml:3: recommender.holidays: " in str(error.value)
    assert says in str(error.value)
