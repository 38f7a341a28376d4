"""What the webhook can change, and how each change is reverted: by a call, or when it expires."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from recsysops_client import HotfixCall, WebhookReceiver

from . import ranking
from .deliveries import delivered_times, read_snapshot
from .faults import now
from .live import Live

LOG = logging.getLogger("cinema")
HOTFIXES = {
    "catalogue_rollback": "serves the catalogue of an earlier delivery; films launched since then are gone",
    "feed_failover": "reads plays from the standby, also those lost since the fault began",
    "retrain_without_segment": "trains at once, leaving out one segment of the log",
    "serve_model": "serves a former version of the model",
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
            detail = self._take_back_model(noted)
        del self.active[hotfix]
        self._write()
        return detail

    def in_force(self) -> list[str]:
        """The ids of the calls whose change is being served now: as serving has it, not as it was noted."""
        with self.live.lock:
            version = self.live.serving.ranker.version
            served = {
                "catalogue_rollback": self.live.serving.rolled_back is not None,
                "feed_failover": self.live.failover,
            }
            return [
                noted["id"]
                for hotfix, noted in self.active.items()
                if (served[hotfix] if hotfix in served else noted.get("model") == version)
            ]

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
        before = self.live.serving.ranker.version
        if hotfix == "serve_model":
            detail = self._serve_version(str(parameters.get("version")))
        else:
            detail = self._retrain(parameters.get("slice"), at)
        return detail, {"model_before": before, "model": self.live.serving.ranker.version}

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

    def _retrain(self, segment: Any, at: datetime) -> str:
        if not isinstance(segment, dict) or len(segment) != 1:
            raise ValueError('name one segment to leave out: {"slice": {"device": "mobile"}}')
        ((column, value),) = segment.items()
        detail = self.live.train(at, left_out=f"{column}={value}")
        if detail.startswith("not trained"):
            raise ValueError(detail)
        return f"{detail}, without {column}={value}"

    def _take_back_model(self, noted: dict[str, Any]) -> str:
        serves = self.live.serving.ranker.version
        if serves != noted.get("model"):
            return f"a model trained since serves: {serves}"
        return self._serve_version(noted["model_before"])

    def _serve_version(self, version: str) -> str:
        ranker = ranking.load_former(self.live.settings.folder / "models", version)
        if ranker is None:
            raise ValueError(f"version {version} of the model is not kept; train again instead")
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
