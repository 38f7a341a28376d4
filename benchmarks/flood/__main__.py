"""
Two thousand incidents at once, and a SEV1 in the middle of them, into a workspace with Slack's limit.

The workspace takes one message a second in a channel and refuses others (429). The announcer is killed
(kill -9) once, right after a second SEV1 was opened, and started again at once. Each incident is diagnosed,
too, as that is what most of the messages would be about.
"""

from __future__ import annotations

import re
import threading
import time
from collections import Counter
from typing import Any

import httpx

from benchmarks.message.findings import finding
from benchmarks.stack import ANNOUNCE, Stack, running, stack
from benchmarks.table import Row, Rows, machine, show
from domain.incident.commands import Acknowledge, OpenIncident, RecordDiagnosis
from domain.values import Actor, Diagnosis, Evidence, Severity
from workers.door import Door
from workers.log.handle import handle

INCIDENTS = 2_000
FIRST, SECOND = INCIDENTS // 2, 3 * INCIDENTS // 4
TAKEN = 700
MOST_SECONDS, MOST_MESSAGES, PATIENCE_SECONDS = 5.0, 100, 600.0
LOOK_SECONDS = 0.1
DECLARATION = """
[recommender]
name = "cinema"
[tables.impressions]
path = "impressions/*.parquet"
time = "shown_at"
window = "1m"
"""
DETECTOR = Actor(kind="worker", id="worker:detect")
ON_CALL = Actor(kind="person", id="slack:U-oncall", groups=("oncall",))
DIAGNOSED = Diagnosis(
    cause="Input, not model: the language is not set.",
    cause_kind="feature",
    evidence=(Evidence(kind="feature", statement="Their language is not set.", strength=0.9),),
    seconds=1.0,
)
Json = dict[str, Any]


class Watcher:
    """Looks at the workspace all the time, and notes how long it took until a message said something."""

    def __init__(self, url: str) -> None:
        self._http = httpx.Client(base_url=url, trust_env=False, timeout=30.0)
        self._awaited: dict[str, float] = {}
        self.took: dict[str, float] = {}
        self._stop = threading.Event()
        self._watching = threading.Thread(target=self._watch, daemon=True)
        self._watching.start()

    def stop(self) -> None:
        """Look no more, before the workspace ends."""
        self._stop.set()
        self._watching.join()

    def wait_for(self, words: str) -> None:
        """Begin to count the seconds until a message says this."""
        self._awaited[words] = time.perf_counter()

    def seconds(self, words: str) -> float:
        """How long it took until a message said this; `PATIENCE_SECONDS` if none does."""
        begun = self._awaited.setdefault(words, time.perf_counter())
        while words not in self.took and time.perf_counter() < begun + PATIENCE_SECONDS:
            time.sleep(LOOK_SECONDS)
        return self.took.get(words, PATIENCE_SECONDS)

    def state(self) -> Json:
        return dict(self._http.get("/control/state").raise_for_status().json())

    def messages(self) -> list[Json]:
        return [one for one in self.state()["messages"] if not one["deleted"]]

    def _watch(self) -> None:
        while not self._stop.wait(LOOK_SECONDS):
            texts = [str(one["text"]) for one in self.messages()]
            for words, begun in list(self._awaited.items()):
                if words not in self.took and any(words in text for text in texts):
                    self.took[words] = time.perf_counter() - begun


def opened(door: Door, number: int, severity: Severity) -> None:
    """Open an incident as the detector does, and diagnose it."""
    found = finding(number).model_copy(update={"severity": severity})
    one = handle(None, OpenIncident(number=0, finding=found), actor=DETECTOR, key=f"{number}", log=door.log)
    diagnosis = RecordDiagnosis(diagnosis=DIAGNOSED)
    handle(one.stream, diagnosis, actor=DETECTOR, key=f"{number}-diagnosis", log=door.log)


def flooded(real: Stack, door: Door, watcher: Watcher) -> float:
    """Open them all, with one kill of the announcer, and return how long that took."""
    begun = time.perf_counter()
    announcer = running(ANNOUNCE, real.environment, real.log)
    announcer.__enter__()
    for number in range(1, INCIDENTS + 1):
        if number in (FIRST, SECOND):
            words = f"Genre {INCIDENTS + number} films"
            opened(door, INCIDENTS + number, Severity.SEV1)
            watcher.wait_for(words)
        if number == SECOND:
            announcer.__exit__(None, None, None)  # kill -9
            real.start(ANNOUNCE)
        opened(door, number, Severity.SEV2 if number % 3 else Severity.SEV3)
    return time.perf_counter() - begun


def wait_until_over(door: Door, watcher: Watcher) -> float:
    """
    How long it took until the flood's message said that it is over, and nothing was owed.

    Raises:
        RuntimeError: it did not end.
    """
    begun = time.perf_counter()
    while time.perf_counter() < begun + PATIENCE_SECONDS:
        if any("It is over" in one["text"] for one in watcher.messages()) and not door.shown.owed():
            return time.perf_counter() - begun
        time.sleep(1.0)
    raise RuntimeError(f"the flood did not end: {len(door.shown.owed())} incidents are owed")


def announced(messages: list[Json]) -> Counter[int]:
    """Number of an incident → how often it has a card, or a line in a list."""
    floods = {one["ts"] for one in messages if "incidents of" in one["text"]}
    lists = [one for one in messages if one["thread_ts"] in floods]
    cards = [one for one in messages if one["thread_ts"] is None and one["ts"] not in floods]
    return Counter(
        int(number)
        for one in [*cards, *lists]
        for number in re.findall(r"\*#(\d+)\*" if one in lists else r"\*#(\d+)\* · ", str(one["blocks"]))
    )


def measured(real: Stack, rows: Rows) -> list[Row]:
    door, watcher = Door(real.settings), Watcher(real.workspace_url)
    seconds = flooded(real, door, watcher)
    over = wait_until_over(door, watcher)
    messages, calls = watcher.messages(), watcher.state()["calls"]["chat.postMessage"]
    seen, in_all = announced(messages), INCIDENTS + 2
    door.submit(f"#{TAKEN}", Acknowledge(), ON_CALL, "taken")
    taken = watcher.seconds(f"Genre {TAKEN} films")
    first, second = (watcher.seconds(f"Genre {INCIDENTS + one} films") for one in (FIRST, SECOND))
    watcher.stop()
    beside = f"{in_all:,} opened and diagnosed in {seconds:.0f} s; {calls:,} posts tried, one a second taken"
    return [
        rows.below(
            "a SEV1 in the middle of 2,000 incidents, until its card", first, "s", MOST_SECONDS, beside
        ),
        rows.below("a SEV1, the announcer killed right after it (kill -9)", second, "s", MOST_SECONDS),
        rows.below(
            "messages in the channel, with those in threads", len(messages), "messages", MOST_MESSAGES
        ),
        rows.below("incidents that no card and no list names", in_all - len(seen), "incidents", 0),
        rows.below("incidents named twice", sum(count > 1 for count in seen.values()), "incidents", 0),
        rows.below("one of the flood, from being taken until its card", taken, "s", MOST_SECONDS),
        rows.without_goal("from the last one until the flood's message said that it is over", over, "s"),
    ]


def main() -> None:
    rows = Rows(machine())
    with stack(extra={"WORKSPACE_POST_SECONDS": "1"}) as real:
        (real.folder / "recsysops.toml").write_text(DECLARATION)
        show("flood", measured(real, rows))


if __name__ == "__main__":
    main()
