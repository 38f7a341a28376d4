"""
How many clicks a person needs to deploy a hotfix, and to take it back: counted in the workspace.

All processes run as in production, and a real receiver is called. Clicks are presses on what the message
offers, on the yes where a button asks for confirmation, and on each form sent off on the way; they count
until the target has done it.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pandas as pd

from benchmarks.message.findings import finding, opened
from benchmarks.resolution.receiver import SECRET, SECRET_ENV, Receiver, listening
from benchmarks.stack import ANNOUNCE, CLOCK, FOLLOWER, WEB, WORKERS, stack
from benchmarks.table import Row, Rows
from workers.door import Door

TO_DEPLOY, TO_REVERT = 2, 1
PATIENCE_SECONDS, PAUSE_SECONDS = 300.0, 0.2
ON_CALL, CHANNEL = "U-oncall", "C-recsysops"
Json = dict[str, Any]
DECLARED = """
[recommender]
name = "shop"
[tables.impressions]
path = "impressions/*.parquet"
time = "shown_at"
window = "1m"
dimensions = ["genre"]
[hotfixes.rollback]
kind = "webhook"
label = "Roll it back"
causes = ["feature", "feed", "launch", "model", "serving", "unknown"]
deployer = "hooks"
watch = "1h"
[deployers.hooks]
kind = "webhook"
url = "{url}"
confirm_url = "{url}"
secret_env = "SHOP_SECRET"
[permissions]
respond = ["oncall"]
deploy = ["oncall"]
approve = ["oncall"]
"""


class Person:
    """Attributes: clicks, how many so far."""

    def __init__(self, url: str) -> None:
        self._http = httpx.Client(base_url=url, trust_env=False, timeout=60.0)
        self.clicks = 0

    def message(self, action: str) -> Json | None:
        """The message in the channel that offers this action."""
        state = self._http.get("/control/state").raise_for_status().json()
        shown = [one for one in state["messages"] if one["channel"] == CHANNEL and not one["deleted"]]
        return next((one for one in shown if any(e["action_id"] == action for e in _elements(one))), None)

    def press(self, action: str) -> None:
        """
        Press it, confirm where that is asked, and send off each form that opens.

        Raises:
            RuntimeError: no message offers it.
        """
        message = self.message(action)
        if message is None:
            raise RuntimeError(f"no message offers {action!r}")
        element = next(one for one in _elements(message) if one["action_id"] == action)
        self.clicks += 2 if "confirm" in element else 1
        self._act("press", action_id=action, channel=CHANNEL, ts=message["ts"])
        state = self._http.get("/control/state").raise_for_status().json()
        for _view in state["views"][ON_CALL]:
            self.clicks += 1
            self._act("submit", values={})

    def _act(self, what: str, **body: object) -> None:
        answer = self._http.post(f"/control/{what}", json={"user": ON_CALL, **body}).json()
        if answer.get("error"):
            raise RuntimeError(f"{what} failed: {answer['error']}")


def _elements(message: Mapping[str, Any]) -> Iterator[Json]:
    for block in message["blocks"] or ():
        for element in [*block.get("elements", []), block.get("accessory") or {}]:
            if "action_id" in element:
                yield element


def rows(table: Rows, _asked: argparse.Namespace) -> Iterator[Row]:
    """Clicks to deploy, and to revert."""
    with (
        tempfile.TemporaryDirectory(prefix="recsysops-clicks-") as made,
        listening(Receiver(Path(made) / "journal")) as target,
        stack(extra={SECRET_ENV: SECRET}) as real,
    ):
        (real.folder / "recsysops.toml").write_text(DECLARED.format(url=target.url))
        _write_rows(real.folder / "impressions")
        door, person = Door(real.settings), Person(real.workspace_url)
        real.start(WEB, health=f"{real.web_url}/health")
        for module in (ANNOUNCE, FOLLOWER, CLOCK, WORKERS):
            real.start(module)
        opened(real.settings, finding(1), "clicks")
        _wait("the menu", lambda: person.message("deploy") is not None)
        person.press("deploy")
        _wait("the deployment", lambda: len(target.serving) == 1)
        said = f"until the receiver served it; {_stage(door)}"
        yield table.below("clicks to deploy", person.clicks, "clicks", TO_DEPLOY, said)
        person.clicks = 0
        _wait("the button", lambda: person.message("revert") is not None)
        person.press("revert")
        _wait("the revert", lambda: not target.serving)
        said = f"until the receiver served it no more; {_stage(door)}"
        yield table.below("clicks to revert", person.clicks, "clicks", TO_REVERT, said)


def _write_rows(folder: Path) -> None:
    """Writes two hours of impressions, for the diagnosis to read."""
    folder.mkdir()
    times = pd.date_range(end=pd.Timestamp.now("UTC"), periods=7_200, freq="s").as_unit("us")
    rows = pd.DataFrame({"shown_at": times, "genre": [f"Genre {n % 4}" for n in range(len(times))]})
    rows.to_parquet(folder / "rows.parquet", index=False)


def _stage(door: Door) -> str:
    (incident,) = door.incidents()
    return f"the log: {incident.hotfix.stage if incident.hotfix else 'none'}"


def _wait(what: str, done: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while not done():
        if time.monotonic() > until:
            raise RuntimeError(f"{what} took longer than {PATIENCE_SECONDS:.0f} s")
        time.sleep(PAUSE_SECONDS)
