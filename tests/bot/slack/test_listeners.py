"""People press in the workspace; the log shows the result."""

from __future__ import annotations

import json
import queue
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from slack_sdk.signature import SignatureVerifier
from structlog.testing import capture_logs

from bot.messages.incident.value import parse, spell
from bot.slack.announce import Announcer
from domain.incident.commands import AcceptFollowUp, AssignFollowUp, Command, LookAgain, PrepareMenu, Resolve
from domain.incident.menu import digest_of
from domain.incident.state import Incident
from domain.values import Actor
from tests.bot.conftest import SECRET, settle
from tests.bot.slack.test_announce import heads, submit
from tests.bot.stories import (
    APPLIED,
    DIAGNOSED,
    MENU,
    OFFERED,
    OPENED,
    PROPOSED,
    TICKET,
    TICKET_CLOSED,
    VERIFIED,
    WAY,
)
from tests.bot.workspace.driver import Answered, Driver
from tests.domain.incident.given import ON_CALL, WORKER
from workers.door import Door

pytestmark = pytest.mark.usefixtures("web")


@pytest.fixture
def stream(door: Door, announcer: Announcer) -> str:
    """An incident with its menu, announced."""
    opened = submit(door, OPENED)
    door.submit(opened, *DIAGNOSED, "diagnosis")
    door.submit(opened, *OFFERED, "menu")
    settle(announcer)
    return opened


@pytest.fixture
def now(door: Door, stream: str) -> Callable[[], Incident]:
    def look() -> Incident:
        incident = door.incident(stream)
        assert incident is not None
        return incident

    return look


def press(person: Driver, action: str, user: str = "U-oncall", **more: Any) -> Answered:
    return person.press(action, user=user, message=heads(person)[0], **more)


def deploy(person: Driver, sign: str, user: str = "U-oncall") -> Answered:
    """Press the Deploy button beside the option with this sign."""
    for block in heads(person)[0]["blocks"]:
        if sign in str(block.get("accessory")):
            return press(person, "deploy", user, block_id=block["block_id"])
    raise AssertionError(f"no Deploy button {sign}")


def test_i_have_it(person: Driver, now: Callable[[], Incident]) -> None:
    answered = press(person, "acknowledge")
    assert answered.error == ""
    assert now().acknowledged_by == "slack:U-oncall"
    assert person.ephemerals() == []


def test_a_press_is_written_down_before_slack_is_answered_and_quickly(
    person: Driver, now: Callable[[], Incident]
) -> None:
    press(person, "acknowledge", "U-ml")  # the first one also asks Slack who the bot is
    answered = press(person, "acknowledge")
    assert now().assignee == "slack:U-oncall"
    assert answered.status == 200


def test_a_press_delivered_twice_counts_once(person: Driver, now: Callable[[], Incident]) -> None:
    before = now().version
    person.fault("twice", method="block_actions")
    press(person, "acknowledge")  # answered once both deliveries are, and these once it is written
    person.wait(lambda: now().version > before, "press in the log")
    assert now().version == before + 1


def test_looking_again_is_asked_for_in_the_message_and_shown_there(
    announcer: Announcer, person: Driver, now: Callable[[], Incident]
) -> None:
    before = now().version
    press(person, "look_again", "U-content")
    assert person.wait(lambda: person.ephemerals("U-content"), "refusal")
    assert now().version == before
    press(person, "look_again")
    assert now().awaits["diagnose"][0] == now().last_event_id
    settle(announcer)
    shown = json.dumps(heads(person)[0]["blocks"])
    assert "Being diagnosed again" in shown
    assert '"look_again"' not in shown


def test_somebody_in_no_group_is_told_so_and_nothing_happens(
    person: Driver, now: Callable[[], Incident]
) -> None:
    before = now()
    with capture_logs() as lines:
        press(person, "acknowledge", "U-content")
        refused = person.wait(lambda: person.ephemerals("U-content"), "refusal")
    assert "@oncall" in refused[0]["text"]
    assert now().version == before.version
    (line,) = [line for line in lines if line["event"] == "press_refused"]
    assert "@oncall" in line["why"]
    assert (line["by"], line["pressed"]) == ("U-content", "acknowledge")
    assert before.stream in line["of"]


def test_a_hotfix_is_chosen_and_a_second_person_approves(
    door: Door, announcer: Announcer, person: Driver, now: Callable[[], Incident]
) -> None:
    deploy(person, "③", "U-ml")
    hotfix = now().hotfix
    assert hotfix is not None
    assert (hotfix.option, hotfix.stage) == (MENU[2].key, "chosen")
    settle(announcer)
    press(person, "approve", "U-ml")
    assert "second person" in person.wait(lambda: person.ephemerals("U-ml"), "refusal")[0]["text"]
    press(person, "approve", "U-lead")
    approved = now().hotfix
    assert approved is not None
    assert (approved.stage, approved.approved_by) == ("approved", "slack:U-lead")


def test_two_people_press_at_once_and_the_second_is_told_so(
    person: Driver, now: Callable[[], Incident]
) -> None:
    deploy(person, "①", "U-oncall")
    deploy(person, "②", "U-ml")
    assert "<@U-oncall> was first" in person.wait(lambda: person.ephemerals("U-ml"), "answer")[0]["text"]
    hotfix = now().hotfix
    assert hotfix is not None
    assert hotfix.option == MENU[0].key


def test_a_modal_opens_at_once_and_its_words_are_kept(
    door: Door, person: Driver, now: Callable[[], Incident]
) -> None:
    press(person, "more", value=value_of_more(person, "note"))
    person.wait(person.modal, "modal")
    person.submit({"text": "The supplier has been called."})
    assert any("supplier" in str(record.event) for record in door.events(now().stream))
    assert person.modal() is None


def test_break_glass_is_for_those_who_are_named_and_asks_for_a_reason(
    announcer: Announcer, person: Driver, now: Callable[[], Incident]
) -> None:
    deploy(person, "③")
    settle(announcer)
    press(person, "break_glass", "U-ml")
    assert (
        "Only <@U-oncall> may do this. Ask one of them."
        in person.wait(lambda: person.ephemerals("U-ml"), "refusal")[0]["text"]
    )
    press(person, "break_glass")
    person.wait(person.modal, "modal")
    assert "Say why it cannot wait" in str(person.submit({"reason": " "}))
    person.submit({"reason": "Nobody answers."})
    hotfix = now().hotfix
    assert hotfix is not None
    assert (hotfix.stage, hotfix.break_glass) == ("approved", "Nobody answers.")


def test_a_wrong_severity_is_put_right_from_the_more_menu(
    person: Driver, now: Callable[[], Incident]
) -> None:
    press(person, "more", value=value_of_more(person, "correct"))
    person.wait(person.modal, "modal")
    form = {"what": f"severity|{now().stream}:1", "right": "SEV5", "reason": "a slip"}
    assert "is not a severity" in str(person.submit(form))
    person.submit({**form, "right": "SEV1"})
    assert now().severity == "SEV1"
    assert person.modal() is None


def test_who_may_no_more_when_the_form_is_sent_is_told_so_in_it(
    person: Driver, door: Door, now: Callable[[], Incident]
) -> None:
    press(person, "dismiss")
    person.wait(person.modal, "modal")
    before = now().version
    for handle in ("oncall", "ml"):
        person.group(handle, ["U-ml"])
    person.wait(lambda: not _in_a_group(door, "U-oncall"), "word that they have left")
    assert "Only members of @oncall or @ml" in str(person.submit({"reason": "A holiday."}))
    assert now().version == before


def _in_a_group(door: Door, user: str) -> bool:
    kept = door.kept_groups()
    return kept is None or bool(kept.of(user))


def value_of_more(person: Driver, action: str) -> str:
    for block in heads(person)[0]["blocks"]:
        for element in block.get("elements", []):
            if element.get("type") == "overflow":
                return next(str(o["value"]) for o in element["options"] if o["value"].startswith(action))
    raise AssertionError(f"no {action} under More")


def test_it_cannot_be_closed_before_the_follow_up_is_answered(
    door: Door, announcer: Announcer, person: Driver, now: Callable[[], Incident]
) -> None:
    deploy(person, "①")
    steps: list[tuple[Command, Actor]] = [APPLIED, VERIFIED, PROPOSED]
    for number, (command, actor) in enumerate(steps):
        door.submit(now().stream, command, actor, f"step {number}")
    settle(announcer)
    press(person, "close")
    assert "follow-up is missing" in person.wait(person.ephemerals, "refusal")[0]["text"]
    press(person, "follow_up_accept")
    settle(announcer)
    press(person, "close")
    assert now().status == "closed"


class Ear:
    """A response_url of our own, for a press that no message in the workspace offers any more."""

    def __init__(self) -> None:
        said: queue.Queue[str] = queue.Queue()

        class Listening(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                said.put(self.rfile.read(int(self.headers["Content-Length"])).decode())
                self.send_response(200)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                """Nothing: what is said is in the queue."""

        self._said = said
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Listening)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def heard(self) -> str:
        self._last = json.loads(self._said.get(timeout=60))
        return str(self._last["text"])

    @property
    def button(self) -> dict[str, Any]:
        """The one that came with what was heard last."""
        (pressable,) = (block for block in self._last["blocks"] if block["type"] == "actions")
        return dict(pressable["elements"][0])


@pytest.fixture
def ear() -> Iterator[Ear]:
    listening = Ear()
    yield listening
    listening.server.shutdown()
    listening.server.server_close()


def send_signed(web: str, payload: dict[str, Any]) -> httpx.Response:
    """What Slack sends for a press, signed as it signs."""
    body = urlencode({"payload": json.dumps(payload)})
    stamp = str(int(time.time()))
    signature = SignatureVerifier(SECRET).generate_signature(timestamp=stamp, body=body)
    headers = {
        "X-Slack-Request-Timestamp": stamp,
        "X-Slack-Signature": str(signature),
        "Content-Type": "application/x-www-form-urlencoded",
    }
    return httpx.post(f"{web}/slack/events", content=body, headers=headers, trust_env=False, timeout=60)


def press_old(web: str, ear: Ear, value: str) -> str:
    """Press a Deploy button that no message has any more; what the person is told."""
    deploy = {"action_id": "deploy", "block_id": "b", "value": value, "type": "button"}
    answered = send_signed(
        web,
        {
            "type": "block_actions",
            "team": {"id": "T-local"},
            "user": {"id": "U-oncall", "team_id": "T-local"},
            "api_app_id": "A",
            "trigger_id": f"1.2.{value}",
            "response_url": ear.url,
            "container": {"type": "message"},
            "actions": [deploy],
        },
    )
    assert answered.status_code == 200
    return ear.heard()


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("{stream}|1|gone|", "does not say which numbers"),
        ("{stream}|1|fill|", "Now: “Fill in the language” repairs 96 %"),
        ("{stream}|1|gone|0", "not on the menu any more. Offered now: “Fill in the language”"),
        ("nonsense", "from an older version"),
        ("incident-gone|1|fill|", "no incident"),
        ("{stream}|1||", "names no hotfix"),
    ],
)
def test_a_button_of_long_ago_is_refused_in_words(
    web: str, ear: Ear, now: Callable[[], Incident], value: str, words: str
) -> None:
    before = now().version
    assert words in press_old(web, ear, value.format(stream=now().stream))
    assert now().version == before


def test_who_presses_by_the_numbers_of_an_earlier_menu_reads_what_changed_and_may_press_again(
    web: str, ear: Ear, door: Door, announcer: Announcer, person: Driver, now: Callable[[], Incident]
) -> None:
    read = spell(now(), "fill")
    worse = MENU[0].repairs.model_copy(update={"value": 21.0, "low": 9.0, "high": 30.0})
    priced = (MENU[0].model_copy(update={"repairs": worse}), *MENU[1:])
    offered: Command = PrepareMenu(options=priced)
    steps: list[tuple[Command, Actor]] = [(LookAgain(), ON_CALL), DIAGNOSED, (offered, OFFERED[1])]
    for number, (command, actor) in enumerate(steps):
        door.submit(now().stream, command, actor, f"again {number}")
    refusal = press_old(web, ear, read)
    assert "“Fill in the language” repairs 21 % [9–30] (before: repairs 96 % [93–98])" in refusal
    assert now().hotfix is None
    assert parse(ear.button["value"]).menu == digest_of(priced)
    settle(announcer)
    deploy(person, "①")
    hotfix = now().hotfix
    assert hotfix is not None
    assert (hotfix.stage, hotfix.menu) == ("approved", digest_of(priced))


def test_status_lists_what_is_open(person: Driver, now: Callable[[], Incident]) -> None:
    person.command("status")
    shown = person.wait(person.ephemerals, "answer")[0]
    assert "71 % less" in str(shown["blocks"])


def test_status_says_which_channel_cannot_be_posted_to(
    person: Driver, door: Door, now: Callable[[], Incident]
) -> None:
    door.shown.say_route("#gone", "is_archived")
    person.command("status")
    shown = person.wait(person.ephemerals, "answer")[0]
    assert "Nothing can be posted to #gone: is_archived" in str(shown["blocks"][0])


def test_an_incident_can_be_asked_for_and_pressed_on(person: Driver, now: Callable[[], Incident]) -> None:
    person.command(f"incident {now().number}")
    shown = person.wait(person.ephemerals, "card")[0]
    assert "I have it" in str(shown["blocks"])


def test_why_a_hotfix_is_not_offered_can_be_asked(person: Driver, now: Callable[[], Incident]) -> None:
    person.command(f"why {now().number}")
    all_of_them = str(person.wait(person.ephemerals, "answer")[0]["blocks"])
    assert "Not on the menu" in all_of_them
    assert "it is for causes of kind feed" in all_of_them and "after it began" in all_of_them
    person.command(f"why #{now().number} model_back")
    one = str(person.wait(lambda: person.ephemerals()[1:], "answer")[0]["blocks"])
    assert "after it began" in one and "kind feed" not in one


def test_an_unknown_word_is_answered_with_the_nearest(person: Driver, now: Callable[[], Incident]) -> None:
    person.command("staus")
    assert "`/recsysops status`" in person.wait(person.ephemerals, "answer")[0]["text"]


def test_a_report_that_is_not_there_is_said_so(person: Driver, now: Callable[[], Incident]) -> None:
    person.command("report 99")
    assert "no incident 99" in person.wait(person.ephemerals, "answer")[0]["text"]


def test_somebody_declares_an_incident(door: Door, person: Driver, now: Callable[[], Incident]) -> None:
    person.command("declare the start page looks odd")
    person.wait(person.modal, "modal")
    person.submit({"title": "The start page looks odd", "severity": "SEV3", "description": ""})
    declared = door.incidents()[0]
    assert (declared.title, declared.kind) == ("The start page looks odd", "declared")
    assert declared.opened_by == "slack:U-oncall"


def test_home_shows_what_is_open(person: Driver, now: Callable[[], Incident]) -> None:
    person.open_home()
    home = person.wait(lambda: person.state()["homes"].get("U-oncall"), "Home")
    assert "71 % less" in str(home)


def test_follow_ups_that_are_open_are_listed_by_a_word_and_on_the_home(
    door: Door, person: Driver, now: Callable[[], Incident]
) -> None:
    person.command("follow-ups")
    assert "No follow-up is open" in str(person.wait(person.ephemerals, "the list"))
    owned: list[tuple[Command, Actor]] = [
        (Resolve(reason="The feed is back."), WORKER),
        PROPOSED,
        (AcceptFollowUp(), WORKER),
        (AssignFollowUp(owner="slack:U-ml", due_at=door.now()), WORKER),
    ]
    for number, (command, actor) in enumerate(owned):
        door.submit(now().stream, command, actor, f"step {number}")
    person.open_home()
    home = person.wait(lambda: person.state()["homes"].get("U-oncall"), "Home")
    assert "accepted, overdue · <@U-ml>" in str(home)
    person.command("follow-ups")
    person.wait(lambda: "accepted, overdue" in str(person.ephemerals()), "the list")


def test_the_thread_asks_for_the_revert_once_the_ticket_is_closed_and_its_button_reverts(
    door: Door, announcer: Announcer, person: Driver
) -> None:
    stream = submit(door, *WAY, *TICKET, TICKET_CLOSED)
    settle(announcer)
    (asked,) = [one for one in person.messages() if "closed in its tracker; the follow-up" in one["text"]]
    assert asked["thread_ts"] == heads(person)[0]["ts"]
    assert "is still in force: revert it if it is no longer needed" in asked["text"]

    def stage() -> str:
        incident = door.incident(stream)
        assert incident is not None
        assert incident.hotfix is not None
        return incident.hotfix.stage

    assert stage() == "verified"
    assert person.press("revert", message=asked).error == ""
    assert stage() == "reverting"
    assert person.press("revert", message=asked).error == ""
    assert stage() == "reverting"
