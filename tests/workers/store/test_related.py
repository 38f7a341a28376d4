"""What is in force, to be followed up, of one cause or in the way of a hotfix, among thousands of others."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from itertools import product
from random import Random
from typing import Any, get_args

import psycopg
import pytest
from sqlalchemy import Engine, func, select

from bot.messages.follow_up import standings
from bot.messages.home import Shown, home
from bot.messages.in_force import in_force
from bot.messages.link import pages_at
from domain.detection.correlate.merging import _is_of
from domain.incident.conflict import shared_target
from domain.incident.decide.rule import ACTING, GOING
from domain.incident.state import Incident, Stage
from domain.values import CauseKind, Diagnosis, Option, Slice, slice_of
from tests.bot.stories import after_story
from tests.workers.conftest import NOON, make_option
from tests.workers.store.test_sums import plan_of, rows_of_cards
from workers.door import Door
from workers.environment.settings import Settings
from workers.respond.resolve.conflicts import against_choosing
from workers.store import cards, related, sums
from workers.store.integrity.verify import _same

MANY = 2_000
SHOWN = 10
LINK = pages_at("https://ops.example")
PARAMETERS: tuple[dict[str, object], ...] = (
    {},
    {"version": "7"},
    {"items": []},
    {"items": ["1", "2"], "feature": "language"},
    {"items": [2, 3], "feature": "language"},
    {"items": ["3"], "feature": "length"},
    {"items": ("4",)},
    {"slice": {"genre": "Drama"}},
)


def numbered(like: Incident, number: int, **changes: Any) -> Incident:
    return like.model_copy(update={"stream": f"incident-{number}", "number": number, **changes})


def keep(log: Engine, incidents: list[Incident]) -> list[Incident]:
    with log.begin() as connection:
        for one in incidents:
            cards.keep(connection, one)
    return [cards.kept_of(one) for one in incidents]


@pytest.fixture
def crowd(log: Engine, owner: psycopg.Connection) -> list[Incident]:
    """Incidents whose hotfix is in force, and as many whose follow-up is not done, in no order of time."""
    acting, followed, random = (
        after_story("in stages")[0],
        after_story("change in a pull request")[0],
        Random(5),
    )
    assert acting.hotfix is not None
    assert followed.followed is not None
    made = []
    for n in range(1, MANY, 2):
        due = random.choice((None, NOON + timedelta(hours=random.randrange(MANY))))
        hotfix = acting.hotfix.model_copy(update={"expires_at": due})
        option = make_option(key=hotfix.option, parameters={"items": [str(n)], "feature": "language"})
        made.append(numbered(acting, n, hotfix=hotfix, menu=(option,)))
        to_do = followed.followed.model_copy(update={"due_at": due})
        made.append(numbered(followed, n + 1, followed=to_do, hotfix=None))
    kept = keep(log, made)
    owner.execute("VACUUM ANALYZE cards")
    return kept


@pytest.fixture
def door(database_url: str, redis_url: str) -> Iterator[Door]:
    yield Door(Settings(database_url=database_url, broker_url=redis_url))


def test_home_shows_the_first_of_all_and_how_many_there_are_and_reads_only_what_it_shows(
    door: Door, crowd: list[Incident], read_cards: list[str]
) -> None:
    at = NOON + timedelta(days=20)
    ends = in_force(door.in_force(SHOWN), at)
    due = standings(door.followed(SHOWN), at)
    assert len(read_cards) == 2 * SHOWN
    assert ends == in_force(crowd, at)[:SHOWN]
    assert due == standings(crowd, at)[:SHOWN]
    assert door.lasting() == (MANY / 2, MANY / 2)
    view = str(home(Shown((), (), {}, {}, ends, due, door.lasting()), LINK))
    assert view.count(f"and {MANY // 2 - SHOWN} more") == 2
    assert len(read_cards) == 2 * SHOWN


def test_all_of_them_are_listed_to_whoever_asks_for_all(door: Door, crowd: list[Incident]) -> None:
    assert in_force(door.in_force(), NOON) == in_force(crowd, NOON)
    assert standings(door.followed(), NOON) == standings(crowd, NOON)


@pytest.mark.usefixtures("crowd")
def test_a_hotfix_is_held_against_those_that_act_on_the_same_item_and_no_other_card_is_read(
    log: Engine, door: Door, read_cards: list[str]
) -> None:
    incident = numbered(after_story("offered")[0], MANY + 1)
    option = make_option(parameters={"items": ["77", "no other"], "feature": "language"})
    with log.connect() as connection:
        words = against_choosing(connection, incident, option.model_copy(update={"deployer": "overrides"}))
        assert words is not None
        assert "of #77 " in words
        assert len(read_cards) == 1
        elsewhere = make_option(parameters={"items": ["no other"], "feature": "language"})
        assert against_choosing(connection, incident, elsewhere) is None
    assert len(read_cards) == 1


@pytest.mark.usefixtures("crowd")
def test_what_is_shown_first_is_found_by_an_index(log: Engine) -> None:
    columns = cards._CARDS.c
    with log.connect() as connection:
        for column in ("expires_at", "follow_up_due"):
            query = f"SELECT stream FROM cards WHERE {column} IS NOT NULL ORDER BY {column} LIMIT {SHOWN}"
            assert rows_of_cards(plan_of(connection, query, {})) <= 2 * SHOWN
            count = select(func.count()).where(columns[column].is_not(None))
            assert connection.execute(count).scalar_one() == MANY / 2
        asked = {"deployer": "x", "name": "x", "version": False, "items": ["x"]}
        assert rows_of_cards(plan_of(connection, related._ACTING_ON, asked)) <= MANY / 2


def test_whatever_shares_a_target_is_found_whatever_stage_it_is_in(log: Engine) -> None:
    like = after_story("in stages")[0]
    assert like.hotfix is not None
    options = [
        make_option(key="other", deployer=deployer, hotfix=name, parameters=given, by_slice=by_slice)
        for deployer, name, given, by_slice in product("ab", "xy", PARAMETERS, (True, False))
    ]
    held = keep(
        log,
        [
            numbered(
                like,
                n,
                menu=(make_option(key="first"), option),
                hotfix=like.hotfix.model_copy(update={"option": "other", "stage": stage}),
            )
            for n, (option, stage) in enumerate(product(options, get_args(Stage)), 1)
        ],
    )
    going = [one for one in held if one.hotfix and one.hotfix.stage in GOING]

    def theirs(one: Incident) -> Option:
        return (one.menu or ())[1]

    with log.connect() as connection:
        for option in options:
            found = related.acting_on(connection, option)
            sharing = [one for one in going if shared_target(option, theirs(one))]
            assert {one.stream for one in sharing} <= {one.stream for one in found}
            assert {one.stream for one in found} <= {one.stream for one in going}
            assert len(found) <= max(len(going) / 4, 2 * len(sharing))
        acting = cards.in_force(connection)
    assert {one.stream for one in acting} == {
        one.stream for one in held if one.hotfix and one.hotfix.stage in ACTING
    }


def test_whatever_is_of_the_same_cause_is_found_oldest_first(log: Engine) -> None:
    like, random = after_story("diagnosed")[0], Random(3)
    places: tuple[Slice, ...] = ((), slice_of(genre="Drama"), slice_of(genre="Drama", country="France"))
    causes = [
        Diagnosis(cause="…", cause_kind=kind, object=name, place=place)
        for kind, name, place in product((*get_args(CauseKind)[:3], "unknown"), ("a", 'b"', None), places)
    ]
    statuses = ("open", "acknowledged", "resolved", "closed")
    held = keep(
        log,
        [
            numbered(like, n, diagnosis=random.choice((*causes, None)), status=random.choice(statuses))
            for n in range(1, 300)
        ],
    )
    for cause in causes:
        found = list(related.of_one_cause(log, cause))
        assert [one for one in held if _is_of(one, cause)] == [one for one in found if _is_of(one, cause)]
        assert {one.diagnosis for one in found} <= {cause}


@pytest.mark.parametrize(
    "text",
    ["", "no JSON", "[]", "7", '{"first_finding": 7}', '{"also": 7}', '{"menu": {"key": []}, "hotfix": ""}'],
)
def test_what_is_no_card_is_found_by_nothing_and_stops_no_query(
    log: Engine, owner: psycopg.Connection, text: str
) -> None:
    cause = Diagnosis(cause="…", cause_kind="feature", object="language")
    kept = keep(log, [numbered(after_story("diagnosed")[0], n, diagnosis=cause) for n in (1, 2)])
    owner.execute("UPDATE cards SET incident = %s WHERE number = 1", [text])
    assert list(related.of_one_cause(log, cause)) == kept[1:]
    with log.connect() as connection:
        assert related.acting_on(connection, make_option()) == []


def test_nobody_writes_what_a_card_is_found_by_and_whoever_writes_the_rest_is_noticed(
    log: Engine, owner: psycopg.Connection
) -> None:
    (one,) = keep(log, [after_story("change in a pull request")[0]])
    with pytest.raises(psycopg.errors.GeneratedAlways):
        owner.execute("UPDATE cards SET found_by = '{}'")
    owner.execute("UPDATE cards SET follow_up_due = '2031-01-01 UTC'")
    with log.connect() as connection:
        card = connection.execute(select(cards._CARDS)).mappings().one()
        assert not _same(card, one)
        assert cards.not_ours(connection, [one.stream]) == [one.stream]
        assert sums.lasting(connection) == (1, 1)
