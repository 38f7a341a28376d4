"""Laws of the receiver's journal: whatever comes in whatever order, what was meant last is how it ends."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from recsysops_client import HotfixCall, WebhookReceiver, sign
from recsysops_client.journal import Journal

SECRET = "a shared secret"
CLIENT = Path(__file__).parents[2] / "client"
EXPIRES = "2026-03-02T12:00:00+00:00"
BEGAN, EXPIRED = 1_772_366_400, 1_772_452_801


class Killed(BaseException):
    """The process ends here: nothing that follows happens."""


def ask(receiver: WebhookReceiver, id: str, action: str, now: int) -> tuple[int, dict[str, Any]]:
    call = {
        "id": id,
        "action": action,
        "hotfix": "fill",
        "expires_at": EXPIRES if action == "apply" else None,
    }
    body = json.dumps(call).encode()
    signed = {"X-RecSysOps-Timestamp": str(now), "X-RecSysOps-Signature": sign(SECRET, now, body)}
    return receiver.receive(signed, body)


class Calls(RuleBasedStateMachine):
    """One caller, two receivers on a journal, handlers that fail, processes that die anywhere in between."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory(prefix="recsysops-")
        self.now = BEGAN
        self.in_force: set[str] = set()
        self.applied: dict[str, int] = {}
        self.meant: dict[str, str] = {}
        self.answered: dict[tuple[str, str], int] = {}
        self.ends = "well"
        self.receivers = [self._receiver(), self._receiver()]

    def teardown(self) -> None:
        self.folder.cleanup()

    def _receiver(self) -> WebhookReceiver:
        receiver = WebhookReceiver(SECRET, Path(self.folder.name, "journal"), clock=lambda: self.now)
        receiver.register("fill", self._handle)
        return receiver

    def _handle(self, call: HotfixCall) -> str:
        if self.ends == "killed before":
            raise Killed
        if self.ends == "fails":
            raise RuntimeError("not today")
        if call.action == "apply":
            self.applied[call.id] = self.applied.get(call.id, 0) + 1
            self.in_force.add(call.id)
        else:
            self.in_force.discard(call.id)
        if self.ends == "killed after":
            raise Killed
        return "done"

    def _call(self, id: str, action: str, which: int) -> int | None:
        if not (action == "apply" and self.meant.get(id) == "revert"):
            self.meant[id] = action  # an apply that comes after its revert was meant before it
        try:
            status, _ = ask(self.receivers[which], id, action, self.now)
        except Killed:
            self.receivers[which] = self._receiver()
            return None
        self.answered[id, action] = status
        return status

    @rule(
        id=st.sampled_from("abc"),
        action=st.sampled_from(["apply", "revert"]),
        which=st.integers(0, 1),
        ends=st.sampled_from(["well", "well", "fails", "killed before", "killed after"]),
    )
    def a_call_is_delivered(self, id: str, action: str, which: int, ends: str) -> None:
        self.ends = ends
        status = self._call(id, action, which)
        self.ends = "well"
        if status == 200:
            assert (id in self.in_force) == (action == "apply")

    @rule()
    def time_passes_until_all_is_expired(self) -> None:
        self.now = EXPIRED

    @rule(which=st.integers(0, 1))
    def a_process_starts_again(self, which: int) -> None:
        self.receivers[which] = self._receiver()

    @rule(which=st.integers(0, 1))
    def the_last_that_was_meant_is_asked_until_it_is_known(self, which: int) -> None:
        for id, action in self.meant.items():
            status = self._call(id, action, which)
            if action == "revert":
                assert status == 200
                assert id not in self.in_force
            else:
                assert status in (200, 409, 410)
                assert status != 200 or id in self.in_force
                assert status != 410 or id not in self.in_force

    @invariant()
    def no_apply_is_done_twice(self) -> None:
        assert all(count == 1 for count in self.applied.values())

    @invariant()
    def what_was_said_to_be_taken_back_is_not_in_force(self) -> None:
        for (id, action), status in self.answered.items():
            if action == "revert" and status == 200:
                assert id not in self.in_force


TestCalls = Calls.TestCase
TestCalls.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)

RECEIVE = """
import json, os, sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from recsysops_client import WebhookReceiver, sign
folder, calls = Path(sys.argv[2]), int(sys.argv[3])
def handle(call):
    file = os.open(folder / "effects", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(file, f"{call.action} {call.id}\\n".encode())
    os.close(file)
    time.sleep(0.002)
    return "done"
receiver = WebhookReceiver("s", folder / "journal")
receiver.register("fill", handle)
for place in range(calls):
    body = json.dumps({"id": f"h{place}", "action": "apply", "hotfix": "fill"}).encode()
    now = int(time.time())
    signed = {"X-RecSysOps-Timestamp": str(now), "X-RecSysOps-Signature": sign("s", now, body)}
    status, answer = receiver.receive(signed, body)
    assert status in (200, 409), answer
    print(status, flush=True)
"""


def start(folder: Path, calls: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", RECEIVE, str(CLIENT), str(folder), str(calls)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def effects(folder: Path) -> list[str]:
    return (folder / "effects").read_text().splitlines()


def test_three_processes_on_one_journal_run_each_hook_once(tmp_path: Path) -> None:
    running = [start(tmp_path, 60) for _ in range(3)]
    for process in running:
        out, err = process.communicate(timeout=600)
        assert process.returncode == 0, err
        assert out.split() == ["200"] * 60
    assert sorted(effects(tmp_path)) == sorted(f"apply h{place}" for place in range(60))


def test_processes_killed_anywhere_run_no_hook_twice_and_lose_no_answer(tmp_path: Path) -> None:
    chance = random.Random(11)
    for _ in range(12):
        process = start(tmp_path, 40)
        assert process.stdout is not None
        for _ in range(chance.randint(0, 12)):
            process.stdout.readline()
        time.sleep(chance.random() * 0.01)
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=600)
    out, err = start(tmp_path, 40).communicate(timeout=600)
    done = effects(tmp_path)
    assert len(done) == len(set(done)), err
    answered = dict(zip((f"apply h{place}" for place in range(40)), out.split(), strict=True))
    assert all(call in done for call, status in answered.items() if status == "200")


def test_threads_on_one_receiver_run_a_hook_once(tmp_path: Path) -> None:
    ran: list[str] = []

    def handle(call: HotfixCall) -> str:
        ran.append(call.id)
        time.sleep(0.02)
        return "done"

    receiver = WebhookReceiver(SECRET, tmp_path / "journal", clock=lambda: BEGAN)
    receiver.register("fill", handle)
    threads = [threading.Thread(target=ask, args=(receiver, "a", "apply", BEGAN)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert ran == ["a"]


def entry(id: str, action: str, stage: str) -> dict[str, Any]:
    said = {} if stage == "begun" else {"http": 200, "answer": {"status": stage, "detail": "x" * 50}}
    return {"id": id, "action": action, "hotfix": "fill", "stage": stage, **said}


def test_the_journal_is_bounded_and_keeps_what_may_be_in_force(tmp_path: Path) -> None:
    first = Journal(tmp_path / "journal", most_bytes=20_000, kept_ended=20)
    second = Journal(tmp_path / "journal", most_bytes=20_000, kept_ended=20)
    with first.held():
        first.write(entry("in force", "apply", "done"))
        first.write(entry("unknown", "apply", "begun"))
    for place in range(600):
        journal = (first, second)[place % 2]
        with journal.held():
            journal.write(entry(f"h{place}", "apply", "done"))
            journal.write(entry(f"h{place}", "revert", "done"))
    assert (tmp_path / "journal").stat().st_size <= 20_000
    third = Journal(tmp_path / "journal")
    for journal in (first, second, third):
        with journal.held():
            assert journal.problem is None
            assert [str(journal.known(id).apply) for id in ("in force", "unknown")] == ["done", "begun"]  # type: ignore[union-attr]
            assert all(journal.known(f"h{place}") for place in range(580, 600))
            assert journal.known("h5") is None


def test_a_link_stays_and_the_file_it_leads_to_is_written(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "journal").symlink_to(tmp_path / "disk" / "journal")
    journal = Journal(tmp_path / "journal", most_bytes=500)
    for place in range(20):
        with journal.held():
            journal.write(entry(f"h{place}", "apply", "done"))
    assert (tmp_path / "journal").is_symlink()
    assert (tmp_path / "disk" / "journal").stat().st_mode & 0o077 == 0


FULL = """
import resource, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from tests.client.test_journal import BEGAN, ask
from recsysops_client import WebhookReceiver
ran = []
receiver = WebhookReceiver("a shared secret", Path(sys.argv[2]), clock=lambda: BEGAN)
receiver.register("fill", lambda call: ran.append(call.id) or "done")
assert ask(receiver, "a", "apply", BEGAN)[0] == 200
size = Path(sys.argv[2]).stat().st_size
resource.setrlimit(resource.RLIMIT_FSIZE, (size + 20, resource.RLIM_INFINITY))
status, answer = ask(receiver, "b", "apply", BEGAN)
assert (status, answer["status"], ran) == (503, "failed", ["a"]), (status, answer, ran)
assert Path(sys.argv[2]).stat().st_size == size
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
assert ask(receiver, "b", "apply", BEGAN)[0] == 200
"""


def test_on_a_full_disk_no_hook_is_run_and_nothing_half_written_stays(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(CLIENT), str(tmp_path / "journal")],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(root)},
        timeout=600,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("cut", [1, 10, 40])
def test_a_line_cut_short_is_left_out_and_said(tmp_path: Path, cut: int) -> None:
    journal = Journal(tmp_path / "journal")
    with journal.held():
        journal.write(entry("a", "apply", "done"))
        journal.write(entry("b", "apply", "done"))
    text = (tmp_path / "journal").read_bytes()
    (tmp_path / "journal").write_bytes(text[:-cut])
    again = Journal(tmp_path / "journal")
    with again.held():
        assert again.known("a") is not None
        assert again.known("b") is None
        again.write(entry("c", "apply", "done"))
    assert again.problem is not None
    assert [json.loads(line)["id"] for line in (tmp_path / "journal").read_bytes().splitlines()] == ["a", "c"]
