"""The hours in which one person deploys alone, as declared."""

from __future__ import annotations

from datetime import time
from pathlib import Path

import pytest

from domain.errors import ConfigurationError
from domain.values import Hours
from workers.declaration.declare import load

DECLARED = """
[recommender]
name = "radio"
timezone = "Africa/Nairobi"
[tables.plays]
path = "plays.csv"
[hotfixes.calm]
kind = "boost_items"
label = "Popular songs"
causes = ["model"]
deployer = "hooks"
[deployers.hooks]
kind = "webhook"
url = "https://example.org/hook"
secret_env = "HOOK_SECRET"
[permissions]
"""


def declared(folder: Path, line: str) -> Path:
    file = folder / "recsysops.toml"
    file.write_text(DECLARED + line)
    return file


def test_hours_are_those_of_the_recommender_s_zone_and_of_the_kinds_that_are_named(tmp_path: Path) -> None:
    line = 'alone = { from = "08:30", to = "17:00", days = ["tue", "mon"], kinds = ["boost_items"] }'
    recommender = load(declared(tmp_path, line))
    assert recommender.alone("boost_items") == Hours(
        start=time(8, 30), end=time(17), days=(1, 0), zone="Africa/Nairobi"
    )
    assert recommender.alone("block_items") is None


def test_where_no_kind_is_named_they_are_of_all_and_without_days_of_every_day(tmp_path: Path) -> None:
    recommender = load(declared(tmp_path, "alone = { from = 22:00:00, to = 07:00:00 }"))
    for kind in ("boost_items", "a team's own"):
        hours = recommender.alone(kind)
        assert hours is not None
        assert (hours.start, hours.end, hours.days) == (time(22), time(7), tuple(range(7)))
    assert load(declared(tmp_path, "")).alone("boost_items") is None


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('alone = { from = "09:00+02:00", to = "18:00" }', "write it without an offset"),
        ('alone = { from = "9 o\'clock", to = "18:00" }', "permissions.alone.from"),
        ('alone = { from = "09:00" }', "permissions.alone.to"),
        ('alone = { from = "09:00", to = "18:00", days = ["monday"] }', "permissions.alone.days"),
        ('alone = { from = "09:00", to = "18:00", days = [] }', "permissions.alone.days"),
        ('alone = { from = "09:00", to = "18:00", kind = ["x"] }', 'did you mean "kinds"'),
        (
            'alone = { from = "09:00", to = "18:00", kinds = ["boost_item"] }',
            'did you mean "boost_items"',
        ),
        ('alon = { from = "09:00", to = "18:00" }', 'did you mean "alone"'),
    ],
)
def test_hours_that_cannot_be_read_are_refused_with_what_would_be_right(
    tmp_path: Path, line: str, words: str
) -> None:
    with pytest.raises(ConfigurationError) as refused:
        load(declared(tmp_path, line))
    assert words in str(refused.value)
