"""100,000 requests that nobody should send, and genuine presses beside them, against the real web process."""

from __future__ import annotations

import asyncio
import os
import random
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from benchmarks.border.attack import CLOSED, LEFT, Answers, attack, press
from benchmarks.border.requests import KINDS, Drawn, request
from benchmarks.press.slack import modal
from benchmarks.press.slack import signed as signed_press
from benchmarks.stack import WEB, Stack, free_ports, stack
from benchmarks.table import Row, Rows, machine, percentile, show
from bot.messages.incident.value import spell
from domain.incident.commands import DeclareIncident
from domain.incident.state import Incident
from domain.values import Actor, Severity
from workers.door import Door

REQUESTS = int(os.environ.get("REQUESTS", "100000"))
WARM = 3_000
SEED = 20260301
INCIDENTS = 20
PRESSES, PAUSE_SECONDS = 200, 0.25
MOST_GROWTH, MOST_LEFT = 48.0, 24.0
"""Megabytes above its size after `WARM` requests: at the peak, and once everything is over."""

SLACK_WAITS_MILLISECONDS = 3_000.0
DECLARED = """
[recommender]
name = "border"
[tables.impressions]
path = "impressions/*.parquet"
time = "at"
window = "1h"
[permissions]
respond = ["oncall"]
deploy = ["oncall"]
approve = ["ml"]
"""
OPERATOR = Actor(kind="person", id="terminal:benchmark", groups=("oncall",))


@dataclass
class Memory:
    """Resident megabytes of a process, sampled ten times a second."""

    process: psutil.Process
    seen: list[float] = field(default_factory=list)

    def now(self) -> float:
        return float(self.process.memory_info().rss / 1e6)

    @contextmanager
    def watched(self) -> Iterator[None]:
        over = threading.Event()

        def look() -> None:
            while not over.wait(0.1):
                self.seen.append(self.now())

        thread = threading.Thread(target=look, daemon=True)
        thread.start()
        yield
        over.set()
        thread.join()


@dataclass(frozen=True)
class Outcome:
    """The result of the run. Megabytes, seconds."""

    answers: Answers
    before: float
    peak: float
    after: float
    presses: list[float]
    refused: int
    accepted: int
    tracebacks: int
    seconds: float


def declared(door: Door) -> list[Incident]:
    """Incidents to press on."""
    for number in range(INCIDENTS):
        command = DeclareIncident(number=0, title=f"Rows are odd, {number}", severity=Severity.SEV3)
        door.submit(None, command, OPERATOR, f"border-{number}")
    return door.incidents()


def genuine(incidents: list[Incident], name: str, count: int, answer_url: str) -> list[bytes]:
    """Notes that somebody in the group writes on these incidents."""
    presses = []
    for number in range(count):
        words = {"text": {"type": "plain_text_input", "value": f"{name} {number}"}}
        value = spell(incidents[number % len(incidents)])
        body, headers = signed_press(modal("note", value, f"{name}-{number}", words))
        presses.append(request(body, list(headers.items())))
    return presses


def events(door: Door, incidents: list[Incident]) -> int:
    return sum(len(door.events(one.stream)) for one in incidents)


async def strike(
    port: int, metrics_port: int, drawn: Drawn, presses: list[bytes], taken: list[float]
) -> tuple[Answers, int]:
    """Run the attack, with genuine presses beside it."""
    pressing = asyncio.create_task(press(port, presses, PAUSE_SECONDS, taken))
    answers = await attack(port, metrics_port, drawn, REQUESTS)
    return answers, await pressing


def measure(real: Stack) -> Outcome:
    """Run everything against one web process."""
    door = Door(real.settings)
    incidents = declared(door)
    process = real.start(WEB, health=f"{real.web_url}/health")
    port, answer_url = int(real.web_url.rpartition(":")[2]), f"{real.workspace_url}/respond/none"
    metrics_port = int(real.environment["METRICS_PORT"])
    memory, taken = Memory(psutil.Process(process.pid)), list[float]()
    known = genuine(incidents, "before", INCIDENTS, answer_url)
    if asyncio.run(press(port, known, 0.0, [])):
        raise RuntimeError("genuine presses are refused before anything began")
    drawn = Drawn(random.Random(SEED), [spell(one) for one in incidents], answer_url, known)
    asyncio.run(attack(port, metrics_port, drawn, WARM))
    before, written = memory.now(), events(door, incidents)
    presses = genuine(incidents, "beside", PRESSES, answer_url)
    begun = time.perf_counter()
    with memory.watched():
        answers, refused = asyncio.run(strike(port, metrics_port, drawn, presses, taken))
    seconds = time.perf_counter() - begun
    accepted = abs(events(door, incidents) - written - PRESSES) + len(door.incidents()) - INCIDENTS
    tracebacks = real.log.read_text(encoding="utf-8", errors="replace").count("Traceback")
    return Outcome(
        answers, before, max(memory.seen), memory.now(), taken, refused, accepted, tracebacks, seconds
    )


def main() -> None:
    rows = Rows(machine())
    with tempfile.TemporaryDirectory(prefix="recsysops-benchmark-") as made:
        file = Path(made, "recsysops.toml")
        file.write_text(DECLARED, encoding="utf-8")
        (port,) = free_ports(1)
        with stack(file, {"METRICS_PORT": str(port)}) as real:
            show("border", list(table(rows, measure(real))))


def table(rows: Rows, got: Outcome) -> Iterator[Row]:
    """What the attack did, and how the presses beside it fared."""
    answers = got.answers
    for kind in KINDS:
        sent = sum(answers.of[kind].values())
        yield rows.without_goal(f"{kind}: sent", sent, "requests", _spoken(answers, kind))
    yield rows.above("all of them", answers.sent, "requests", REQUESTS, f"in {got.seconds:.0f} s")
    yield rows.below("events that they added to the log, or that were lost", got.accepted, "events", 0)
    yield rows.below("answered with a fault of ours (5xx)", answers.faults(), "requests", 0)
    yield rows.below("left waiting for 30 s", answers.count(LEFT), "requests", 0)
    yield rows.below("tracebacks in the log of the process", got.tracebacks, "tracebacks", 0)
    yield from _memory(rows, got)
    yield rows.below(f"genuine presses refused, of {PRESSES} beside", got.refused, "presses", 0)
    milliseconds = [1_000 * one for one in got.presses]
    p50, p99 = (percentile(milliseconds, share) for share in (0.5, 0.99))
    work = "genuine presses beside, p99"
    yield rows.below(work, p99, "ms", SLACK_WAITS_MILLISECONDS, f"p50 {p50:.0f} ms")


def _memory(rows: Rows, got: Outcome) -> Iterator[Row]:
    grown, left = got.peak - got.before, got.after - got.before
    yield rows.below(
        "memory at its peak, over before", grown, "MB", MOST_GROWTH, f"before: {got.before:.0f} MB"
    )
    yield rows.below("memory after, over before", left, "MB", MOST_LEFT, f"after: {got.after:.0f} MB")


def _spoken(answers: Answers, kind: str) -> str:
    """How the requests were answered, the most frequent answer first."""
    return ", ".join(f"{said}: {count:,}" for said, count in answers.of[kind].most_common(6))


__all__ = ["CLOSED", "main"]

if __name__ == "__main__":
    main()
