"""The present: traffic, deliveries, trainings and dry runs, as time passes."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from recsysops_client import RequestLog

from . import rows
from .backfill import Progress, fill_history, fill_traffic, write_members, write_training
from .catalogue import microseconds
from .deliveries import deliver
from .faults import KINDS, Drawn, now
from .faults.switches import draw
from .prelaunch import count_first_days, fill_outcomes, snapshot
from .rollup import NAME, Rollup, counted_until
from .serving import Serving
from .settings import Settings
from .tables import TIME_COLUMN, LiveTable, live_files, write
from .traffic import Shelves, arrivals, serve, visit
from .training import RIGHTLY, keep_plays, learn

LOG = logging.getLogger("cinema")
TABLES = (
    *TIME_COLUMN,
    *("members", "items", "items_snapshots", "features", "deliveries", "training_runs", "training_plays"),
    NAME,
)
TICK_SECONDS = 1.0
FIRST_DAYS_LOOKED_BACK = 8
LONGEST_TICK = 60_000_000  # microseconds; after a longer pause (a sleeping laptop) the time is back-filled


class Live:
    """
    Traffic continues from the time up to which it is complete; `step` advances it.

    Opening it back-fills: everything if there is nothing, otherwise the gap since it last ran.
    """

    def __init__(self, settings: Settings, progress: Progress, at: datetime | None = None) -> None:
        at = at or now()
        self.settings = settings
        state = _read_state(settings)
        anchor = datetime.fromisoformat(state["anchor"]) if state else at
        self.serving = Serving(settings, anchor)
        self.lock = threading.RLock()
        self.failover = False
        self._anchor = anchor
        self._rng = np.random.default_rng([settings.seed, microseconds(at)])
        if state:
            self._until = int(state["complete_until"])
        else:
            self._fill_from_nothing(at, progress)
        self.tables = {name: LiveTable(settings.tables, name, self._until) for name in TIME_COLUMN}
        self.rollup = Rollup(settings.tables, counted_until(settings.tables, self._until))
        self.catch_up(at, progress)
        self.requests = RequestLog(settings.folder / "requests", share=0.1, max_bytes=20_000_000)
        self._flushed = self._dry_run = 0
        self._day = at
        self._coming: list[tuple[int, str, pa.Table]] = []  # when it is due, for which table, the rows
        self._known: set[str] = set()  # films whose first day has been counted since the start

    def _fill_from_nothing(self, at: datetime, progress: Progress) -> None:
        for name in TABLES:  # what an interrupted first start left behind
            for path in (self.settings.tables / name).glob("*.parquet"):
                path.unlink()
        start = (at - timedelta(days=self.settings.history_days)).replace(minute=0, second=0, microsecond=0)
        fill_history(self.serving, start, at, progress)
        self._until = microseconds(at)
        self._write_state()

    def catch_up(self, at: datetime, progress: Progress) -> None:
        """Fill the gap between the last complete time and `at` with normal traffic."""
        if microseconds(at) > self._until:
            fill_traffic(self.serving, self._until, microseconds(at), progress)
            self._until = microseconds(at)
            self._write_state()
        self.rollup.complete(self._until)

    def step(self, at: datetime) -> None:
        """Advance traffic, and everything that is scheduled, to `at`."""
        with self.lock:
            end = microseconds(at)
            if end <= self._until:
                return  # the clock went back: wait until it has caught up
            if end - self._until > LONGEST_TICK:
                self.flush()
                self.catch_up(at, lambda *_: None)
            self._serve(at, end)
            if end - self._dry_run >= self.settings.prelaunch_seconds * 1e6:
                self.tables["prelaunch"].append(snapshot(self._rng, self.serving.stage(at), at))
                self._dry_run = end
            if end - self._flushed >= self.settings.flush_seconds * 1e6:
                self.flush()
            self._daily(at)

    def _serve(self, at: datetime, end: int) -> None:
        stage, audience, truth = self.serving.stage(at), self.serving.audience, self.serving.truth
        demand, weights = self.serving.crowd()
        times = arrivals(self._rng, self._until, end, demand)
        self._until = end
        if len(times):
            visits = visit(self._rng, audience, times, weights)
            shelves = serve(self._rng, stage.rails, truth, visits, self.serving.kept(stage, at))
            played = rows.plays(shelves, audience, truth)
            candidates = rows.candidates(shelves, audience, stage.catalogue, stage.ranker.version)
            self._write("impressions", rows.impressions(shelves, audience, truth))
            self._write("plays_standby", played)
            self._write("plays", played)
            self._write("candidates", candidates)
            self._log_requests(shelves)
        self._arrive(end)

    def _write(self, name: str, table: pa.Table) -> None:
        """Write rows as the application logs them, and as they get through to the table."""
        late = timedelta(0)
        for acts in self.serving.faults.acts:
            if self.failover and name == "plays":
                continue
            if name in acts.rows:
                table = acts.rows[name](self._rng, table)
            late = max(late, acts.late.get(name, timedelta(0)))
        if late:
            self._coming.append((self._until + round(late.total_seconds() * 1e6), name, table))
        else:
            self.tables[name].append(table)

    def _arrive(self, until: int) -> None:
        """Write rows that were late and have arrived by now."""
        for due, name, table in self._coming:
            if due <= until:
                self.tables[name].append(table)
        self._coming = [one for one in self._coming if one[0] > until]

    def _log_requests(self, shelves: Shelves) -> None:
        ids, rails = self.serving.truth.ids, shelves.rails
        for turn, time in enumerate(shelves.visits.times.tolist()):
            if self.requests.takes(time):
                rail, shown = shelves.visits.rails[turn], shelves.shown[turn]
                scores = [round(float(odds), 4) for odds in rails.log_odds[rail, shown]]
                films = [str(ids[film]) for film in rails.films[rail, shown]]
                self.requests.write(
                    {"request_id": time, "rail": int(rail), "shown": films, "log_odds": scores}
                )

    def flush(self) -> None:
        """Make everything up to now readable."""
        with self.lock:
            for table in self.tables.values():
                table.flush(self._until)
            self._flushed = self._until
            self._write_state()
            self.rollup.complete(self._until)

    def _daily(self, at: datetime) -> None:
        before, self._day = self._day, at
        hour, last = (moment.replace(minute=0, second=0, microsecond=0) for moment in (at, before))
        hours = (hour - last) // timedelta(hours=1)
        if hours < 1:
            return
        passed = {(hour - timedelta(hours=back)).hour for back in range(min(hours, 24))}
        if self.settings.delivery_hour in passed:
            self.deliver(at)
        if self.settings.training_hour in passed:
            self.train(at)
        self.flush()
        start = at - timedelta(days=FIRST_DAYS_LOOKED_BACK)
        outcomes = count_first_days(self.settings.tables, self.serving.truth, start, at, self._known)
        if outcomes:
            fill_outcomes(self.settings.tables, outcomes)
            self.tables["prelaunch"].reread()
            self._known |= outcomes.keys()

    def deliver(self, at: datetime) -> None:
        """Deliver the catalogue, as happens each morning and whenever something in it has changed."""
        with self.lock:
            strikes = [acts.items for acts in self.serving.faults.acts if acts.items]
            deliver(self.settings.tables, self.serving.receive_delivery(), at, strikes=strikes)
            write_members(self.serving, at)

    def train(self, at: datetime, left_out: str = "") -> str:
        """Train anew from the log, and serve the result; returns a sentence about it."""
        self.flush()
        try:
            wrong = (acts.lesson for acts in self.serving.faults.acts if acts.lesson)
            ranker, kept = learn(self.settings.tables, at, lesson=next(wrong, RIGHTLY), left_out=left_out)
        except ValueError as error:
            LOG.warning("the training of %s failed, the model stays: %s", at.isoformat(), error)
            return f"not trained: {error}"
        with self.lock:
            self.serving.replace_ranker(ranker)
            write_training(self.serving, ranker)
            keep_plays(self.settings.tables, at, kept)
        return f"trained on {ranker.rows:,} rows, area under the curve {ranker.auc:.3f}"

    def switch_fault(self, name: str, on: bool, at: datetime, seed: int | None = None) -> bool:
        """
        Switch a fault; those of the catalogue come with a delivery, those of the training with a training.

        Raises UnknownFault, ValueError.

        Args:
            seed: draws its place and size; None: the usual ones.
        """
        with self.lock:
            serving, noted = self.serving, {} if seed is None else {"seed": seed}
            drawn = draw(name, seed, serving.truth, serving.audience, at, serving.ranker) if on else None
            changed = serving.faults.switch(name, on, at, drawn, **noted)
            if changed and drawn is not None:
                self._strike(drawn)
            if changed and KINDS[name].delivers:
                self.deliver(at)
        if changed and KINDS[name].trains:
            self.train(at)  # visits go on meanwhile, as in the night
        return changed

    def _strike(self, drawn: Drawn) -> None:
        """Do what a fault does once, when it is switched on."""
        acts = drawn.acts
        if acts.once is not None:
            self.flush()
            acts.once(self.settings.tables)
        if acts.ranker is not None and acts.registered:
            self.serving.replace_ranker(acts.ranker)

    def restore_plays(self) -> int:
        """Put the standby's rows where the feed lost some; returns how many came back."""
        with self.lock:
            self.flush()
            back = 0
            for path in live_files(self.settings.tables, "plays_standby"):
                target = self.settings.tables / "plays" / path.name
                whole = pq.ParquetFile(path).read()
                had = pq.ParquetFile(target).metadata.num_rows if target.exists() else 0
                if had < whole.num_rows:
                    write(target, whole)
                    back += whole.num_rows - had
            self.tables["plays"].reread()
            return back

    def run(self, stop: threading.Event, also: Callable[[datetime], None]) -> None:
        """Step (and do `also`) until told to stop, then make everything readable."""
        while not stop.wait(TICK_SECONDS):
            try:
                also(now())
                self.step(now())
            except Exception:
                LOG.exception("a step of the cinema failed; the next one tries again")
        self.flush()
        self.requests.close()

    def _write_state(self) -> None:
        path = self.settings.folder / "state.json"
        fresh = path.with_suffix(".tmp")
        fresh.write_text(json.dumps({"anchor": self._anchor.isoformat(), "complete_until": self._until}))
        fresh.replace(path)


def _read_state(settings: Settings) -> dict[str, str] | None:
    path = settings.folder / "state.json"
    if not path.exists():
        return None
    state: dict[str, str] = json.loads(path.read_text())
    return state
