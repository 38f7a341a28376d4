"""
Our store beside a bare table and two event stores, in turns, on one PostgreSQL with its default durability.

Ours is measured through its public functions: typed events are encoded, checked to read back, chained by
hash, written under a unique key and queued for their number; reading gives typed events again. The others are
measured below that level: events encoded beforehand, rows and their JSON decoded by `json`. They use their
driver's usual `execute`; ours appends by the libpq under it, and what that alone saves the bare table is
reported beside. Numbering our events, as a follower does later, is outside the appends and has a row of its
own. A ratio is the median over the rounds of a figure to the bare table's in the same round.

`--quick` takes two minutes and saves nothing.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

from benchmarks.store import commands, full
from benchmarks.store import crew as work
from benchmarks.store.contender import Bare, BareThroughLibpq
from benchmarks.store.crew import START_SECONDS, Crew
from benchmarks.store.facts import MEAN_BYTES, STREAM_EVENTS
from benchmarks.store.ours import Ours, WithoutComparison, WithoutNumbering
from benchmarks.store.peers import Eventsourcing, EventsourcingFunctions, MessageDb, fetch_message_db
from benchmarks.store.rounds import Figures, Kind, Urls, appends, in_turns, loads, replays
from benchmarks.store.server import SLOW_COMMIT_MICROSECONDS, Server, server
from benchmarks.table import Row, Rows, machine, percentile, show

WRITERS = 8
LAG_A_SECOND = 500
NUMBERED_LEAST, VERIFIED_LEAST = 10_000, 100_000


@dataclass(frozen=True)
class Size:
    """How much of everything. `full`: the number of streams in the large store."""

    rounds: int
    seconds: float
    read: int
    full: int
    lag_seconds: float


WHOLE = Size(rounds=5, seconds=1.0, read=1_000, full=200_000, lag_seconds=20)
QUICK = Size(rounds=2, seconds=0.5, read=80, full=2_000, lag_seconds=5)


@dataclass(frozen=True)
class Bench:
    """What every part needs."""

    server: Server
    crew: Crew
    rows: Rows
    size: Size
    kinds: tuple[Kind, ...]

    def databases(self, name: str, kinds: Sequence[Kind] = ()) -> dict[Kind, str]:
        """A fresh database for each contender."""
        return {
            kind: self.server.database(f"{name}_{number}", kind)
            for number, kind in enumerate(kinds or self.kinds)
        }


def beside(found: Figures, unit: str) -> str:
    """What the others achieved, in words."""
    bare = found.median(Bare)
    spelled = f"bare {bare:,.0f} {unit}" if bare > 10 else f"bare {bare:.2f} {unit}"
    others = (kind for kind in found.by if kind not in (Bare, Ours))
    return ", ".join([spelled, *(f"{kind.name} {found.ratio(kind):.2f} ×" for kind in others)])


def ahead(row: Row, found: Figures, times: float = 1.0, less_is_better: bool = False) -> Row:
    """The same row, with the further goal of being `times` as fast as each peer."""
    peers = [kind for kind in found.by if not issubclass(kind, (Bare, Ours))]
    if not peers:
        return row
    least = min(
        found.ratio(kind, to=Ours) if less_is_better else found.ratio(Ours, to=kind) for kind in peers
    )
    wanted = "ahead of each peer" if times == 1.0 else f"≥ {times:g} × each peer"
    return replace(
        row,
        goal=f"{row.goal}, {wanted}",
        holds=bool(row.holds and least >= times),
        peer=f"{row.peer}; {least:.1f} × the fastest peer",
    )


def append_rows(bench: Bench) -> list[Row]:
    """Appends with normal commits, then with slow ones."""
    made, unit = list[Row](), "× a bare INSERT"
    urls = bench.databases("append", (*bench.kinds, BareThroughLibpq))
    given_up = bench.databases("given_up", (WithoutComparison, WithoutNumbering))
    for slow in (False, True):
        bench.server.slow(SLOW_COMMIT_MICROSECONDS if slow else 0)
        how = ", commits 3 ms slower" if slow else ""
        for writers, batch, least in (
            (1, 1, 0.95 if slow else 0.90),
            (1, 100, 0.85),
            (WRITERS, 1, 0.95 if slow else 0.65),
            (WRITERS, 100, 0.85),
        ):
            here = {**urls, **given_up} if writers == batch == 1 and not slow else urls
            found = appends(bench.crew, here, bench.size.rounds, bench.size.seconds, batch, writers)
            events = "one event each" if batch == 1 else f"batches of {batch}"
            name = f"append, {writers} writer{'s' * (writers > 1)}, {events}{how}"
            row = bench.rows.above(name, found.ratio(Ours), unit, least, beside(found, "events/s"))
            made.append(ahead(row, found, times=6.0 if slow and writers > 1 and batch == 1 else 1.0))
        made.append(command_row(bench, urls, how))
    bench.server.slow(0)
    return made


def command_row(bench: Bench, urls: Urls, how: str) -> Row:
    """`handle` in eight processes, beside eight that each do one bare INSERT after the other."""

    def measure(kind: Kind, url: str) -> float:
        begin_at, seconds = time.time() + START_SECONDS, bench.size.seconds
        if kind is Bare:
            return sum(bench.crew.all(work.write, kind, url, begin_at, seconds, 1))
        rate = sum(bench.crew.all(commands.ask, url, begin_at, seconds))
        bench.crew.one(work.settle, kind, url)
        return rate

    found = in_turns({Bare: urls[Bare], Ours: urls[Ours]}, bench.size.rounds, measure)
    name = f"command → event and card, {WRITERS} writers, {STREAM_EVENTS} commands an incident{how}"
    return bench.rows.above(name, found.ratio(Ours), "× a bare INSERT", 0.5, beside(found, "events/s"))


def read_rows(bench: Bench) -> list[Row]:
    """Replay and load, beside the bare table's; also numbering and verifying, which only ours does."""
    urls, streams, rows = bench.databases("read"), dict[Kind, list[str]](), bench.rows
    share = bench.size.read // WRITERS
    for kind, url in urls.items():
        streams[kind] = [name for names in bench.crew.all(work.fill, kind, url, share) for name in names][
            :200
        ]
    numbered, took = bench.crew.one(work.settle, Ours, urls[Ours])
    for number in range(len(urls)):
        with bench.server.connected(f"read_{number}") as owner:
            owner.execute("VACUUM ANALYZE")
    replayed = replays(bench.crew, urls, bench.size.rounds)
    loaded = loads(bench.crew, urls, bench.size.rounds, streams)
    verified = [bench.crew.one(work.verify, urls[Ours]) for _ in range(bench.size.rounds)]
    bare = "× a bare SELECT"
    of_all = f"replay {numbered:,} events in order, decoded, typed"
    replay = rows.above(of_all, replayed.ratio(Ours), bare, 0.8, beside(replayed, "events/s"))
    of_one = f"load a stream of {STREAM_EVENTS} events, typed: p50"
    load = rows.below(of_one, loaded.ratio(Ours), bare, 1.3, beside(loaded, "ms"))
    rate = median(events / seconds for events, seconds in verified)
    return [
        ahead(replay, replayed),
        ahead(load, loaded, less_is_better=True),
        rows.above("verify the chain", rate, "events/s of one core", VERIFIED_LEAST),
        rows.above("number what is pending, by one reader", numbered / took, "events/s", NUMBERED_LEAST),
    ]


def full_rows(bench: Bench) -> list[Row]:
    """The large store beside an empty one."""
    empty, large = (bench.server.database(name, Ours) for name in ("empty", "large"))
    with bench.server.connected("large") as owner:
        full.fill(owner, bench.size.full)
    few = [name for names in bench.crew.all(work.fill, Ours, empty, 25) for name in names]
    step = max(1, bench.size.full // len(few))
    many = [full.stream_of(1 + n * step) for n in range(len(few))]
    appended, loaded = [], []
    for _ in range(bench.size.rounds):
        rates = [
            sum(bench.crew.all(work.write, Ours, url, time.time() + START_SECONDS, bench.size.seconds, 1))
            for url in (empty, large)
        ]
        appended.append(rates[0] / rates[1])
        times = [median(bench.crew.one(work.load, Ours, *one)) for one in ((empty, few), (large, many))]
        loaded.append(times[1] / times[0])
    shown = bench.crew.one(full.pages, large)
    events, beside_it = bench.size.full * STREAM_EVENTS, "the same in a store of 10,000 events: 1"
    name, rows = f"in a store of {events:,} events:", bench.rows
    page = rows.below(f"{name} first page of cards, any filter, p95", percentile(shown, 0.95), "ms", 20.0)
    return [
        rows.below(f"{name} append, {WRITERS} writers", median(appended), "× empty", 1.2, beside_it),
        rows.below(f"{name} load a stream, p50", median(loaded), "× empty", 1.2, beside_it),
        page,
    ]


def lag_rows(bench: Bench) -> list[Row]:
    """Commands at a fixed pace, seen by a follower in a process of its own."""
    url, seconds = bench.server.database("lag", Ours), bench.size.lag_seconds
    with Crew(1) as follower:
        follower.start(commands.follow_along, url, seconds + 4.0)
        begin_at = time.time() + 2.0
        bench.crew.all(commands.ask_steadily, url, begin_at, seconds, LAG_A_SECOND / WRITERS)
        lags = follower.finish()
    name = f"from a command to a follower's effect, {LAG_A_SECOND} a second: p99 of {len(lags):,}"
    return [bench.rows.below(name, percentile(lags, 0.99), "ms", 250.0, f"p50 {median(lags):.0f} ms")]


def main() -> None:
    begun = time.monotonic()
    size = QUICK if "--quick" in sys.argv else WHOLE
    with tempfile.TemporaryDirectory(prefix="recsysops-npm-") as folder, server() as one:
        fetched = fetch_message_db(Path(folder))
        kinds: tuple[Kind, ...] = (Bare, Ours, Eventsourcing, EventsourcingFunctions)
        kinds += (MessageDb,) if fetched[0].isdecimal() else ()
        rows = Rows(f"{machine()}, fsync on, {MEAN_BYTES} bytes an event, message-db {fetched}")
        made: list[Row] = []
        for part in (append_rows, read_rows, lag_rows, full_rows):
            # Fresh processes for each part, as they keep connections to every store they have used.
            with Crew(WRITERS) as crew:
                made += part(Bench(one, crew, rows, size, kinds))
            show("store", made, keep=size is WHOLE)
            print(f"{part.__name__} after {time.monotonic() - begun:,.0f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
