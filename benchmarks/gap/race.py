"""Eight writing processes, killed every now and then, and one follower that looks all the time."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass

from benchmarks.gap.sides import SIDES, Side

WRITERS = 8
KILL_EVERY_SECONDS = 1.5


@dataclass(frozen=True)
class Outcome:
    """`events` were committed; of them the follower `missed` some and saw some `twice`."""

    events: int
    missed: int
    twice: int
    killed: int


def race(side: str, url: str, seconds: float) -> Outcome:
    """
    Let the writers of a side (a name in `SIDES`) write for `seconds`, with a follower beside them.

    Args:
        url: the owner's address of a migrated database.
    """
    follower = SIDES[side](url)
    writers = [_writer(side, url) for _ in range(WRITERS)]
    try:
        seen, killed = _follow(follower, writers, side, url, seconds)
    finally:
        for writer in writers:
            writer.kill()
            writer.wait()
    while shown := follower.look():
        seen += shown
    # A killed client's last transaction may commit or roll back a moment later.
    time.sleep(1.0)
    while shown := follower.look():
        seen += shown
    there, counted = follower.there(), Counter(seen)
    missed = sum(name not in counted for name in there)
    return Outcome(len(there), missed, sum(count > 1 for count in counted.values()), killed)


def _follow(
    follower: Side, writers: list[subprocess.Popen[bytes]], side: str, url: str, seconds: float
) -> tuple[list[str], int]:
    """What the follower was shown until time was up, and how many writers were killed meanwhile."""
    seen, killed = list[str](), 0
    while not (shown := follower.look()):
        time.sleep(0.01)  # Python starts; the race begins with the first event
    seen += shown
    until, kill_at = time.monotonic() + seconds, time.monotonic() + KILL_EVERY_SECONDS
    while (now := time.monotonic()) < until:
        seen += follower.look()
        if now > kill_at:
            at = random.randrange(WRITERS)
            writers[at].kill()
            writers[at].wait()
            writers[at] = _writer(side, url)
            killed, kill_at = killed + 1, now + KILL_EVERY_SECONDS
    return seen, killed


def _writer(side: str, url: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "benchmarks.gap.race", side, url])


def main() -> None:
    """A writer: `python -m benchmarks.gap.race SIDE URL`, until it is killed."""
    side, dice = SIDES[sys.argv[1]](sys.argv[2]), random.Random()
    while True:
        side.write(dice)


if __name__ == "__main__":
    main()
