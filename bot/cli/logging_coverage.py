"""`recsysops logging`: whether enough is logged of every slice, planned before it is on and checked after."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from bot.cli.recommender import FILE_NAME, declaration, moment_of
from bot.cli.shared import Json, utc
from bot.cli.table import table
from bot.cli.terminal import print_json, say
from domain.covered import LoggingCoverage, LoggingPlan, SliceCoverage, Span
from domain.values import name_slice
from workers import door

app = typer.Typer(help="What is logged of every slice of the requests.", no_args_is_help=True)

MODEL_HELP = "Of which model; the first whose candidates are logged, if not given."
SLICES_HELP = "A dimension, or several as country,device; may be repeated. As declared, if not given."
UNITS = ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB"))

ModelName = Annotated[str | None, typer.Option("--model", help=MODEL_HELP)]
File = Annotated[Path | None, typer.Option("--file", help=FILE_NAME)]
Dimensions = Annotated[list[str] | None, typer.Option("--dimension", help=SLICES_HELP)]
Requests = Annotated[str | None, typer.Option(help="The table that every request is in.")]
Window = Annotated[str | None, typer.Option(help="How long a window is, for instance 10m.")]
Days = Annotated[float, typer.Option(min=0.0, help="How far back to look.")]
At = Annotated[str | None, typer.Option(help="As of this time, for instance 2026-11-25T02:40Z.")]
Limit = Annotated[int, typer.Option(min=1, help="So many slices, the worst first.")]


@app.command("plan")
def plan(  # noqa: PLR0913, PLR0917 (each is an option)
    model: ModelName = None,
    dimension: Dimensions = None,
    requests: Requests = None,
    share: Annotated[float | None, typer.Option(help="Of all requests, whatever slice they are of.")] = None,
    k: Annotated[int | None, typer.Option(help="Requests of each slice in a window.")] = None,
    max_rate: Annotated[float | None, typer.Option(help="Of a slice's requests until it has k.")] = None,
    window: Window = None,
    days: Days = 1.0,
    at: At = None,
    limit: Limit = 20,
    file: File = None,
    as_json: Json = False,
) -> None:
    """What a log by slice would hold of past requests, and its size per day."""
    asked = {"requests": requests, "share": share, "k": k, "max_rate": max_rate, "window": window}
    found = door.plan_logging(
        declaration(file),
        model,
        {**asked, "dimensions": _sets(dimension)},
        timedelta(days=days),
        moment_of(at) if at else None,
    )
    if as_json:
        print_json({"plan": found.model_dump(mode="json")})
        return
    _say_plan(found)
    _show(found.slices, limit, found.needs, "Would log", found.share)
    _notes(found.notes)


@app.command("coverage")
def coverage(  # noqa: PLR0913, PLR0917 (each is an option)
    model: ModelName = None,
    dimension: Dimensions = None,
    requests: Requests = None,
    window: Window = None,
    days: Days = 1.0,
    at: At = None,
    limit: Limit = 20,
    file: File = None,
    as_json: Json = False,
) -> None:
    """The slices of which the log holds too little for a diagnosis, worst first."""
    found = door.logging_coverage(
        declaration(file),
        model,
        {"requests": requests, "window": window, "dimensions": _sets(dimension)},
        timedelta(days=days),
        moment_of(at) if at else None,
    )
    if as_json:
        print_json({"coverage": found.model_dump(mode="json")})
        return
    _say_coverage(found)
    _show(found.slices, limit, found.needs, "Logged")
    _notes(found.notes)


def _sets(given: Sequence[str] | None) -> list[tuple[str, ...]] | None:
    """`country,device` → a slice of both."""
    return [tuple(part.strip() for part in one.split(",")) for one in given] if given else None


def _say_span(found: Span) -> None:
    minutes = found.window_seconds / 60
    say(
        f"{found.model}, from `{found.table}`: {found.windows:,} windows of {minutes:g} minutes, "
        f"{utc(found.start)} to {utc(found.end)} UTC"
    )


def _say_plan(found: LoggingPlan) -> None:
    _say_span(found)
    with_these = ", ".join(f"{key} = {value:g}" for key, value in found.settings.items())
    say(f"With {with_these}:")
    volume = found.volume
    parts = [f"{volume.requests:,.0f} requests"]
    parts += [] if volume.rows is None else [f"{volume.rows:,.0f} rows"]
    parts += [] if volume.bytes is None else [_size(volume.bytes)]
    of = f"{found.share:.1%} of {found.requests_a_day:,.0f} requests"
    say(f"  a day {', '.join(parts)}: {of}")


def _say_coverage(found: LoggingCoverage) -> None:
    _say_span(found)
    stands = f"{found.stands:,.0f}"
    stands += f" ± {found.stands_error:,.0f}" if found.stands_error else ""
    of = "" if found.requests is None else f"; {found.requests:,.0f} were counted"
    say(f"  {found.logged:,.0f} requests are logged, which stand for {stands}{of}")


def _show(
    slices: Sequence[SliceCoverage], limit: int, needs: int, logged: str, share: float | None = None
) -> None:
    """
    Print the worst slices. `share`: of all requests, to compare with a uniform log of the same size.
    """
    below = [one for one in slices if one.below]
    windows = sum(one.below for one in below)
    say(
        f"  {len(slices):,} slices; {len(below):,} have windows with fewer than the {needs} effective "
        f"requests that a diagnosis needs, {windows:,} in all"
    )
    uniform = () if share is None else ("Uniform log",)
    columns = ("Slice", "Requests a window", logged, "Effective", *uniform, "Windows below")
    rows: list[tuple[Any, ...]] = []
    for one in slices[:limit]:
        there = one.stands if one.requests is None else one.requests
        beside = () if share is None else (f"{share * there:,.1f}",)
        about = "~" if one.requests is None else ""
        rows.append(
            (
                name_slice(one.slice),
                f"{about}{there:,.1f}",
                f"{one.logged:,.1f}",
                f"{one.effective:,.1f}",
                *beside,
                f"{one.below:,} of {one.windows:,}",
            )
        )
    table("", columns, rows)


def _notes(notes: Sequence[str]) -> None:
    for note in notes:
        say(note)


def _size(count: float) -> str:
    """
    >>> _size(12_345_678.0)
    '12.3 MB'
    """
    size, unit = next(((size, unit) for size, unit in UNITS if count >= size), (1.0, "bytes"))
    return f"{count / size:,.1f} {unit}"
