"""`recsysops scorecard`: how well the practice works, and how often what menus promised held."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.recommender import FILE_NAME, declaration
from bot.cli.shared import Json, console, print_json
from bot.cli.table import table
from bot.messages import words
from domain.incident.timeline import STEPS
from workers import door

if TYPE_CHECKING:
    from workers.audit.scorecard import Kept, MeanTime, Scorecard

NO_PROMISES = "No promise of a hotfix was measured yet."
COSTS = ("Costs of", "Held", "Of", "Share [90 %]", "Lost more", "Gained more")
PROMISES = ("Promises of", "Held", "Of", "Share [90 %]", "Repaired less", "Repaired more")


def register(app: typer.Typer) -> None:
    app.command()(scorecard)


def scorecard(
    file: Annotated[Path | None, typer.Option("--file", help=FILE_NAME)] = None,
    days: Annotated[int | None, typer.Option(min=1, help="Only incidents of the last so many days.")] = None,
    as_json: Json = False,
) -> None:
    """How long each step takes, and how often what menus promised held; over the newest 500 incidents."""
    reach = None if days is None else timedelta(days=days)
    found = door.scorecard(door.open_door(), declaration(file), reach)
    if as_json:
        print_json(found.model_dump(mode="json"))
        return
    console().print(_counted(found), highlight=False)
    times = [(step, getattr(found, step)) for step in STEPS]
    table("", ("Time to", "Mean", "Median", "Incidents"), [_time(step, one) for step, one in times])
    if not found.promises:
        console().print(NO_PROMISES, highlight=False)
        return
    table("", PROMISES, [_kept(one) for one in found.promises])
    if found.costs:
        table("", COSTS, [_kept(one) for one in found.costs])


def _counted(found: Scorecard) -> str:
    return (
        f"{found.incidents} incidents, {found.predicted} of them predicted, {found.with_follow_up} with a "
        f"follow-up; {found.false_alarms} false alarms beside them. Deployed by break-glass, without the "
        f"second person that it takes: {found.glass_broken}."
    )


def _time(step: str, one: MeanTime) -> tuple[str, ...]:
    told = ("–" if span is None else words.lasting(span) for span in (one.mean, one.median))
    return (step, *told, str(one.count))


def _kept(one: Kept) -> tuple[str, ...]:
    counts = (one.short, one.promises - one.held - one.short)
    return (one.kind, str(one.held), str(one.promises), words.estimate(one.share), *map(str, counts))
