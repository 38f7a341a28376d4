"""What people do reaches an unchanged Bolt app over HTTP and Socket Mode, and its answers take effect."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from slack_sdk import WebClient
from slack_sdk.signature import SignatureVerifier

from bot.workspace import Workspace, WorkspaceSettings
from bot.workspace.delivery.deliver import sign
from tests.bot.workspace.app_under_test import Seen, button, card, modal, new_app, over_http, over_sockets
from tests.bot.workspace.driver import Driver, Refused

SECRET = "a-secret-for-this-test"


@dataclass
class Stage:
    """A workspace with an app behind it."""

    workspace: Workspace
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
            settings = WorkspaceSettings(
                port=0, request_url=url, signing_secret=SECRET, ack_seconds=1.0, retry_seconds=(0.0, 0.05)
            )
            with Workspace(settings) as workspace:
                app.client.base_url = workspace.api_url
                yield from _staged(workspace, seen)
    else:
        with Workspace(WorkspaceSettings(port=0, signing_secret=SECRET, ack_seconds=1.0)) as workspace:
            app.client.base_url = workspace.api_url
            with over_sockets(app, workspace.api_url):
                yield from _staged(workspace, seen)


def _staged(workspace: Workspace, seen: Seen) -> Iterator[Stage]:
    driver = Driver(workspace.url)
    if not workspace.settings.request_url:
        driver.wait(lambda: driver.state()["connections"] == 1, "connection")
    client = WebClient(token="xoxb-local", base_url=workspace.api_url)
    yield Stage(workspace, driver, client, seen)
    driver.close()


@pytest.fixture(params=["http", "socket"])
def both(request: pytest.FixtureRequest) -> Iterator[Stage]:
    yield from stage(request.param)


@pytest.fixture
def socket() -> Iterator[Stage]:
    yield from stage("socket")


@pytest.fixture
def http() -> Iterator[Stage]:
    yield from stage("http")


def test_a_command_is_answered_to_the_person_alone(both: Stage) -> None:
    answered = both.driver.command("status", user="U-ml")
    assert (answered.error, answered.status) == ("", 200)
    assert both.seen.of("command")[0]["text"] == "status"
    assert [m["text"] for m in both.driver.ephemerals("U-ml")] == ["All quiet."]


def test_a_press_opens_a_modal_and_its_submission_carries_what_was_typed(both: Stage) -> None:
    both.open_modal()
    assert both.driver.submit({"words": "seen"}).error == ""
    body = both.seen.of("note")[0]
    assert body["view"]["state"]["values"]["words"]["typed"]["value"] == "seen"
    assert body["user"]["id"] == "U-oncall"
    assert both.driver.modal() is None


def test_the_app_says_what_a_submission_leads_to(both: Stage) -> None:
    both.open_modal()
    both.driver.submit({"words": "bad"})
    assert (both.driver.modal() or {})["errors"] == {"words": "Say more."}
    both.driver.submit({"words": "again"})
    assert (both.driver.modal() or {})["title"]["text"] == "Again"
    both.driver.submit({"words": "more"})
    top = both.driver.modal() or {}
    assert (top["title"]["text"], bool(top["previous_view_id"])) == ("More", True)
    both.driver.submit({"words": "done"})
    assert both.driver.modal() is None


def test_an_answer_with_a_broken_view_is_reported_to_the_person(http: Stage) -> None:
    http.open_modal()
    assert http.driver.submit({"words": "broken"}).error == "invalid_arguments"
    assert "cannot be shown" in (http.driver.modal() or {})["errors"][""]


def test_what_the_form_refuses_is_not_delivered(http: Stage) -> None:
    http.open_modal()
    assert http.driver.submit({}).error == "form_errors"
    assert http.driver.submit({"words": "x" * 21}).answer["errors"] == {
        "words": "Please enter at most 20 characters."
    }
    assert http.seen.of("note") == []
    with pytest.raises(Refused, match="no field 'sound'"):
        http.driver.submit({"sound": "x"})


def test_closing_a_modal_is_reported_to_an_app_that_asked(both: Stage) -> None:
    both.open_modal()
    both.driver.close_modal()
    assert both.seen.of("closed")[0]["is_cleared"] is False
    assert both.driver.modal() is None


def test_a_choice_names_its_option_and_the_response_url_answers(both: Stage) -> None:
    both.driver.press("severity", message=both.post_card(), value="2")
    action = both.seen.of("severity")[0]["actions"][0]
    assert action["selected_option"]["value"] == "2"
    kept = both.seen.of("severity")[0]["state"]["values"]["buttons"]
    assert list(kept) == ["severity"]
    driver = both.driver
    assert driver.wait(driver.ephemerals, "answer")[0]["text"] == "Severity noted."
    with pytest.raises(Refused, match="not offered"):
        driver.press("severity", message=both.post_card(), value="9")


def test_a_response_url_replaces_the_message_it_came_from(http: Stage) -> None:
    message = http.post_card()
    http.driver.press("answer", message=message)

    def replaced() -> bool:
        return bool(http.driver.messages()[-1]["text"] == "Replaced.")

    assert http.driver.wait(replaced, "replacement")
    assert http.driver.messages()[-1]["ts"] == message["ts"]
    assert http.driver.messages()[-1]["blocks"] is None


def test_a_response_url_works_five_times_within_thirty_minutes(http: Stage) -> None:
    http.driver.command("status")
    url = http.seen.of("command")[0]["response_url"]
    for n in range(5):
        answer = httpx.post(url, json={"text": f"{n}", "response_type": "in_channel"})
        assert answer.text == "ok"
    assert httpx.post(url, json={"text": "6"}).json()["error"] == "used_url"
    assert [m["text"] for m in http.driver.messages()] == ["0", "1", "2", "3", "4"]
    http.driver.command("status")
    http.driver.advance(30 * 60 + 1)
    late = httpx.post(http.seen.of("command")[1]["response_url"], json={"text": "late"})
    assert (late.status_code, late.json()["error"]) == (404, "expired_url")


def test_a_trigger_lives_three_seconds_and_works_once(http: Stage) -> None:
    http.driver.command("status")
    fresh = http.seen.of("command")[0]["trigger_id"]
    assert http.client.views_open(trigger_id=fresh, view=modal())["ok"]
    assert _refused(http, fresh) == "exchanged_trigger_id"
    http.driver.command("status")
    http.driver.advance(3.1)
    assert _refused(http, http.seen.of("command")[1]["trigger_id"]) == "expired_trigger_id"


def _refused(http: Stage, trigger: str) -> str:
    headers = {"Authorization": "Bearer xoxb-local"}
    body = {"trigger_id": trigger, "view": modal()}
    answer = httpx.post(http.workspace.api_url + "views.open", json=body, headers=headers)
    return str(answer.json()["error"])


def test_an_app_that_answers_too_late_times_out(both: Stage) -> None:
    both.seen.delay_seconds = 1.5
    answered = both.driver.press("late", message=both.post_card())
    assert answered.error == "operation_timeout"
    assert answered.ack_ms > 900


def test_a_press_nobody_listens_to_fails(http: Stage) -> None:
    answered = http.driver.press("ignore", message=http.post_card())
    assert (answered.status, answered.error) == (404, "dispatch_failed")


def test_without_any_app_a_command_fails(driver: Driver) -> None:
    assert driver.command("status").error == "dispatch_failed"


def test_a_button_that_is_not_there_cannot_be_pressed(http: Stage) -> None:
    with pytest.raises(Refused, match="no action 'launch'"):
        http.driver.press("launch", message=http.post_card())


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


@pytest.mark.parametrize("kind", ["unsigned", "old_timestamp", "wrong_signature"])
def test_a_request_that_is_not_rightly_signed_is_refused_by_bolt(http: Stage, kind: str) -> None:
    http.driver.fault(kind)
    assert http.driver.command("status").status == 401
    assert http.seen.of("command") == []
    assert http.driver.command("status").status == 200


def test_the_same_press_can_be_delivered_twice(http: Stage) -> None:
    http.driver.fault("twice", method="command")
    http.driver.command("status")
    first, second = http.seen.of("command")
    assert first["trigger_id"] == second["trigger_id"]


def test_an_event_the_app_did_not_take_comes_again(http: Stage) -> None:
    http.driver.fault("lost", method="event")
    http.driver.open_home()
    assert len(http.driver.wait(lambda: http.seen.of("home"), "second try")) == 1


def test_a_disconnected_socket_comes_back(socket: Stage) -> None:
    assert socket.driver.disconnect_sockets() == 1
    # Slack's client may replace its new connection once more: what is sent meanwhile finds nobody.
    socket.driver.wait(lambda: not socket.driver.command("status").error, "answer over another one", 15.0)


def test_slack_sdk_accepts_our_signature_and_no_other() -> None:
    verifier = SignatureVerifier(SECRET)
    now = str(int(verifier.clock.now()))
    assert verifier.is_valid(b"a=b", now, sign(SECRET, now, b"a=b"))
    assert not verifier.is_valid(b"a=c", now, sign(SECRET, now, b"a=b"))
    assert not verifier.is_valid(b"a=b", now, sign("another", now, b"a=b"))
