"""
Targets that lie, answer late, twice, by half or with 500, or are down: whether the log ever says that a
hotfix is in force or gone when the target has it otherwise, and whether any acts twice.

The real deployer calls a real receiver behind HTTP, from a real log; each fault lasts for one call, for
three, or for good. Every fifteen seconds what the log says is compared with what is really served.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from threading import Barrier, Thread
from typing import get_args

import numpy as np
from rich.console import Console

from benchmarks.resolution.harm import Struck, in_force, struck
from benchmarks.resolution.night import ON_CALL, Night, clock_of, copied
from benchmarks.resolution.receiver import Fault, Receiver, listening
from benchmarks.resolution.shop import STRUCK, declare
from benchmarks.table import Row, Rows
from domain.errors import Refused
from domain.incident import commands as c
from domain.values import Actor, Diagnosis
from workers.declaration.declare import load
from workers.log.handle import handle

FOR_GOOD = 10_000
TIMES = (1, 3, FOR_GOOD)
LASTS = timedelta(minutes=45)
AT_ONCE = 10
UNCONFIRMED: tuple[Fault, ...] = ("lies and lists it",)
"""For these, the target's own word is consistent: only what is shown gives it away."""
HOTFIXES = dict.fromkeys(("rollback", "other"), 'kind = "webhook"\ndeployer = "hooks"\nhook = "rollback"\n')
DEPLOYERS = """
[deployers.hooks]
kind = "webhook"
url = "{url}"
confirm_url = "{url}"
secret_env = "SHOP_SECRET"
timeout = "1s"
"""
SAY = Console(stderr=True)


@dataclass
class Case:
    """One fault of a target lived through; `wrong` lists what the log said that was not so."""

    fault: Fault
    of: str
    times: int
    ended: str = ""
    wrong: list[str] = field(default_factory=list)
    acted_twice: int = 0
    minutes: float = 0.0

    @property
    def words(self) -> str:
        lasts = "for good" if self.times == FOR_GOOD else f"{self.times} times"
        return f"{self.fault}, of {self.of}, {lasts}: {self.ended}"


def rows(table: Rows, asked: argparse.Namespace) -> Iterator[Row]:
    """A row for each fault; then double actions, the lie only the watch can see, and two presses at once."""
    with tempfile.TemporaryDirectory(prefix="recsysops-targets-") as made, struck(Path(made)) as begun:
        cases = []
        for fault in get_args(Fault):
            for of in ("apply", "revert"):
                for times in TIMES:
                    if _makes_sense(fault, of) and (not asked.only or asked.only in fault):
                        cases.append(one := _lived(begun, Case(fault, of, times)))
                        SAY.print(f"{one.words} {one.wrong}", highlight=False)
        for fault in dict.fromkeys(case.fault for case in cases):
            yield _of_fault(table, [case for case in cases if case.fault == fault])
        twice = sum(case.acted_twice for case in cases)
        yield table.below(f"{len(cases)} faults of targets: deployed twice", twice, "of them", 0)
        if not asked.only:
            yield _watched(table, begun)
            yield _at_once(table, begun)


def _makes_sense(fault: Fault, of: str) -> bool:
    return fault not in ("none", *UNCONFIRMED) and not (fault == "acts late" and of == "revert")


def _of_fault(table: Rows, cases: list[Case]) -> Row:
    right = float(np.mean([not case.wrong for case in cases]))
    ends = Counter(f"{case.of}: {case.ended}" for case in cases)
    said = "; ".join(f"{count} {how}" for how, count in ends.items())
    wrong = "; ".join(case.wrong[0] for case in cases if case.wrong)
    work = f"a target that {_spelled(cases[0].fault)}: the log says only what is so"
    return table.above(work, right, "of 1", 1.0, f"{said}. {wrong}".rstrip(". "))


def _spelled(fault: Fault) -> str:
    return {
        "half an answer": "sends half an answer",
        "500 before": "answers 500 and does nothing",
        "500 after": "does it and answers 500",
        "twice": "is called twice",
        "down": "is down",
    }.get(fault, fault)


@contextmanager
def _night(begun: Struck) -> Iterator[tuple[Night, Receiver]]:
    number = len(list(begun.folder.glob("night-*")))
    shop = begun.shop.branch(begun.folder / f"night-{number}")
    with (
        listening(Receiver(shop.folder / "journal", shop.seconds)) as target,
        copied(begun.owner_url, f"night_{number}", "struck") as log,
        clock_of(shop),
    ):
        shop.serving = in_force(shop, target)
        url = DEPLOYERS.format(url=target.url)
        declared = load(declare(shop, HOTFIXES, url))
        yield Night(shop, log, declared, looks=False), target


def _diagnosis(night: Night) -> Diagnosis:
    items = tuple(night.shop.of(STRUCK))
    return Diagnosis(cause="as drawn", cause_kind="serving", items=items, since=night.shop.struck_at)


def _lived(begun: Struck, case: Case) -> Case:
    with _night(begun) as (night, target):
        if case.of == "apply":
            target.misbehave(case.fault, case.of, case.times)
        night.deploy(_diagnosis(night), "rollback")
        key = night.incident.last_event_id
        if case.of == "revert":
            night.until(lambda: night.stage != "approved")
            target.misbehave(case.fault, case.of, case.times)
            night.say(c.RevertHotfix(option=night.hotfix.option if night.hotfix else ""))
        wanted = ("applied", "failed") if case.of == "apply" else ("reverted",)
        end = night.shop.at + LASTS
        while night.shop.at < end and night.stage not in wanted:
            night.step()
            _held(case, night, target, key)
            if case.fault == "acts late" and night.shop.at > end - LASTS + timedelta(minutes=2):
                target.settle_late()
        case.ended = night.stage
        case.acted_twice = max(0, target.acted[key, "apply"] - 1)
    return case


def _held(case: Case, night: Night, target: Receiver, key: str) -> None:
    """Compare what the log says with what is served."""
    stage, served = night.stage, key in target.serving
    if stage in ("applied", "verified", "refuted") and not served:
        case.wrong.append(f"{case.words}said to be {stage}, and not served")
    if stage in ("reverted", "failed", "rejected") and served:
        case.wrong.append(f"{case.words}said to be {stage}, and served")


def _watched(table: Rows, begun: Struck) -> Row:
    """A target that lies and lists what it does not do: the watch finds that nothing got better."""
    with _night(begun) as (night, target):
        target.misbehave("lies and lists it", "apply", FOR_GOOD)
        night.deploy(_diagnosis(night), "rollback")
        start = night.shop.at
        night.until(lambda: night.stage in ("reverted", "failed"), LASTS)
        why = night.hotfix.reason if night.hotfix else ""
        spent = [one.because for one in night.incident.spent]
        ended, took = night.stage, (night.shop.at - start) / timedelta(minutes=1)
    said = f"after {took:.1f} min: {ended}, {', '.join(spent)}; {why}"
    found = float(ended == "reverted" and spent == ["no_effect"])
    work = "a target that lies and lists what it does not serve: found by the watch, reverted, off the menu"
    return table.above(work, found, "of 1", 1.0, said)


def _at_once(table: Rows, begun: Struck) -> Row:
    """Two people press two hotfixes of one menu at the same moment."""
    fine = []
    for _ in range(AT_ONCE):
        with _night(begun) as (night, target):
            night.say(
                c.RecordDiagnosis(diagnosis=_diagnosis(night)), Actor(kind="worker", id="worker:diagnose")
            )
            night.until(lambda: night.incident.menu is not None)
            fine.append(_pressed(night) == ["taken", "told who was first"])
            night.until(lambda: night.stage == "applied", timedelta(minutes=2))
            fine[-1] = fine[-1] and len(target.serving) == 1 == sum(target.acted.values())
    said = "the other is told who was first"
    return table.above(
        f"two hotfixes pressed at once, {AT_ONCE} times: one deployed",
        float(np.mean(fine)),
        "of 1",
        1.0,
        said,
    )


def _pressed(night: Night) -> list[str]:
    incident, both, answers = night.incident, Barrier(2), list[str]()
    options = [one.key for one in incident.menu or () if one.deployable][:2]

    def press(option: str, who: str) -> None:
        chosen = c.ChooseHotfix(option=option, menu=incident.menu_digest or "")
        both.wait()
        try:
            handle(
                incident.stream, chosen, actor=Actor(kind="person", id=who), key=f"press-{who}", log=night.log
            )
            answers.append("taken")
        except Refused as refusal:
            answers.append("told who was first" if "was first" in str(refusal) else str(refusal))

    people = (ON_CALL.id, "terminal:ml")
    threads = [Thread(target=press, args=pair) for pair in zip(options, people, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(answers)
