"""What the webhook receiver promises: only who knows the secret, at most once, the same answer each time."""

from __future__ import annotations

import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

import pytest
from recsysops_client import HotfixCall, WebhookReceiver, sign

SECRET = "a shared secret"
NOW = 1_772_366_400


class Recommender:
    """Counts what it is told to do."""

    def __init__(self, journal: Path) -> None:
        self.calls: list[HotfixCall] = []
        self.journal = journal
        self.start()

    def start(self) -> None:
        self.receiver = WebhookReceiver(SECRET, self.journal, clock=lambda: NOW)
        self.receiver.register("rollback", self.handle)

    def handle(self, call: HotfixCall) -> str:
        if call.parameters.get("fail"):
            raise RuntimeError("no snapshot there")
        self.calls.append(call)
        return f"done {len(self.calls)}"

    def post(self, timestamp: int = NOW, secret: str = SECRET, **changes: Any) -> tuple[int, dict[str, Any]]:
        call = {
            "id": "h1",
            "action": "apply",
            "hotfix": "rollback",
            "parameters": {},
            "expires_at": None,
        } | changes
        body = json.dumps(call).encode()
        return self.receiver.receive(headers(body, timestamp, secret), body)


def headers(body: bytes, timestamp: int = NOW, secret: str = SECRET) -> dict[str, str]:
    return {
        "x-recsysops-timestamp": str(timestamp),
        "X-RecSysOps-Signature": sign(secret, timestamp, body),
    }


@pytest.fixture
def recommender(tmp_path: Path) -> Recommender:
    return Recommender(tmp_path / "hooks" / "journal")


def test_the_signature_is_what_the_caller_computes_by_the_book() -> None:
    expected = hmac.new(b"key", b"v1:12:{}", hashlib.sha256).hexdigest()
    assert sign("key", 12, b"{}") == f"v1={expected}"


def test_apply_and_revert_each_reach_the_handler_once(recommender: Recommender) -> None:
    assert recommender.post() == (200, {"status": "applied", "detail": "done 1"})
    assert recommender.post() == (200, {"status": "applied", "detail": "done 1"})
    assert recommender.post(action="revert") == (200, {"status": "reverted", "detail": "done 2"})
    assert recommender.post(action="revert") == (200, {"status": "reverted", "detail": "done 2"})
    assert [call.action for call in recommender.calls] == ["apply", "revert"]


def test_a_restart_remembers_what_was_answered(recommender: Recommender) -> None:
    first = recommender.post()
    recommender.start()
    assert recommender.post() == first
    assert len(recommender.calls) == 1


def test_a_call_whose_process_died_in_the_middle_is_not_run_again(recommender: Recommender) -> None:
    recommender.post()
    begun = recommender.journal.read_bytes().splitlines()[0]
    recommender.journal.write_bytes(begun + b'\n{"id": "h1", "acti')
    recommender.start()
    status, answer = recommender.post()
    assert (status, answer["status"]) == (409, "unknown")
    assert len(recommender.calls) == 1
    assert recommender.post(id="h2")[0] == 200
    recommender.start()
    assert recommender.post(id="h2") == (200, {"status": "applied", "detail": "done 2"})


def test_a_handler_that_raises_is_a_failure_that_stays(recommender: Recommender) -> None:
    failed = recommender.post(parameters={"fail": True})
    assert failed == (500, {"status": "failed", "detail": "RuntimeError: no snapshot there"})
    assert recommender.post() == failed


@pytest.mark.parametrize("age", [-301, 301, 86_400])
def test_an_old_or_future_call_is_refused(recommender: Recommender, age: int) -> None:
    assert recommender.post(timestamp=NOW - age)[0] == 401
    assert recommender.calls == []


def test_a_wrong_secret_a_changed_body_or_no_signature_is_refused(recommender: Recommender) -> None:
    body = b'{"id": "h1"}'
    assert recommender.post(secret="another")[0] == 401
    assert recommender.receiver.receive(headers(body), body + b" ")[0] == 401
    assert recommender.receiver.receive({}, body)[0] == 401
    assert recommender.receiver.receive(headers(body) | {"x-recsysops-timestamp": "soon"}, body)[0] == 401
    assert recommender.receiver.receive(headers(body) | {"X-RecSysOps-Signature": "v1=é"}, body)[0] == 401
    assert not recommender.journal.exists()


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"\xff", b"[" * 100_000])
def test_a_signed_body_of_another_shape_is_told_so(recommender: Recommender, body: bytes) -> None:
    status, answer = recommender.receiver.receive(headers(body), body)
    assert (status, answer["status"]) == (400, "refused")


def test_wrong_values_and_unknown_hotfixes_are_told_so_and_not_remembered(recommender: Recommender) -> None:
    assert recommender.post(action="delete")[0] == 400
    assert recommender.post(parameters=[1])[0] == 400
    assert recommender.post(hotfix="boost")[0] == 404
    assert recommender.post()[0] == 200


def test_an_empty_secret_is_refused_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="secret is empty"):
        WebhookReceiver("", tmp_path / "journal")
