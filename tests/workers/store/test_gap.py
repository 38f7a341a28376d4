from __future__ import annotations

from benchmarks.gap.race import race

SECONDS = 5.0


def test_a_follower_misses_nothing_and_sees_nothing_twice_while_writers_linger_give_up_and_are_killed(
    database_url: str,
) -> None:
    outcome = race("store", database_url, SECONDS)
    assert (outcome.missed, outcome.twice) == (0, 0)
    assert outcome.events > 100
    assert outcome.killed > 0


def test_the_same_race_over_an_identity_column_misses_some(database_url: str) -> None:
    assert race("identity", database_url, SECONDS).missed > 0
