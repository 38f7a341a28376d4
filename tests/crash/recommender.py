"""
A recommender in a folder: impressions by genre in one table, and a receiver that repairs a genre if told to.

Every genre is shown a quarter of what it used to be from the moment it fails on and into the future; the
receiver adds the missing rows from the moment of the call, so that the check sees the recovery itself.
"""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import orjson
import pandas as pd
from recsysops_client.webhook import HotfixCall, WebhookReceiver

from domain.values import Finding, Severity, slice_of

SECRET_ENV = "CRASH_WEBHOOK_SECRET"
SECRET = "between the two of us"
STEP_SECONDS = 0.2
WINDOW = timedelta(seconds=3)
HISTORY = timedelta(seconds=310)
HEALTHY, FAULTY, EVERYTHING_ELSE = 4, 1, 1_000
"""Impressions a row stands for: of a genre before and with the fault, and of all others."""

DECLARED = """
[recommender]
name = "small"
[tables.impressions]
path = "impressions/*.parquet"
time = "shown_at"
window = "3s"
every = "7d"  # nobody but the test looks
dimensions = ["genre"]
[checks.genres]
kind = "slice_volume"
table = "impressions"
measure = "shown"
ways = 1
history = "300s"
[hotfixes.repair]
kind = "webhook"
label = "Repair the genre"
causes = ["feature", "feed", "launch", "model", "unknown"]
deployer = "receiver"
deploy_seconds = 1
watch = "8m"
[deployers.receiver]
kind = "webhook"
url = "{url}"
secret_env = "CRASH_WEBHOOK_SECRET"
[permissions]
respond = ["oncall"]
deploy = ["oncall"]
approve = ["oncall"]
"""


def finding(genre: str, at: datetime) -> Finding:
    """What the check would say of a genre's last window before `at`."""
    per_window = WINDOW.total_seconds() / STEP_SECONDS
    return Finding(
        check="genres",
        table="impressions",
        slice=slice_of(genre=genre),
        window_start=at - WINDOW,
        window_end=at,
        observed=FAULTY * per_window,
        expected=HEALTHY * per_window,
        low=0.75 * HEALTHY * per_window,
        high=1.25 * HEALTHY * per_window,
        unit="impressions",
        p_value=1e-9,
        severity=Severity.SEV2,
        affected_share=0.01,
        title=f"{genre} is shown 75 % less",
    )


class SmallRecommender:
    """
    Attributes, all counted at the receiving end:
        delivered: calls by (key, action); repaired, broken: by genre, how often it really changed.
        genres: of each incident's stream.
    """

    def __init__(self, folder: Path, genres: list[str], began: datetime, seconds: float) -> None:
        self.delivered = Counter[tuple[str, str]]()
        self.repaired = Counter[str]()
        self.broken = Counter[str]()
        self.genres: dict[str, str] = {}
        self.folder, self._rows = folder, folder / "impressions"
        self._rows.mkdir()
        self._chance = random.Random(5)
        self.receiver = WebhookReceiver(SECRET, folder / "journal.jsonl")
        self.receiver.register("repair", self._repair)
        end = began + timedelta(seconds=seconds + 60)
        parts = [self._shown(genre, began - HISTORY, began, HEALTHY) for genre in genres]
        parts += [self._shown(genre, began, end, FAULTY) for genre in genres]
        for genre in genres:
            self._write(f"{genre} as long as it is healthy", self._shown(genre, began, end, HEALTHY - FAULTY))
        parts.append(self._shown("Everything else", began - HISTORY, end, EVERYTHING_ELSE))
        self._write("as it is", pd.concat(parts))
        self._began, self._end = began, end
        self._failed = set[str]()

    def fail(self, genre: str) -> None:
        """From the window before now on; asked again, nothing changes."""
        if genre in self._failed:
            return
        self._failed.add(genre)
        until = datetime.now(UTC) - WINDOW
        missing = self._shown(genre, self._began, until, HEALTHY - FAULTY)
        self._write(f"{genre} as long as it is healthy", missing)

    def _repair(self, call: HotfixCall) -> str:
        # By the approval's id, not by the slice that the diagnosis named: with so many genres coming and
        # going at once it may well name another, and how good it is is tested elsewhere.
        genre = self.genres[call.id.rpartition(":")[0]]
        if call.action == "revert":
            self.broken[genre] += 1
            return f"{genre} is as it was"
        time.sleep(self._chance.uniform(0.0, 1.0))  # so that some die while they wait for the answer
        self.repaired[genre] += 1
        self._write(f"{genre} {call.id}", self._shown(genre, datetime.now(UTC), self._end, HEALTHY - FAULTY))
        return f"{genre} is repaired"

    def _shown(self, genre: str, start: datetime, end: datetime, weight: int) -> pd.DataFrame:
        steps = np.arange(max(0.0, (end - start).total_seconds() / STEP_SECONDS)) * STEP_SECONDS
        times = pd.Timestamp(start) + pd.to_timedelta(steps, unit="s")
        shown_at = times.astype("datetime64[us, UTC]")
        return pd.DataFrame({"shown_at": shown_at, "genre": genre, "shown": weight})

    def _write(self, name: str, rows: pd.DataFrame) -> None:
        being_written = self._rows / f"{name}.being-written"
        rows.to_parquet(being_written)
        being_written.rename(self._rows / f"{name}.parquet")


@contextmanager
def listening(
    recommender: SmallRecommender, done: Callable[[], bool], answered: Callable[[], None]
) -> Iterator[str]:
    """
    The receiver behind HTTP, for the block; its address.

    Args:
        done: called when a call was obeyed and not answered yet; True where who asked is dead since.
        answered: called when an answer has left.
    """

    class Called(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            asked = orjson.loads(body)
            recommender.delivered[asked["id"], asked["action"]] += 1
            status, answer = recommender.receiver.receive(dict(self.headers), body)
            said = orjson.dumps(answer)
            if done():
                self.close_connection = True
                return
            try:
                self.send_response(status)
                self.send_header("Content-Length", str(len(said)))
                self.end_headers()
                self.wfile.write(said)
                answered()
            except ConnectionError:
                self.close_connection = True  # whoever asked was killed meanwhile

        def log_message(self, format: str, *args: object) -> None:
            """Nobody reads it."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Called)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/hotfixes"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
