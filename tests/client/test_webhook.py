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


def said(status: str, detail: str, action: str = "apply", id: str = "h1") -> dict[str, Any]:
    return {"status": status, "detail": detail, "id": id, "action": action, "hotfix": "rollback"}


def test_apply_and_revert_each_reach_the_handler_once(recommender: Recommender) -> None:
    applied, reverted = said("applied", "done 1"), said("reverted", "done 2", "revert")
    assert recommender.post() == (200, applied)
    assert recommender.post() == (200, applied)
    assert recommender.post(action="revert") == (200, reverted)
    assert recommender.post(action="revert") == (200, reverted)
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
    assert recommender.receiver.problem is not None
    assert "last line was not whole" in recommender.receiver.problem
    status, answer = recommender.post()
    assert (status, answer["status"]) == (409, "unknown")
    assert len(recommender.calls) == 1
    assert recommender.post(id="h2")[0] == 200
    recommender.start()
    assert recommender.receiver.problem is None
    assert recommender.post(id="h2") == (200, said("applied", "done 2", id="h2"))


def test_a_revert_whose_process_died_in_the_middle_is_run_again(recommender: Recommender) -> None:
    recommender.post()
    recommender.post(action="revert")
    lines = recommender.journal.read_bytes().splitlines(keepends=True)
    recommender.journal.write_bytes(b"".join(lines[:-1]))
    recommender.start()
    assert recommender.post()[0] == 410
    assert recommender.post(action="revert")[0] == 200
    assert [call.action for call in recommender.calls] == ["apply", "revert", "revert"]


def test_a_revert_that_overtakes_its_apply_wins_for_ever(recommender: Recommender) -> None:
    status, answer = recommender.post(action="revert")
    assert (status, answer["status"]) == (200, "reverted")
    assert "never applied here" in answer["detail"]
    for _ in range(2):
        status, answer = recommender.post()
        assert (status, answer["status"]) == (410, "refused")
        assert "was taken back" in answer["detail"]
        recommender.start()
    assert recommender.calls == []


def test_an_apply_that_is_delivered_again_after_its_revert_is_refused(recommender: Recommender) -> None:
    recommender.post()
    recommender.post(action="revert")
    assert recommender.post()[0] == 410


def test_an_apply_that_has_expired_is_refused_and_stays_so(recommender: Recommender) -> None:
    for expires_at in ("2026-03-01T11:59:59Z", "2026-03-01T12:00:00+00:00"):
        answered = recommender.post(id=expires_at, expires_at=expires_at)
        assert (answered[0], answered[1]["status"]) == (410, "refused")
        assert recommender.post(id=expires_at, expires_at="2027-01-01T00:00:00Z") == answered
        assert recommender.post(id=expires_at, action="revert")[1]["status"] == "reverted"
    assert recommender.calls == []
    assert recommender.post(expires_at="2026-03-01T12:00:01Z")[0] == 200
    for wrong in ("soon", "2026-03-02T00:00:00", 5, "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"):
        assert recommender.post(id="h3", expires_at=wrong)[0] in (400, 410, 200)
    assert recommender.post(id="h4", expires_at="soon")[0] == 400


def test_a_handler_that_failed_may_be_tried_again(recommender: Recommender) -> None:
    failed = said("failed", "RuntimeError: no snapshot there")
    assert recommender.post(parameters={"fail": True}) == (500, failed)
    assert recommender.post() == (200, said("applied", "done 1"))
    reverting = said("failed", "RuntimeError: no snapshot there", "revert")
    assert recommender.post(action="revert", parameters={"fail": True}) == (500, reverting)
    assert recommender.post()[0] == 410
    assert recommender.post(action="revert") == (200, said("reverted", "done 2", "revert"))


def test_what_failed_is_taken_back_by_the_handler(recommender: Recommender) -> None:
    recommender.post(parameters={"fail": True})
    assert recommender.post(action="revert")[0] == 200
    assert [call.action for call in recommender.calls] == ["revert"]


def test_an_id_is_one_hotfix_s(recommender: Recommender) -> None:
    recommender.receiver.register("other", recommender.handle)
    recommender.post()
    assert recommender.post(hotfix="other", action="revert")[0] == 400
    assert len(recommender.calls) == 1


def test_both_secrets_are_taken_while_they_are_exchanged(recommender: Recommender, tmp_path: Path) -> None:
    receiver = WebhookReceiver(("the new one", SECRET), tmp_path / "other", clock=lambda: NOW)
    receiver.register("rollback", recommender.handle)
    for place, secret in enumerate(("the new one", SECRET, "neither")):
        body = json.dumps({"id": f"r{place}", "action": "apply", "hotfix": "rollback"}).encode()
        assert receiver.receive(headers(body, secret=secret), body)[0] == (
            401 if secret == "neither" else 200
        )
    for secrets in ("", (), ("one", "")):
        with pytest.raises(ValueError, match="secret is empty"):
            WebhookReceiver(secrets, tmp_path / "another")


def test_a_long_body_is_refused_before_it_is_looked_at(recommender: Recommender) -> None:
    assert recommender.receiver.receive({}, b" " * (1024 * 1024 + 1))[0] == 413


@pytest.mark.parametrize("wrong", ["x" * 301, "a\nb", "\ud800", "a\u202eb"])
def test_an_id_that_cannot_be_printed_is_refused(recommender: Recommender, wrong: str) -> None:
    assert recommender.post(id=wrong)[0] == 400


def test_a_line_that_cannot_be_understood_is_left_out_and_said(recommender: Recommender) -> None:
    first = recommender.post()
    recommender.journal.write_bytes(recommender.journal.read_bytes() + b"what is this\n")
    recommender.start()
    assert "line 3" in str(recommender.receiver.problem)
    assert recommender.post() == first
    assert len(recommender.calls) == 1


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
def test_a_signed_body_of_another_shape_is_refused(recommender: Recommender, body: bytes) -> None:
    status, answer = recommender.receiver.receive(headers(body), body)
    assert (status, answer["status"]) == (400, "refused")


def test_wrong_values_and_unknown_hotfixes_are_refused_and_not_remembered(recommender: Recommender) -> None:
    assert recommender.post(action="delete")[0] == 400
    assert recommender.post(parameters=[1])[0] == 400
    assert recommender.post(hotfix="boost")[0] == 404
    assert recommender.post()[0] == 200
