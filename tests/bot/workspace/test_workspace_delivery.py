"""What people do reaches an unchanged Bolt app over HTTP and Socket Mode, and its answers take effect."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.signature import SignatureVerifier
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from bot.workspace import Workspace, WorkspaceSettings, deliver, state
from bot.workspace.deliver import sign
from tests.bot.workspace.app_under_test import Seen, button, card, modal, new_app, over_http, over_sockets
from tests.bot.workspace.driver import Driver, Refused

SECRET = "a-secret-for-this-test"


@dataclass
class Stage:
    """A workspace with an app behind it."""

    driver: Driver
    client: WebClient
    seen: Seen

    def post_card(self) -> dict[str, Any]:
        posted = self.client.chat_postMessage(channel="C-recsysops", text="card", blocks=card())
        return {"channel": posted["channel"], "ts": posted["ts"]}

    def open_modal(self) -> None:
        self.driver.press("open", message=self.post_card())
        self.driver.wait(self.driver.modal, "modal")


def stage(mode: str) -> Iterator[Stage]:
    seen = Seen()
    # Which port the workspace gets is known only once it is bound, and the app needs it, so: app first.
    app = new_app("http://127.0.0.1:1/api/", SECRET, seen)
    if mode == "http":
        with over_http(app) as url:
            settings = WorkspaceSettings(port=0, request_url=url, signing_secret=SECRET)
            with Workspace(settings) as workspace:
                app.client.base_url = workspace.api_url
                yield from _staged(workspace, seen)
    else:
        with Workspace(WorkspaceSettings(port=0, signing_secret=SECRET)) as workspace:
            app.client.base_url = workspace.api_url
            with over_sockets(app, workspace.api_url):
                yield from _staged(workspace, seen)


def _staged(workspace: Workspace, seen: Seen) -> Iterator[Stage]:
    driver = Driver(workspace.url)
    if not workspace.settings.request_url:
        driver.wait(lambda: driver.state()["connections"] == 1, "connection")
    client = WebClient(token="xoxb-local", base_url=workspace.api_url)
    yield Stage(driver, client, seen)
    driver.close()


@pytest.fixture(params=["http", "socket"])
def both(request: pytest.FixtureRequest) -> Iterator[Stage]:
    yield from stage(request.param)


@pytest.fixture
def http() -> Iterator[Stage]:
    yield from stage("http")


def test_a_command_is_answered_to_the_person_alone(both: Stage) -> None:
    answered = both.driver.command("status", user="U-ml")
    assert (answered.error, answered.status) == ("", 200)
    assert both.seen.of("command")[0]["text"] == "status"
    said = both.driver.wait(lambda: both.driver.ephemerals("U-ml"), "answer")
    assert [m["text"] for m in said] == ["All quiet."]
    assert both.driver.ephemerals("U-lead") == both.driver.messages() == []


def test_a_press_opens_a_modal_and_its_submission_carries_what_was_entered(both: Stage) -> None:
    both.open_modal()
    assert both.driver.submit({"words": {"typed": "seen"}, "severity": "2"}).error == ""
    body = both.seen.of("note")[0]
    values = body["view"]["state"]["values"]
    assert values["words"]["typed"]["value"] == "seen"
    assert values["severity"]["chosen"]["selected_option"]["value"] == "2"
    assert body["user"]["id"] == "U-oncall"
    assert both.driver.modal() is None


def test_a_form_stays_open_with_what_is_wrong_until_it_is_closed(http: Stage) -> None:
    http.open_modal()
    assert http.driver.submit({}).error == "form_errors"
    too_long = http.driver.submit({"words": "x" * 21})
    assert too_long.answer["errors"] == {"words": "Please enter 0 to 20 characters."}
    assert http.seen.of("note") == []  # the form refuses by itself
    http.driver.submit({"words": "bad"})
    assert (http.driver.modal() or {})["errors"] == {"words": "Say more."}
    with pytest.raises(Refused, match="no field 'sound'"):
        http.driver.submit({"sound": "x"})
    with pytest.raises(Refused, match="'9' is not offered"):
        http.driver.submit({"severity": "9"})
    http.driver.close_modal()
    assert http.driver.modal() is None
    with pytest.raises(Refused, match="no modal open"):
        http.driver.close_modal()


def test_a_menu_names_its_entry(http: Stage) -> None:
    http.driver.press("more", message=http.post_card(), value="2")
    assert http.seen.of("more")[0]["actions"][0]["selected_option"]["value"] == "2"
    with pytest.raises(Refused, match="not offered"):
        http.driver.press("more", message=http.post_card(), value="9")


def test_a_response_url_works_five_times(http: Stage) -> None:
    http.driver.command("status")
    http.driver.wait(http.driver.ephemerals, "the app's own answer")
    url = http.seen.of("command")[0]["response_url"]
    for n in range(4):
        assert httpx.post(url, json={"text": f"{n}"}).text == "ok"
    late = httpx.post(url, json={"text": "6"})
    assert (late.status_code, late.text) == (404, "used_url")
    assert len(http.driver.ephemerals()) == 5


def test_a_trigger_lives_three_seconds_and_works_once(http: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    http.driver.command("status")
    fresh = http.seen.of("command")[0]["trigger_id"]
    assert http.client.views_open(trigger_id=fresh, view=modal())["ok"]
    with pytest.raises(SlackApiError, match="exchanged_trigger_id"):
        http.client.views_open(trigger_id=fresh, view=modal())
    monkeypatch.setattr(state, "TRIGGER_SECONDS", 0.0)
    http.driver.command("status")
    with pytest.raises(SlackApiError, match="expired_trigger_id"):
        http.client.views_open(trigger_id=http.seen.of("command")[1]["trigger_id"], view=modal())


def test_an_app_that_answers_too_late_times_out(both: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deliver, "ACK_SECONDS", 0.2)
    both.seen.delay_seconds = 0.5
    answered = both.driver.press("late", message=both.post_card())
    assert answered.error == "operation_timeout"
    assert answered.ack_ms > 190


def test_a_press_nobody_listens_to_fails(http: Stage) -> None:
    answered = http.driver.press("ignore", message=http.post_card())
    assert (answered.status, answered.error) == (404, "dispatch_failed")
    with pytest.raises(Refused, match="no action 'launch'"):
        http.driver.press("launch", message=http.post_card())


def test_without_any_app_a_command_fails(driver: Driver) -> None:
    assert driver.command("status").error == "dispatch_failed"


def test_a_press_that_crosses_with_an_edit_is_of_the_button_that_was_shown(http: Stage) -> None:
    def offer(*hotfixes: str) -> list[dict[str, Any]]:
        return [{"type": "actions", "elements": [button("late", hotfix)]} for hotfix in hotfixes]

    first = http.client.chat_postMessage(channel="C-recsysops", text="menu", blocks=offer("fill"))
    message = {"channel": first["channel"], "ts": first["ts"]}
    shown = {"message": message, "block_id": first["message"]["blocks"][0]["block_id"], "shown": ""}
    second = http.client.chat_update(**message, text="menu", blocks=offer("roll back", "fill"))
    http.client.chat_update(**message, text="menu", blocks=offer("wait", "roll back", "fill"))
    http.driver.press("late", **shown)
    http.driver.press("late", **{**shown, "shown": second["message"]["edited"]["ts"]})
    http.driver.press("late", message=message, block_id=shown["block_id"])
    pressed = [body["actions"][0]["value"] for body in http.seen.of("late")]
    assert pressed == ["fill", "roll back", "wait"]
    with pytest.raises(Refused, match="never edited at 1"):
        http.driver.press("late", **{**shown, "shown": "1"})


def test_opening_home_is_an_event(both: Stage) -> None:
    both.driver.open_home(user="U-lead")
    event = both.driver.wait(lambda: both.seen.of("home"), "event")[0]
    assert (event["user"], event["tab"]) == ("U-lead", "home")


def test_a_request_that_is_not_signed_is_refused_by_bolt(http: Stage) -> None:
    http.driver.fault("unsigned", method="command")
    assert http.driver.command("status").status == 401
    assert http.seen.of("command") == []
    assert http.driver.command("status").status == 200


def test_the_same_press_can_be_delivered_twice(http: Stage) -> None:
    http.driver.fault("twice", method="command")
    http.driver.command("status")
    first, second = http.seen.of("command")
    assert first["trigger_id"] == second["trigger_id"]


def test_a_socket_s_ticket_lets_in_once(workspace: Workspace, client: WebClient) -> None:
    url = client.apps_connections_open(app_token="xapp-local")["url"]
    with connect(url) as connection:
        assert "hello" in str(connection.recv())
        with pytest.raises(InvalidStatus):
            connect(url)


def test_slack_sdk_accepts_our_signature_and_no_other() -> None:
    verifier = SignatureVerifier(SECRET)
    now = str(int(verifier.clock.now()))
    assert verifier.is_valid(b"a=b", now, sign(SECRET, now, b"a=b"))
    assert not verifier.is_valid(b"a=c", now, sign(SECRET, now, b"a=b"))
    assert not verifier.is_valid(b"a=b", now, sign("another", now, b"a=b"))
