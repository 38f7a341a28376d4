"""
From a finding to its message: incidents opened as the detector does, until the workspace shows them.

The floor beside it is the same post by a bare client to the same workspace, without a store in between.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import httpx

from benchmarks.message.findings import finding, opened
from benchmarks.stack import ANNOUNCE, TOKEN, Stack, stack
from benchmarks.table import Rows, machine, percentile, show
from domain.values import Severity

INCIDENTS = 40
APART_SECONDS = 0.5
BURST = 10
LOOK_SECONDS = 0.02
MOST_SECONDS, PATIENCE_SECONDS = 3.0, 30.0
DECLARATION = """
[recommender]
name = "cinema"
[tables.impressions]
path = "impressions/*.parquet"
time = "shown_at"
window = "1m"
"""


class Room:
    """What the workspace shows, and a client that posts without our processes."""

    def __init__(self, url: str) -> None:
        self._http = httpx.Client(base_url=url, trust_env=False, timeout=10.0)

    def posted(self) -> set[str]:
        """Texts of the messages in a channel."""
        state = self._http.get("/control/state").raise_for_status().json()
        return {str(message["text"]) for message in state["messages"] if not message["deleted"]}

    def post(self, text: str) -> None:
        asked = {"channel": "C-recsysops", "text": text}
        answer = self._http.post(
            "/api/chat.postMessage", json=asked, headers={"Authorization": f"Bearer {TOKEN}"}
        )
        if not answer.json()["ok"]:
            raise RuntimeError(f"the workspace refused a bare post: {answer.text}")

    def wait_for(self, begun: dict[str, float]) -> dict[str, float]:
        """
        Words in a message → seconds from when it was begun until it was seen.

        Raises:
            RuntimeError: one of them did not arrive.
        """
        missing, took = dict(begun), dict[str, float]()
        until = time.perf_counter() + PATIENCE_SECONDS
        while missing:
            texts, now = self.posted(), time.perf_counter()
            for words in [words for words in missing if any(words in text for text in texts)]:
                took[words] = now - missing.pop(words)
            if now > until:
                raise RuntimeError(f"{len(missing)} messages did not come: {sorted(missing)[:3]}")
            time.sleep(LOOK_SECONDS)
        return took


def one_by_one(room: Room, act: Callable[[int], str]) -> list[float]:
    """Seconds of each, begun at a steady pace or once the previous one has arrived."""
    took: list[float] = []
    for number in range(INCIDENTS):
        begun = time.perf_counter()
        took += room.wait_for({act(number): begun}).values()
        time.sleep(max(0.0, APART_SECONDS - (time.perf_counter() - begun)))
    return took


def at_once(room: Room, act: Callable[[int], str]) -> list[float]:
    """Seconds of each, all of them begun one right after the other."""
    begun: dict[str, float] = {}
    for number in range(INCIDENTS, INCIDENTS + BURST):
        at = time.perf_counter()
        begun[act(number)] = at
    return list(room.wait_for(begun).values())


def measure(real: Stack) -> tuple[list[float], list[float], list[float]]:
    """Seconds of single incidents, of a burst of them, and of a bare client's posts."""
    room = Room(real.workspace_url)

    def bare(number: int) -> str:
        room.post(f"Bare post {number} of the floor")
        return f"Bare post {number} of"

    def ours(number: int) -> str:
        # A SEV1, as so many others in a minute would be one message together.
        worst = finding(number).model_copy(update={"severity": Severity.SEV1})
        opened(real.settings, worst, f"message-{number}")
        return f"Genre {number} films"

    floor = one_by_one(room, bare)
    real.start(ANNOUNCE)
    one_by_one_seconds = one_by_one(room, ours)
    return one_by_one_seconds, at_once(room, ours), floor


def main() -> None:
    rows = Rows(machine())
    with stack() as real:
        (real.folder / "recsysops.toml").write_text(DECLARATION)
        single, burst, floor = measure(real)
    bare = f"a bare client's post: p95 {percentile(floor, 0.95):.3f} s"
    work = "finding to its message in the local workspace"
    show(
        "message",
        [
            rows.below(f"{work}, p95 of {INCIDENTS}", percentile(single, 0.95), "s", MOST_SECONDS, bare),
            rows.without_goal(f"{work}, p50", percentile(single, 0.5), "s", bare),
            rows.without_goal(f"{work}, the first while the announcer starts", single[0], "s"),
            rows.below(f"{work}, p95 of {BURST} at once", percentile(burst, 0.95), "s", MOST_SECONDS, bare),
        ],
    )


if __name__ == "__main__":
    main()
