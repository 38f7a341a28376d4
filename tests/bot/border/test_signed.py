"""What is signed by Slack, and when: the rest is refused before anybody reads it."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from bot.border.shape import Body, Malformed, shaped
from bot.border.signed import MOST_SECONDS, SIGNATURE, TIMESTAMP, SignedOnly, read

NOW = 1_772_000_000
BODY = b"ssl_check=1"
PRESS: dict[str, Any] = {
    "type": "block_actions",
    "user": {"id": "U1"},
    "trigger_id": "1.2",
    "response_url": "https://hooks.slack.com/actions/1",
    "actions": [{"action_id": "acknowledge", "value": "incident-1|1||"}],
}


def taken(body: bytes, headers: list[tuple[str, str]], secret: str = "right") -> int:
    """The status; 200 if it was passed on."""

    async def answer(asked: Body) -> Response:
        return PlainTextResponse(str(asked))

    signed = SignedOnly(secret, answer, lambda: float(NOW))
    app = Starlette(routes=[Route("/", signed.take, methods=["POST"])])
    with TestClient(app) as client:
        return int(client.post("/", content=body, headers=headers).status_code)


def mac(body: bytes, stamp: str, secret: str = "right") -> str:
    return "v0=" + hmac.new(secret.encode(), f"v0:{stamp}:".encode() + body, hashlib.sha256).hexdigest()


def headers(stamp: int | str = NOW, body: bytes = BODY, secret: str = "right") -> list[tuple[str, str]]:
    return [(TIMESTAMP, str(stamp)), (SIGNATURE, mac(body, str(stamp), secret))]


@pytest.mark.parametrize("away", [0, 1, MOST_SECONDS, -MOST_SECONDS])
def test_what_was_signed_within_five_minutes_is_taken(away: int) -> None:
    assert taken(BODY, headers(NOW + away)) == 200


@pytest.mark.parametrize("away", [MOST_SECONDS + 1, -MOST_SECONDS - 1, 86_400, -86_400, -NOW])
def test_what_was_signed_at_another_time_is_not(away: int) -> None:
    assert taken(BODY, headers(NOW + away)) == 401


def test_what_was_signed_with_another_secret_or_for_another_body_or_time_is_not() -> None:
    assert taken(BODY, headers(secret="wrong")) == 401
    assert taken(BODY, headers(body=b"ssl_check=2")) == 401
    assert taken(BODY, [(TIMESTAMP, str(NOW + 1)), (SIGNATURE, mac(BODY, str(NOW)))]) == 401
    assert taken(BODY, [(TIMESTAMP, str(NOW)), (SIGNATURE, mac(BODY, str(NOW)).upper())]) == 401


def test_what_is_not_signed_is_not_taken() -> None:
    (stamp, signature) = headers()
    assert [taken(BODY, given) for given in ([], [stamp], [signature])] == [401, 401, 401]


def test_what_is_said_twice_is_refused() -> None:
    stamp, signature = headers()
    for twice in ([stamp, stamp, signature], [stamp, signature, signature]):
        assert taken(BODY, twice) == 400


@pytest.mark.parametrize("stamp", ["-1", "now", "1" * 13, "1e3", ""])
def test_a_time_that_is_none_is_refused(stamp: str) -> None:
    assert taken(BODY, headers(stamp)) == 400


def test_twelve_digits_are_a_time_and_too_far_away() -> None:
    assert taken(BODY, headers("1" * 12)) == 401


def test_a_body_that_is_no_text_is_refused() -> None:
    assert taken(b"\xff\xfe", headers(body=b"\xff\xfe")) == 400


@pytest.mark.parametrize(
    "text",
    [
        "[1]",
        "{",
        " {}",
        "payload=[1]",
        "payload=" + "[" * 100_000,
        "&".join("ssl_check=1" for _ in range(201)),
        "ssl_check=2",
        "a=b",
        "",
    ],
)
def test_what_cannot_be_read_is_refused_in_words(text: str) -> None:
    with pytest.raises(Malformed, match=r"\.$"):
        read(text)


def test_a_form_its_payload_and_json_are_read() -> None:
    assert read("ssl_check=1&token=x") == {"ssl_check": "1"}
    assert read("payload=%7B%22ssl_check%22%3A+%221%22%7D") == {"ssl_check": "1"}
    assert read('{"ssl_check": "1"}') == {"ssl_check": "1"}


def test_only_what_is_declared_is_passed_on() -> None:
    assert shaped({**PRESS, "token": "x", "message": {"thread_ts": 7}}) == PRESS


@pytest.mark.parametrize(
    "changed",
    [
        {"type": "message_action"},
        {"type": None},
        {"user": None},
        {"user": {"id": ""}},
        {"user": {"id": "U" * 256}},
        {"actions": []},
        {"trigger_id": ""},
        {"response_url": "file:///etc/passwd"},
        {"ssl_check": "2"},
        {"command": "/another"},
    ],
)
def test_a_press_with_something_else_in_it_is_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        shaped({**PRESS, **changed})


@pytest.mark.parametrize("body", [None, [], "text", 7, {}])
def test_what_is_no_object_of_a_known_kind_is_refused(body: object) -> None:
    with pytest.raises(Malformed):
        shaped(body)


def test_somebody_has_to_have_opened_the_home() -> None:
    event: dict[str, Any] = {"type": "app_home_opened", "tab": "home"}
    body = {"type": "event_callback", "event": event}
    with pytest.raises(Malformed, match="names no user"):
        shaped(body)
    assert shaped({**body, "event": {**event, "user": "U1"}})["event"]["user"] == "U1"
    assert shaped({**body, "event": {"type": "subteam_created"}})["event"] == {"type": "subteam_created"}
