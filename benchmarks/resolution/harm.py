"""
Harmful hotfixes of twenty kinds, deployed to a small shop: how soon each is reverted automatically, and how
many requests it touched until then.

Each is deployed as live: the shop's checks raise the alarm, the menu is made, one option is pressed, a real
deployer takes it to where the shop reads it. The real watch and the real checks look at what the shop then
shows, sells and logs. Harm is counted in looks from when it is done: windows that share no row and lie wholly
after that moment, up to the one that reverted it.
"""

from __future__ import annotations

import argparse
import math
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
from recsysops_client import Overrides
from rich.console import Console

from benchmarks.resolution.night import Night, clock_of, copied, created
from benchmarks.resolution.receiver import SECRET, SECRET_ENV, Receiver, listening
from benchmarks.resolution.shop import (
    FAILED,
    GENRES,
    STRUCK,
    WEEK_REQUESTS,
    Effect,
    Scene,
    Served,
    Serving,
    Shop,
    declare,
    nothing,
    opened,
)
from benchmarks.table import Row, Rows
from domain.incident.events import HotfixWatched, RevertRequested
from domain.recommender.recommender import Recommender
from domain.values import Diagnosis
from workers import embedded
from workers.declaration.declare import load
from workers.store.connection import engine

MOST_LOOKS, MOST_TOUCHED = 2, 0.005
LONGEST, HARMLESS_FOR = timedelta(minutes=8), timedelta(minutes=12)
"""After the harm began; and after the deployment, for hotfixes that do none."""
NEVER = 99
MINUTE = timedelta(minutes=1)
SAY = Console(stderr=True)
OTHERS = tuple(genre for genre in GENRES if genre != STRUCK)
FILE = 'deployer = "overrides"\n'
STAGES = "stages = [0.05, 0.5, 1.0]\n"
DEPLOYERS = """
[deployers.overrides]
kind = "file"
path = "overrides.json"
[deployers.hooks]
kind = "webhook"
url = "{url}"
confirm_url = "{url}"
secret_env = "SHOP_SECRET"
"""
HOTFIXES = {
    "boost": f'kind = "boost_items"\namount = 0.8\n{FILE}',
    "in_stages": f'kind = "boost_items"\namount = 0.8\n{FILE}{STAGES}',
    "too_strong": f'kind = "boost_items"\namount = 4.0\n{FILE}',
    "lower": f'kind = "boost_items"\namount = -2.0\n{FILE}',
    "block": f'kind = "block_items"\nmost = 1000\n{FILE}',
    "fill": f'kind = "fill_feature"\nfeature = "genre"\n{FILE}',
    "rollback": 'kind = "webhook"\ndeployer = "hooks"\n',
}


@dataclass(frozen=True)
class Harm:
    """
    A hotfix that does harm.

    Args:
        hotfix: one of those declared.
        genres: those whose items the diagnosis names.
        effect: what it does to requests served with it, besides what it says.
        after: how long it has been in force when the harm begins, and for which share of members.
    """

    name: str
    hotfix: str
    genres: tuple[str, ...] = (STRUCK,)
    effect: Effect = nothing
    after: timedelta = timedelta(0)
    share: float = 0.0


def _here(scene: Scene) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    return np.asarray((scene.country == "Norway") & (scene.device == "tv"))


def _mobile(scene: Scene) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    return np.asarray(scene.device == "mobile")


def _gone(genre: str) -> Effect:
    def effect(scene: Scene) -> None:
        scene.scores[:, _of(genre)] = FAILED

    return effect


def _of(genre: str) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    return np.array([GENRES[n % len(GENRES)] == genre for n in range(120)])


def _turned(scene: Scene) -> None:
    scene.scores *= -1


def _after(delay: timedelta, then: Effect) -> Effect:
    def effect(scene: Scene) -> None:
        if scene.since >= delay:
            then(scene)

    return effect


def _from_share(share: float, then: Effect) -> Effect:
    def effect(scene: Scene) -> None:
        if scene.share >= share:
            then(scene)

    return effect


def _fails(
    share: float, where: Callable[[Scene], np.ndarray[tuple[int], np.dtype[np.bool_]]] | None = None
) -> Effect:
    def effect(scene: Scene) -> None:
        drawn = np.arange(len(scene.answered)) % 20 < 20 * share
        scene.answered[drawn & (where(scene) if where else True)] = False

    return effect


def _unlogged(scene: Scene) -> None:
    scene.logged[::2] = False


def _slow(scene: Scene) -> None:
    scene.latency *= 3


def _disliked(genres: tuple[str, ...]) -> Effect:
    def effect(scene: Scene) -> None:
        for genre in genres:
            scene.appeal[:, _of(genre)] -= 1.5

    return effect


def _on_and_off(scene: Scene) -> None:
    if int(scene.since / MINUTE) % 2 == 0:
        _gone(STRUCK)(scene)


def _creeping(scene: Scene) -> None:
    scene.scores[:, _of(STRUCK)] -= CREEPS * (scene.since / MINUTE)


CREEPS = 0.3  # log-odds a minute: from the fourth on it is worse than without the hotfix
DURING, LATER = timedelta(minutes=2), timedelta(minutes=15)
HARMS = (
    Harm("the wrong items boosted", "too_strong", ("music",)),
    Harm("boosted so strongly that all else is gone", "too_strong"),
    Harm("the whole catalogue blocked", "block", GENRES),
    Harm("a negative boost", "lower"),
    Harm("one slice emptied", "block"),
    Harm("another slice emptied", "rollback", effect=_gone("comedy")),
    Harm("the ranking turned round", "rollback", effect=_turned),
    Harm("delayed, while it is watched", "rollback", effect=_after(DURING, _gone(STRUCK)), after=DURING),
    Harm("delayed, after it was verified", "rollback", effect=_after(LATER, _gone(STRUCK)), after=LATER),
    Harm("only in a small slice of requests (3 %)", "rollback", effect=_fails(1.0, _here)),
    Harm("one device gets no answers", "rollback", effect=_fails(1.0, _mobile)),
    Harm("two requests in five fail", "rollback", effect=_fails(0.4)),
    Harm("at the first stage: who is served gets no answers", "in_stages", effect=_fails(1.0)),
    Harm(
        "at the second stage only: half of the requests fail", "in_stages",
        effect=_from_share(0.5, _fails(0.5)), share=0.5,
    ),
    Harm("of a guard only: less is played", "rollback", effect=_disliked(GENRES)),
    Harm("of a guard only: answers take three times as long", "rollback", effect=_slow),
    Harm("of a guard in the slice only: its items are played less", "fill", effect=_disliked((STRUCK,))),
    Harm("on and off, each other minute", "rollback", effect=_on_and_off),
    Harm("creeping, a little more each minute", "rollback", effect=_creeping, after=3 * MINUTE),
    Harm("of half that it serves nothing is logged", "rollback", effect=_unlogged),
)  # fmt: skip
HARMLESS = (Harm("boosted rightly", "boost"), Harm("in stages", "in_stages"), Harm("rolled back", "rollback"))


@dataclass(frozen=True)
class Outcome:
    """The outcome of one: `looks` until it was reverted, NEVER where it was not."""

    looks: int
    minutes: float
    touched: float
    said: str


def rows(table: Rows, asked: argparse.Namespace) -> Iterator[Row]:
    """A row for each kind of harm, one for all of them, then hotfixes that do none."""
    found: list[Outcome] = []
    with tempfile.TemporaryDirectory(prefix="recsysops-harm-") as made, struck(Path(made)) as begun:
        for harm in _chosen(HARMS, asked):
            found.append(outcome := _lived(begun, harm))
            SAY.print(f"{harm.name}: {outcome}", highlight=False)
            words = f"{outcome.minutes:.1f} min, {100 * outcome.touched:.3f} % of a week; {outcome.said}"
            yield table.below(f"harm, {harm.name}: reverted", outcome.looks, "looks", MOST_LOOKS, words)
        fine = [_lived(begun, one) for one in _chosen(HARMLESS, asked)]
    soon = float(np.mean([one.looks <= MOST_LOOKS for one in found]))
    yield table.above(f"{len(found)} kinds of harm: reverted within two looks", soon, "of 1", 1.0)
    most = 100 * max(one.touched for one in found)
    yield table.below("the most that any touched, of a week's requests", most, "%", 100 * MOST_TOUCHED)
    kept = float(np.mean([one.looks == NEVER for one in fine]))
    said = "; ".join(one.said for one in fine)
    yield table.above(f"{len(fine)} hotfixes that repair: not reverted", kept, "of 1", 1.0, said)


def _chosen(harms: tuple[Harm, ...], asked: argparse.Namespace) -> tuple[Harm, ...]:
    wanted = getattr(asked, "only", None)
    return tuple(one for one in harms if not wanted or wanted in one.name) or harms[:1]


@dataclass(frozen=True)
class Struck:
    """A shop whose checks have raised the alarm, with its log; each harmful hotfix continues from there."""

    shop: Shop
    owner_url: str
    folder: Path


@contextmanager
def struck(folder: Path) -> Iterator[Struck]:
    os.environ[SECRET_ENV] = SECRET  # where deployers look for it
    shop = opened(folder / "shop")
    with embedded.started(folder / "servers") as servers:
        log = engine(created(servers.owner_url, "struck"))
        night = Night(shop, log, _declared(shop, "http://127.0.0.1:9/"))
        with clock_of(shop):
            for _ in range(4):
                night.step()
            shop.struck_at = shop.at
            if not night.until(lambda: bool(night.incidents)):
                raise RuntimeError("the shop's checks did not raise the fault")
            SAY.print(f"raised: {night.incident.title}", highlight=False)
        log.dispose()
        yield Struck(shop, servers.owner_url, folder)


def _declared(shop: Shop, url: str) -> Recommender:
    return load(declare(shop, HOTFIXES, DEPLOYERS.format(url=url)))


def _lived(begun: Struck, harm: Harm) -> Outcome:
    """Deploys the hotfix in a copy of the struck shop, until it is reverted or long after its harm."""
    number = len(list(begun.folder.glob("night-*")))
    shop = begun.shop.branch(begun.folder / f"night-{number}")
    shop.effect = harm.effect
    with (
        listening(Receiver(shop.folder / "journal", shop.seconds)) as target,
        copied(begun.owner_url, f"night_{number}", "struck") as log,
        clock_of(shop),
    ):
        night = Night(shop, log, _declared(shop, target.url))
        shop.serving = in_force(shop, target)
        shop.harmful_from = lambda at, share: harm in HARMS and _began(shop, harm, at, share)
        named_items = tuple(item for genre in harm.genres for item in shop.of(genre))
        night.deploy(
            Diagnosis(
                cause="as drawn", cause_kind="feature", items=named_items, since=shop.struck_at,
                feature="genre", suggested_value=STRUCK,
            ),
            harm.hotfix,
        )  # fmt: skip
        stages = 6 * MINUTE if harm.hotfix == "in_stages" else timedelta(0)
        longest = harm.after + stages + LONGEST if harm in HARMS else HARMLESS_FOR
        night.until(lambda: night.stage in ("reverted", "failed"), longest)
        return _outcome(night, shop)


def _began(shop: Shop, harm: Harm, at: datetime, share: float) -> bool:
    return share >= harm.share and at - min(shop.began.values()) >= harm.after


def in_force(shop: Shop, target: Receiver) -> Serving:
    """What the shop serves: the overrides that the client reads from its file, and its receiver's calls."""
    overrides = Overrides(shop.folder / "overrides.json")

    def serving(at: datetime, member: str | None) -> list[Served]:
        mine = [Served(one.id, one) for one in overrides.current(at, member)]
        return mine + [Served(key) for key in target.serving]

    return serving


def _outcome(night: Night, shop: Shop) -> Outcome:
    """How it ended according to the log; for a harmless hotfix, whether it was reverted as harmful."""
    asked = [one for one in night.events if isinstance(one.event, RevertRequested)]
    harm = next((one for one in asked if getattr(one.event, "because", "") == "harm"), None)
    ended = next(iter(asked), None)
    if ended is None or (harm is None and shop.harm_at is None):
        said = f"{night.stage}: {(night.hotfix.reason if night.hotfix else '') or ''}"
        return Outcome(NEVER, math.nan, shop.touched / WEEK_REQUESTS, said[:150])
    because, reason = str(getattr(ended.event, "because", "")), str(getattr(ended.event, "reason", ""))
    began = shop.harm_at or shop.at
    return Outcome(
        looks=_looks(night, began, ended.at),
        minutes=(ended.at - began) / MINUTE,
        touched=shop.touched / WEEK_REQUESTS,
        said=f"{because}: {reason[:150]}",
    )


def _looks(night: Night, began: datetime, until: datetime) -> int:
    """
    Windows without a row in common that the watch has looked at since the harm began, including the deciding
    one; where a guard decided, the windows that its check had judged by then.
    """
    looks = [one.event for one in night.events if isinstance(one.event, HotfixWatched)]
    count, last = 0, began
    for look in looks:
        if look.window_start is not None and look.window_start >= last:
            count, last = count + 1, look.window_end
    return max(1, count + (until - last) // MINUTE)
