"""Who is in which user group: known before anybody presses, whatever Slack does meanwhile."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.settings import BotSettings
from bot.slack import groups as groups_module
from bot.slack.groups import FRESH_SECONDS, Groups
from domain.incident.permitted import STALE
from tests.bot.slack.test_announce import submit
from tests.bot.stories import DIAGNOSED, OFFERED, OPENED
from tests.bot.test_directory import Clock
from tests.bot.workspace.driver import Driver
from workers.door import Door

MANY = 42


@pytest.fixture
def client(given: BotSettings) -> AsyncWebClient:
    return AsyncWebClient(token=given.bot_token, base_url=given.slack_base_url)


@asynccontextmanager
async def begun(groups: Groups) -> AsyncIterator[Groups]:
    await groups.begin()
    yield groups
    await groups.end()


async def test_however_many_groups_there_are_slack_is_asked_once(
    client: AsyncWebClient, door: Door, person: Driver
) -> None:
    for number in range(MANY):
        person.group(f"team_{number}", ["U-lead"])
    groups = Groups(client, door)
    assert await groups.refresh()
    assert len(groups.of("U-lead")[0]) == MANY + 1
    assert person.calls("usergroups.list") == 1
    assert person.calls("usergroups.users.list") == 0


async def test_while_slack_asks_to_wait_nobody_who_is_known_is_refused_for_an_hour(
    client: AsyncWebClient, door: Door, person: Driver
) -> None:
    clock = Clock()
    groups = Groups(client, door, clock)
    assert await groups.refresh()
    person.fault("ratelimited", method="usergroups.list", count=50, retry_after=30)
    clock.now += STALE.total_seconds() - 1
    assert not await groups.refresh()
    assert groups.of("U-oncall") == (("ml", "oncall"), True)
    clock.now += 1
    assert groups.of("U-oncall") == (("ml", "oncall"), False)


@pytest.mark.parametrize("fault", ["ratelimited", "server_error", "drop_before_effect"])
async def test_a_process_that_starts_while_slack_is_away_knows_what_another_one_was_told(
    client: AsyncWebClient, door: Door, person: Driver, fault: str
) -> None:
    assert await Groups(client, door).refresh()
    person.fault(fault, method="usergroups.list", count=50)
    async with begun(Groups(client, door)) as later:
        assert later.of("U-lead") == (("leads",), True)


async def test_a_process_that_knows_nothing_says_so(
    client: AsyncWebClient, door: Door, person: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(groups_module, "FIRST_SECONDS", 0.1)
    person.fault("server_error", method="usergroups.list", count=50)
    async with begun(Groups(client, door)) as groups:
        assert groups.of("U-lead") == ((), False)


async def test_of_two_processes_only_one_asks(client: AsyncWebClient, door: Door, person: Driver) -> None:
    async with begun(Groups(client, door)), begun(Groups(client, door)) as other:
        assert other.of("U-lead") == (("leads",), True)
    assert person.calls("usergroups.list") == 1


async def test_what_is_kept_says_when_slack_said_it_and_a_future_time_is_not_believed(
    client: AsyncWebClient, door: Door
) -> None:
    assert door.kept_groups() is None
    assert await Groups(client, door).refresh()
    kept = door.kept_groups()
    assert kept is not None
    assert kept.of("U-oncall") == ("ml", "oncall")
    assert 0 <= kept.age_seconds < FRESH_SECONDS
    door.keep_groups({"leads": ["U-lead"]}, {}, age_seconds=-36_000)
    async with begun(Groups(client, door)) as groups:
        assert groups.of("U-oncall") == (("ml", "oncall"), True)


async def test_an_answer_from_before_a_change_brings_nobody_back_who_has_left(
    client: AsyncWebClient, door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    groups = Groups(client, door, clock)
    assert await groups.refresh()
    oncall = next(one for one, handle in groups._handles.items() if handle == "oncall")
    answer = client.usergroups_list

    async def overtaken(*, include_users: bool) -> AsyncSlackResponse:
        listed = await answer(include_users=include_users)
        await groups.changed({"subteam_id": oncall, "removed_users": ["U-oncall"]})
        return listed

    monkeypatch.setattr(client, "usergroups_list", overtaken)
    assert await groups.refresh()
    assert groups.of("U-oncall") == (("ml",), True)
    kept = door.kept_groups()
    assert kept is not None
    assert kept.of("U-oncall") == ("ml",)
    assert groups._ask_at <= clock.now  # and Slack is asked again at once


@pytest.mark.usefixtures("web")
def test_who_leaves_a_group_may_no_longer_press_though_slack_answers_nothing_more(
    door: Door, person: Driver
) -> None:
    stream = submit(door, OPENED, DIAGNOSED, OFFERED)
    person.fault("ratelimited", method="usergroups.list", count=50)
    assert person.group("oncall", []).error == ""
    person.wait(lambda: not _of(door, "oncall"), "change")
    person.command("declare it", user="U-oncall")  # still in @ml
    assert person.wait(person.modal, "modal")
    assert person.group("ml", ["U-ml"]).error == ""
    person.wait(lambda: "U-oncall" not in _of(door, "ml"), "change")
    person.command("declare it again", user="U-oncall")
    assert "Only" in person.wait(person.ephemerals, "refusal")[0]["text"]
    assert door.incident(stream) is not None


def _of(door: Door, handle: str) -> tuple[str, ...]:
    kept = door.kept_groups()
    return kept.members.get(handle, ()) if kept else ("nobody knows",)


@pytest.mark.usefixtures("web")
def test_who_joins_a_group_may_press_at_once(door: Door, person: Driver) -> None:
    person.wait(lambda: _of(door, "ml") == ("U-ml", "U-oncall"), "groups")
    assert person.group("ml", ["U-ml", "U-content"]).error == ""
    person.wait(lambda: "U-content" in _of(door, "ml"), "change")
    person.command("declare it", user="U-content")
    assert person.wait(lambda: person.modal("U-content"), "modal")


@pytest.mark.usefixtures("web")
def test_no_press_and_no_command_waits_for_groups(door: Door, person: Driver) -> None:
    submit(door, OPENED)
    person.wait(lambda: _of(door, "oncall") == ("U-oncall",), "groups")
    asked = person.calls("usergroups.list")
    person.fault("slow", method="usergroups.list", delay_seconds=20.0, count=50)
    person.group("leads", ["U-lead"])  # begins to ask, and does not get an answer for 20 s
    for _ in range(3):
        assert person.command("status").error == ""
    person.command("declare it")
    assert person.wait(person.modal, "modal")
    assert person.calls("usergroups.list") == asked + 1


def test_a_wait_that_slack_does_not_name_is_a_short_one() -> None:
    answers: list[Any] = [OSError(), TimeoutError()]
    assert {groups_module.retry_after(one) for one in answers} == {5.0}
