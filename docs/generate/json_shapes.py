"""What `--json` prints: the keys of each command, and the fields of each type under them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, get_args

from pydantic import BaseModel

from bot.messages.in_force import InForce
from docs.generate.commands import every
from docs.generate.keys import spoken, type_of
from docs.generate.markdown import code, first_paragraph, page, table
from domain import answer as a
from domain.bundle import BundleAnswer, RerunAnswer
from domain.covered import LoggingCoverage
from domain.improvement.record import Alarm, Record
from domain.incident.events import AttestationGiven, HotfixRehearsed
from domain.incident.followed import FollowUpStanding
from domain.incident.state import Incident
from domain.incident.state.incident import ChangeCame, Followed
from domain.incident.timeline import Entry
from domain.recommender.check import Check
from domain.replayed import ChangeSince, ReplayAnswer
from domain.scored import Scorecard
from domain.values import Finding, LeftOut, Option, TriedChange
from workers.log.open_obligations import OpenObligation
from workers.log.restore import Restored
from workers.store.exports.archive import Written
from workers.store.exports.check import Checked
from workers.store.followers import Following
from workers.store.integrity.rebuild import Rebuilt
from workers.store.integrity.verify import Verified
from workers.store.retention import Dropped, Forgotten, Held
from workers.witnesses.held import Standing, Vouched

Shape = Mapping[str, Any]
ORDERED: Shape = {"incident": Incident, "events": list[str]}
"""What every order to an incident prints: its present state, and the wire names of the events written."""


def fields(cls: type[BaseModel]) -> Shape:
    """The fields of a type, printed as keys."""
    return {name: field.annotation for name, field in cls.model_fields.items()}


SHAPES: Mapping[str, Shape] = {
    "status": {"incidents": list[Incident]},
    "incident": {"incident": Incident},
    "declare": {"incident": Incident},
    "report": {
        "incident": Incident,
        "timeline": list[Entry],
        "times": dict[str, float],
        "since": ChangeSince | None,
    },
    "correct": {"correctable": list[dict[str, str]]},
    "forget": {"forgotten": str},
    "link": {"address": str, "expires_at": str},
    "hotfix list": {
        "menu": str,
        "options": list[Option],
        "hotfix": fields(Incident)["hotfix"],
        "spent": fields(Incident)["spent"],
    },
    "hotfix why": {"menu": str, "said": str, "left_out": list[LeftOut]},
    "hotfix explain": {"menu": str, "option": Option},
    "hotfix in-force": {"in_force": list[InForce]},
    "check list": {"checks": list[Check]},
    "check run": {"findings": list[Finding], "notes": dict[str, str]},
    "check ledger": {"checks": list[Record]},
    "check alarms": {"alarms": list[Alarm]},
    "doctor": {"healthy": bool, "advice": list[a.Advice]},
    "burn-in": {"burn_in": a.BurnIn},
    "item": {"item": a.ItemAnswer},
    "misses": {"misses": list[a.Miss]},
    "rehearse": {"rehearsals": list[HotfixRehearsed], "recorded": int, "useless": list[str]},
    "replay": {"replay": ReplayAnswer, "worse": list[int]},
    "follow-up show": {
        "changes": list[TriedChange],
        "note": str,
        "agreed": str | None,
        "became": ChangeCame | None,
        "followed": Followed | None,
    },
    "follow-up list": {"follow_ups": list[FollowUpStanding]},
    "scorecard": fields(Scorecard),
    "audit": {"audit": a.Audit},
    "audit attest": {"said": AttestationGiven},
    "bundle show": {"bundle": BundleAnswer, "exported": list[str]},
    "bundle rerun": {"rerun": RerunAnswer},
    "logging plan": {"plan": LoggingCoverage},
    "logging coverage": {"coverage": LoggingCoverage},
    "obligations": {"obligations": list[OpenObligation]},
    "obligations retry": {"obligations": list[OpenObligation]},
    "followers": {"followers": list[Following]},
    "events verify": {"verified": bool, **fields(Verified), "archive": Held, "vouched": Vouched},
    "events check": {"checked": bool, **fields(Checked)},
    "events import": fields(Restored),
    "events rebuild": fields(Rebuilt),
    "events witnesses": {"witnesses": list[Standing]},
    "events archive": {"files": list[Written]},
    "events prune": {"forgotten": Forgotten, "dropped": Dropped},
}
"""Command → the keys that it prints and their types; commands not listed here print `ORDERED`."""


def json_shapes() -> str:
    """The page."""
    with_json = [
        " ".join(names) for names, command in every() if any("--json" in one.opts for one in command.params)
    ]
    orders = [name for name in with_json if name not in SHAPES and name != "backtest"]
    types = dict.fromkeys(
        one for shape in (ORDERED, *SHAPES.values()) for each in shape.values() for one in below(each)
    )
    return page(
        "Shapes of --json",
        "Times are ISO 8601 with their zone, durations ISO 8601, shares numbers from 0 to 1. A key may be "
        "null where the "
        "value is not known. `recsysops backtest --json FILE` writes a file: see [the terminal]"
        "(../how-to/terminal.md#for-programs).",
        f"## Orders to an incident\n\n{_keys(ORDERED)}\n\nPrinted by "
        f"{', '.join(code(f'recsysops {one}') for one in orders)}.",
        *(f"## `recsysops {name}`\n\n{_keys(SHAPES[name])}" for name in with_json if name in SHAPES),
        "## Types",
        *(_type(one) for one in sorted(types, key=lambda one: one.__name__)),
    )


def _keys(shape: Shape) -> str:
    return table(("key", "type"), ((code(name), spoken(annotation)) for name, annotation in shape.items()))


def below(annotation: Any) -> Iterator[type[BaseModel]]:
    """The types within an annotation, and within their fields."""
    yield from _below(annotation, set())


def _below(annotation: Any, seen: set[type]) -> Iterator[type[BaseModel]]:
    for inside in get_args(annotation):
        yield from _below(inside, seen)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel) and annotation not in seen:
        seen.add(annotation)
        yield annotation
        for field in annotation.model_fields.values():
            yield from _below(field.annotation, seen)


def _type(cls: type[BaseModel]) -> str:
    rows = [(code(name), type_of(field)) for name, field in cls.model_fields.items()]
    return f"### {cls.__name__}\n\n{first_paragraph(cls)}\n\n{table(('field', 'type'), rows)}"
