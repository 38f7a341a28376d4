"""A digest of the scorecard is due once a week at the declared moment, whatever happens to the clock."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine

from domain.errors import ConfigurationError, Tampered
from domain.incident.events import DIGESTS, DigestDue, NoteAdded
from domain.recommender.recommender import Recommender
from domain.values import Actor
from workers.audit.digest import digest_tick
from workers.declaration.declare import load
from workers.log import cardless
from workers.log.digests import record_due
from workers.process import schedule
from workers.process.schedule import DIGEST_SECONDS, declared_ticks
from workers.store.integrity.verify import verify
from workers.store.log.encoder import Origin
from workers.store.log.events import append, head_of, read_stream

MONDAY = datetime(2026, 3, 2, 8, tzinfo=UTC)  # nine o'clock in Berlin, in winter
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
SHOP = '[recommender]\nname = "shop"\ntimezone = "Europe/Berlin"\n[tables.views]\npath = "views.parquet"\n'
WEEKLY = '[scorecard]\nweekly = "mon 09:00"\n'
Declare = Callable[..., Recommender]


@pytest.fixture
def declared(tmp_path: Path) -> Declare:
    def write(section: str = WEEKLY) -> Recommender:
        file = tmp_path / "recsysops.toml"
        file.write_text(SHOP + section)
        return load(file, {})

    return write


def due(log: Engine) -> list[datetime]:
    with log.connect() as connection:
        found = read_stream(connection, DIGESTS)
    return [one.event.due_at for one in found if isinstance(one.event, DigestDue)]


def tick(log: Engine, recommender: Recommender, *moments: datetime) -> list[bool]:
    return [digest_tick(log, recommender, at) for at in moments]


def test_it_is_due_once_a_week_at_the_moment_that_is_declared(log: Engine, declared: Declare) -> None:
    ticks = [MONDAY + (n - 3) * MINUTE for n in range(8)]
    assert tick(log, declared(), *ticks) == [False, False, False, True, False, False, False, False]
    assert tick(log, declared(), *(MONDAY + n * DAY for n in range(1, 9))) == [False] * 6 + [True, False]
    assert due(log) == [MONDAY, MONDAY + 7 * DAY]


def test_it_goes_by_the_clocks_of_the_recommenders_zone(log: Engine, declared: Declare) -> None:
    summer = datetime(2026, 3, 30, 7, tzinfo=UTC)
    assert tick(log, declared(), summer - MINUTE, summer) == [False, True]
    assert due(log) == [summer]


def test_two_clocks_at_once_say_it_once(log: Engine, declared: Declare) -> None:
    recommender = declared()
    tick(log, recommender, MONDAY - MINUTE)
    with ThreadPoolExecutor(8) as clocks:
        list(clocks.map(lambda n: digest_tick(log, recommender, MONDAY + n * MINUTE), range(8)))
    assert due(log) == [MONDAY]


def test_a_clock_that_commits_between_two_questions_of_another_is_not_taken_for_a_stranger(
    log: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    due_now, others = DigestDue(due_at=MONDAY, recommender="shop"), iter([record_due])

    def then_another(ask: Callable[[Connection, str], object]) -> Callable[[Connection, str], object]:
        def asked(connection: Connection, key: str) -> object:
            said = ask(connection, key)
            for record in others:
                record(log, due_now, MONDAY)
            return said

        return asked

    for question in ("answer", "taken"):
        monkeypatch.setattr(cardless, question, then_another(getattr(cardless, question)))
    record_due(log, due_now, MONDAY)
    assert next(others, None) is None, "the other did commit in between"
    assert due(log) == [MONDAY]


@pytest.mark.parametrize(("back", "made_up"), [(DAY, True), (DAY + MINUTE, False)])
def test_a_clock_that_was_down_makes_it_up_within_a_day_and_not_later(
    log: Engine, declared: Declare, back: timedelta, made_up: bool
) -> None:
    tick(log, declared(), MONDAY - 3 * DAY)
    assert tick(log, declared(), MONDAY + back) == [made_up]
    assert due(log) == ([MONDAY] if made_up else [])


def test_of_several_weeks_that_a_clock_was_down_only_the_newest_is_due(
    log: Engine, declared: Declare
) -> None:
    tick(log, declared(), MONDAY - MINUTE)
    tick(log, declared(), MONDAY + 14 * DAY + MINUTE)
    assert due(log) == [MONDAY + 14 * DAY]


def test_a_moment_before_it_was_declared_is_not_due(log: Engine, declared: Declare) -> None:
    assert tick(log, declared(), MONDAY, MONDAY + 5 * MINUTE) == [False, False]
    assert tick(log, declared(), MONDAY + 7 * DAY) == [True]


def test_moved_to_an_hour_that_is_past_it_waits_for_the_next_week(log: Engine, declared: Declare) -> None:
    tick(log, declared(), MONDAY - MINUTE, MONDAY)
    noon = declared('[scorecard]\nweekly = "mon 12:00"\n')
    later = MONDAY + timedelta(hours=3)
    assert tick(log, noon, later + MINUTE, later + 7 * DAY) == [False, True]
    assert due(log) == [MONDAY, later + 7 * DAY]


@pytest.mark.parametrize("section", ["", '[scorecard]\nchannel = "#practice"\n'])
def test_without_a_moment_none_is_due_and_the_clock_does_not_ask(
    log: Engine, declared: Declare, section: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert tick(log, declared(section), MONDAY - MINUTE, MONDAY) == [False, False]
    monkeypatch.setattr(schedule, "recommender", lambda: declared(section))
    assert "recsysops.digest" not in declared_ticks().every


def test_the_clock_asks_each_minute_where_one_is_declared(
    declared: Declare, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schedule, "recommender", declared)
    assert declared_ticks().every["recsysops.digest"] == DIGEST_SECONDS == 60.0


def test_the_chain_holds_and_what_is_no_digest_is_found_in_their_stream(log: Engine) -> None:
    for recommender in ("shop", "renamed"):
        record_due(log, DigestDue(due_at=MONDAY, recommender=recommender), MONDAY)
    assert due(log) == [MONDAY]
    assert verify(log).streams == 1
    with log.begin() as connection:
        origin = Origin(actor=Actor(kind="person", id="U1"), key="b", at=MONDAY)
        append(connection, head_of(connection, DIGESTS), [NoteAdded(text="slipped in")], origin)
    with pytest.raises(Tampered, match="is of an incident, and stands in the stream of the digests"):
        verify(log)


@pytest.mark.parametrize(
    ("written", "right"),
    [
        ("mom 09:00", '"mom" is no weekday; did you mean "mon"?'),
        ("Monday 09:00", '"Monday" is no weekday; did you mean "mon"?'),
        ("xyz 09:00", '"xyz" is no weekday; choose from fri, mon, sat, sun, thu, tue, wed'),
        ("mon", 'write a weekday and a time of day, for instance "mon 09:00"'),
        ("mon 9:00", 'write a weekday and a time of day, for instance "mon 09:00"'),
        ("mon 24:00", 'write a weekday and a time of day, for instance "mon 09:00"'),
        ("09:00", 'write a weekday and a time of day, for instance "mon 09:00"'),
        ("", 'write a weekday and a time of day, for instance "mon 09:00"'),
    ],
)
def test_a_wrong_moment_is_an_error_with_its_line_and_what_would_be_right(
    declared: Declare, written: str, right: str
) -> None:
    with pytest.raises(ConfigurationError) as raised:
        declared(f'[scorecard]\nweekly = "{written}"\n')
    assert f"recsysops.toml:7: scorecard.weekly: {right}" in str(raised.value)


def test_a_wrong_key_is_an_error_with_the_nearest_right_one(declared: Declare) -> None:
    with pytest.raises(ConfigurationError, match=r'scorecard\.wekly: unknown key; did you mean "weekly"'):
        declared('[scorecard]\nwekly = "mon 09:00"\n')
