"""Signed, and still not as Slack speaks: refused in words, and nothing is written down."""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qsl, urlencode

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from slack_sdk.signature import SignatureVerifier
from sqlalchemy import text
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.border.shape import Malformed, shaped
from bot.settings import BotSettings
from bot.slack.announce import Announcer
from bot.slack.app import create_app
from tests.bot.conftest import SECRET, served, settle
from tests.bot.slack.test_announce import heads, submit
from tests.bot.stories import OPENED
from tests.bot.workspace.driver import Driver
from workers.door import Door

Json = dict[str, Any]
CHANGED = "subteam_members_changed"
FORM, JSON = "application/x-www-form-urlencoded", "application/json"


class Recorder:
    """ASGI: keeps the bodies that arrive for Slack's address."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.bodies: list[tuple[str, bytes]] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def read() -> Message:
            message = await receive()
            if message.get("body") and scope["path"] == "/slack/events":
                kind = dict(scope["headers"])[b"content-type"].decode()
                self.bodies.append((kind, message["body"]))
            return message

        await self._app(scope, read, send)


class Slack:
    """Sends what is signed with the right secret, whatever it is."""

    def __init__(self, web: str, door: Door) -> None:
        self._http = httpx.Client(base_url=web, trust_env=False, timeout=60)
        self._door = door

    def send(self, body: str, kind: str = FORM) -> httpx.Response:
        stamp = str(int(time.time()))
        mac = SignatureVerifier(SECRET).generate_signature(timestamp=stamp, body=body)
        headers = {"content-type": kind, "x-slack-request-timestamp": stamp, "x-slack-signature": str(mac)}
        return self._http.post("/slack/events", content=body.encode(), headers=headers)

    def pressed(self, payload: Any) -> httpx.Response:
        return self.send(urlencode({"payload": json.dumps(payload)}))

    def recorded(self) -> int:
        with self._door.log.engine.connect() as connection:
            return int(connection.execute(text("SELECT count(*) FROM events")).scalar_one())


@pytest.fixture
def recorder(given: BotSettings, door: Door) -> Iterator[Recorder]:
    app = Recorder(create_app(given, door))
    with served(app, given.port):
        yield app


@pytest.fixture
def web(recorder: Recorder, given: BotSettings) -> str:
    return given.public_url


@pytest.fixture
def slack(web: str, door: Door) -> Slack:
    return Slack(web, door)


@pytest.fixture
def genuine(recorder: Recorder, announcer: Announcer, door: Door, person: Driver) -> dict[str, Json]:
    """One request of each kind, as the workspace sends it, by the name of what was done."""
    submit(door, OPENED)
    settle(announcer)
    (message,) = heads(person)
    person.press("acknowledge", message=message)
    person.press("more", message=message, value=_entry(message, "note"))
    person.submit({"text": "looked at the feed"})
    person.command("status")
    person.open_home()
    person.group("oncall", ["U-oncall", "U-ml"])
    sent: dict[str, Json] = {}
    for kind, body in recorder.bodies:
        spoken = json.loads(body) if kind == JSON else dict(parse_qsl(body.decode(), keep_blank_values=True))
        whole = json.loads(spoken["payload"]) if "payload" in spoken else spoken
        sent[_named(whole)] = whole
    assert set(sent) == {
        "acknowledge",
        "more",
        "note",
        "/recsysops",
        "app_home_opened",
        "subteam_members_changed",
    }
    return sent


def _entry(message: Json, action: str) -> str:
    """The value of an entry of the More menu."""
    found = [
        option["value"]
        for block in message["blocks"]
        for element in block.get("elements", [])
        for option in element.get("options", [])
        if option["value"].startswith(f"{action}|")
    ]
    return str(found[0])


def _named(whole: Json) -> str:
    match whole:
        case {"actions": [{"action_id": name}]} | {"view": {"callback_id": name}} | {"event": {"type": name}}:
            return str(name)
    return str(whole["command"])


def without(payload: Json, *path: str) -> Json:
    return put(payload, ..., *path)


def put(payload: Json, value: Any, *path: str) -> Json:
    """The payload with something else, or nothing (`...`), at this place."""
    changed: Any = copy.deepcopy(payload)
    inside = changed
    for step in path[:-1]:
        inside = inside[step]
    if value is ...:
        del inside[path[-1]]
    else:
        inside[path[-1]] = value
    return changed  # type: ignore[no-any-return]


def deep(levels: int) -> Any:
    made: Any = "end"
    for _ in range(levels):
        made = {"user": made}
    return made


def test_what_slack_sends_is_taken_as_it_is(genuine: dict[str, Json], slack: Slack) -> None:
    before = slack.recorded()
    assert slack.pressed(put(genuine["acknowledge"], "T.1", "trigger_id")).status_code == 200
    assert slack.pressed(put(genuine["note"], "T.2", "trigger_id")).status_code == 200
    assert slack.send(json.dumps(genuine["app_home_opened"]), JSON).status_code == 200
    assert slack.send(urlencode(genuine["/recsysops"])).status_code == 200
    assert slack.send("ssl_check=1&token=x").status_code == 200
    challenge = {"type": "url_verification", "token": "x", "challenge": "3eZbrw1a"}
    assert slack.send(json.dumps(challenge), JSON).json() == {"challenge": "3eZbrw1a"}
    assert slack.recorded() == before + 1, "the note; who has it had it before"


def test_a_press_or_a_form_that_slack_would_not_send_is_refused_in_words(
    genuine: dict[str, Json], slack: Slack, capfd: pytest.CaptureFixture[str]
) -> None:
    press, note = genuine["acknowledge"], genuine["note"]
    before = slack.recorded()
    for wrong, says in (
        (put(press, None, "user"), "user"),
        (put(press, "U-oncall", "user"), "user"),
        (put(press, {}, "user"), "user.id"),
        (put(press, {"id": 7}, "user"), "user.id"),
        (without(press, "actions"), "actions"),
        (put(press, [], "actions"), "actions"),
        (put(press, [None], "actions"), "actions.0"),
        (put(press, {"0": {}}, "actions"), "actions"),
        (put(press, [{"action_id": None}], "actions"), "actions.0.action_id"),
        (put(press, "T\ud800", "trigger_id"), "trigger_id"),
        (without(press, "trigger_id"), "trigger_id"),
        (put(press, ["T-local"], "team"), "team"),
        (put(press, deep(300), "user"), "user.id"),
        (without(note, "view", "state"), "view.state"),
        (put(note, None, "view", "state"), "view.state"),
        (put(note, {}, "view", "state", "values"), "view.state.values"),
        (put(note, {"text": None}, "view", "state", "values"), "view.state.values.text"),
        (put(note, 7, "view"), "view"),
        (without(note, "user"), "user"),
    ):
        answered = slack.pressed(wrong)
        assert (answered.status_code, slack.recorded()) == (400, before), (wrong, answered.text)
        assert says in answered.text, answered.text
    assert "Traceback" not in "".join(capfd.readouterr())


@pytest.mark.parametrize(
    "payload",
    [
        {"type": kind, "callback_id": "x", "action_id": "x", "view": {"callback_id": "declare"}}
        for kind in ("block_suggestion", "message_action", "shortcut", "view_closed", "interactive_message")
    ]
    + [{"type": "dialog_submission", "callback_id": "declare"}, {"type": ["block_actions"]}, {"type": None}]
    + [{}, [], None, 7, "text", [[[[]]]]],
)
def test_a_kind_that_nobody_here_asked_for_is_refused_in_words(slack: Slack, payload: Any) -> None:
    answered = slack.pressed(payload)
    assert answered.status_code == 400
    assert answered.text.endswith(".\n")


@pytest.mark.parametrize("event", [None, [], 7, "type", {}, {"type": None}, {"type": "app_home_opened"}])
def test_an_event_without_what_happened_is_refused_in_words(slack: Slack, event: Any) -> None:
    body = {"type": "event_callback", "team_id": "T-local", "event": event}
    answered = slack.send(json.dumps(body), JSON)
    assert answered.status_code == 400
    assert "event" in answered.text


def test_a_press_that_names_no_team_is_not_answered(genuine: dict[str, Json], slack: Slack) -> None:
    press = put(without(genuine["acknowledge"], "team"), {"id": "U-oncall"}, "user")
    before = slack.recorded()
    for wrong in (press, put(press, None, "team"), put(press, None, "enterprise")):
        assert "serves another Slack workspace" in slack.pressed(wrong).text
    assert slack.recorded() == before


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=6,
)
MISSING = st.just(...)


def places(whole: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place inside."""
    inside = whole.items() if isinstance(whole, dict) else enumerate(whole) if isinstance(whole, list) else ()
    for name, value in inside:
        yield (*path, name)
        yield from places(value, (*path, name))


def test_whatever_is_changed_in_a_genuine_request_no_fault_of_ours_answers_it_and_nothing_is_recorded(
    genuine: dict[str, Json], slack: Slack, capfd: pytest.CaptureFixture[str]
) -> None:
    before = slack.recorded()

    @settings(max_examples=400, suppress_health_check=list(HealthCheck))
    @given(st.data())
    def law(data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(genuine)))
        changed = genuine[name]
        for _ in range(data.draw(st.integers(1, 3))):
            path = data.draw(st.sampled_from(sorted(places(changed), key=repr)))
            changed = put(changed, data.draw(MISSING | VALUES), *path)
        answered = _again(slack, name, changed)
        assert answered.status_code in (200, 400), answered.text
        assert slack.recorded() == before

    law()
    assert "Traceback" not in "".join(capfd.readouterr())


def _again(slack: Slack, name: str, changed: Json) -> httpx.Response:
    if name == "/recsysops":
        return slack.send(urlencode(changed))
    if name in ("app_home_opened", CHANGED):
        return slack.send(json.dumps(changed), JSON)
    return slack.pressed(changed)


@settings(max_examples=300)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ("type", "user", "team", "id", "event", "view", "state", "values", "actions")
                ),
                inner,
                max_size=5,
            )
        ),
    )
)
def test_whatever_the_body_is_it_is_read_or_refused_in_words(body: Any) -> None:
    with _refused_or_read():
        shaped(body)


@contextmanager
def _refused_or_read() -> Iterator[None]:
    try:
        yield
    except Malformed as error:
        assert str(error).endswith(".")
