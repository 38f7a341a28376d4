"""What the webhook can change, and how each change is reverted: by a call, or when it expires."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from recsysops_client import HotfixCall, WebhookReceiver

from . import ranking
from .deliveries import delivered_times, read_snapshot
from .faults import FLIPPED, now
from .live import Live

LOG = logging.getLogger("cinema")
HOTFIXES = {
    "catalogue_rollback": "serves the catalogue of an earlier delivery; films launched since then are gone",
    "feed_failover": "reads plays from the standby, also those lost since the fault began",
    "retrain_without_segment": "trains at once, leaving out one segment of the log",
}


class Hotfixes:
    """The hotfixes in force, kept in a file so that they survive a restart."""

    def __init__(self, live: Live, clock: Callable[[], datetime] = now) -> None:
        self.live, self.clock = live, clock
        self.path = live.settings.folder / "hotfixes.json"
        self.receiver = WebhookReceiver(live.settings.secrets(), live.settings.folder / "hooks.journal")
        self.active: dict[str, dict[str, Any]] = {}
        for name in HOTFIXES:
            self.receiver.register(name, self.handle)
        self.receiver.confirm_by(self.in_force)
        if self.path.exists():
            self.active = json.loads(self.path.read_text())
            self._restore()

    def handle(self, call: HotfixCall) -> str:
        """Apply or revert what a verified call asks for; returns a sentence for people."""
        with self.live.lock:
            if call.action == "revert":
                if self.active.get(call.hotfix, {}).get("id") != call.id:
                    return f"{call.hotfix} was not in force by {call.id}"
                return self.revert(call.hotfix)
            if call.expires_at is not None:
                _parse_expiry(call.expires_at)
            if call.hotfix in self.active:
                raise ValueError(f"{call.hotfix} is in force already, by {self.active[call.hotfix]['id']}")
            detail, noted = self._apply(call.hotfix, dict(call.parameters), self.clock())
            self.active[call.hotfix] = {"id": call.id, "expires_at": call.expires_at, **noted}
            self._write()
            return detail

    def revert(self, hotfix: str) -> str:
        """Revert a hotfix."""
        if hotfix not in self.active:
            return f"{hotfix} was not in force"
        noted = self.active[hotfix]
        if hotfix == "catalogue_rollback":
            self.live.serving.rolled_back = None
            detail = "serving the latest delivery again"
        elif hotfix == "feed_failover":
            self.live.failover = False
            detail = "plays are read from the first feed again"
        else:
            detail = self._restore_model(Path(noted["model_before"]))
        del self.active[hotfix]
        self._write()
        return detail

    def in_force(self) -> list[str]:
        """The ids of the calls whose change is being served now: as serving has it, not as it was noted."""
        with self.live.lock:
            served = {
                "catalogue_rollback": self.live.serving.rolled_back is not None,
                "feed_failover": self.live.failover,
            }
            return [noted["id"] for hotfix, noted in self.active.items() if served.get(hotfix, True)]

    def expire(self, at: datetime) -> None:
        """Revert the hotfixes that have expired."""
        with self.live.lock:
            for hotfix, noted in list(self.active.items()):
                if noted["expires_at"] and _parse_expiry(noted["expires_at"]) <= at:
                    LOG.info("%s expired: %s", hotfix, self.revert(hotfix))

    def _apply(self, hotfix: str, parameters: dict[str, Any], at: datetime) -> tuple[str, dict[str, Any]]:
        if hotfix == "catalogue_rollback":
            return self._roll_back(parameters.get("before"), at)
        if hotfix == "feed_failover":
            self.live.failover = True
            back = self.live.restore_plays()
            return f"plays are read from the standby; {back:,} lost rows are back", {}
        segment = f"{parameters.get('column', FLIPPED[0])}={parameters.get('value', FLIPPED[1])}"
        return self._retrain(segment, at)

    def _roll_back(self, before: str | None, at: datetime) -> tuple[str, dict[str, Any]]:
        serving, tables = self.live.serving, self.live.settings.tables
        times = delivered_times(tables)
        limit = _parse_expiry(before) if before else times[-1]
        earlier = [time for time in times if time < limit]
        if not earlier:
            raise ValueError(f"no catalogue was delivered before {limit.isoformat()}")
        serving.rolled_back = read_snapshot(tables, earlier[-1], serving.truth)
        gone = int(serving.delivered.launched(at).sum() - serving.rolled_back.launched(at).sum())
        since = f"{earlier[-1]:%Y-%m-%d %H:%M:%S} UTC"
        detail = f"serving the catalogue delivered at {since}; {gone} newer films are gone"
        return detail, {"delivered_at": earlier[-1].isoformat()}

    def _retrain(self, segment: str, at: datetime) -> tuple[str, dict[str, Any]]:
        before = self._keep_model()
        detail = self.live.train(at, left_out=segment)
        if detail.startswith("not trained"):
            raise ValueError(detail)
        return f"{detail}, without {segment}", {"model_before": str(before)}

    def _keep_model(self) -> Path:
        serving = self.live.serving
        folder = self.live.settings.folder / "models" / f"before-{self.clock():%Y%m%dT%H%M%S%f}"
        ranking.save(serving.ranker, folder)
        return folder

    def _restore_model(self, folder: Path) -> str:
        ranker = ranking.load(folder)
        if ranker is None:
            raise ValueError(f"the model from before is not in {folder} any more; train again instead")
        self.live.serving.replace_ranker(ranker)
        return f"serving the model trained at {ranker.trained_at:%Y-%m-%d %H:%M} UTC again"

    def _restore(self) -> None:
        """Restore after a restart what is only in memory, from what was noted."""
        self.live.failover = "feed_failover" in self.active
        if "catalogue_rollback" in self.active:
            delivered = datetime.fromisoformat(self.active["catalogue_rollback"]["delivered_at"])
            serving = self.live.serving
            serving.rolled_back = read_snapshot(self.live.settings.tables, delivered, serving.truth)

    def _write(self) -> None:
        fresh = self.path.with_suffix(".tmp")
        fresh.write_text(json.dumps(self.active, indent=1))
        fresh.replace(self.path)


def _parse_expiry(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
