"""`recsysops logging`: whether enough is logged of every slice, planned before it is on and checked after."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated, Any

import typer

from bot.cli.shared import At, File, Json, at_moment, declaration, utc
from bot.cli.terminal import end_in_json, say, table
from domain.covered import LoggingCoverage
from domain.values import name_slice
from workers import door

app = typer.Typer(help="What is logged of every slice of the requests.", no_args_is_help=True)

MODEL_HELP = "Of which model; the first whose candidates are logged, if not given."
SLICES_HELP = "A dimension, or several as country,device; may be repeated. As declared, if not given."
UNITS = ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB"))

ModelName = Annotated[str | None, typer.Option("--model", help=MODEL_HELP)]
Dimensions = Annotated[list[str] | None, typer.Option("--dimension", help=SLICES_HELP)]
Requests = Annotated[str | None, typer.Option(help="The table that every request is in.")]
Window = Annotated[str | None, typer.Option(help="How long a window is, for instance 10m.")]
Days = Annotated[float, typer.Option(min=0.0, help="How far back to look.")]
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
    asked = {
        **{"requests": requests, "share": share, "k": k, "max_rate": max_rate, "window": window},
        "dimensions": _sets(dimension),
    }
    found = door.logging_coverage(
        declaration(file), model, asked, timedelta(days=days), at_moment(at), planned=True
    )
    _print("plan", found, limit, as_json=as_json)


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
    asked = {"requests": requests, "window": window, "dimensions": _sets(dimension)}
    found = door.logging_coverage(
        declaration(file), model, asked, timedelta(days=days), at_moment(at), planned=False
    )
    _print("coverage", found, limit, as_json=as_json)


def _sets(given: Sequence[str] | None) -> list[tuple[str, ...]] | None:
    """`country,device` → a slice of both."""
    return [tuple(part.strip() for part in one.split(",")) for one in given] if given else None


def _print(what: str, found: LoggingCoverage, limit: int, *, as_json: bool) -> None:
    end_in_json(as_json, {what: found})
    say(
        f"{found.model}, from `{found.table}`: {found.windows:,} windows of {found.window_seconds / 60:g} "
        f"minutes, {utc(found.start)} to {utc(found.end)} UTC"
    )
    if found.settings is not None:
        say(f"With {', '.join(f'{key} = {value:g}' for key, value in found.settings.items())}:")
        say(f"  a day {_volume(found)}")
    else:
        error = f" ± {found.stands_error:,.0f}" if found.stands_error else ""
        of = "" if found.requests is None else f"; {found.requests:,.0f} were counted"
        say(f"  {found.logged:,.0f} requests are logged, which stand for {found.stands:,.0f}{error}{of}")
    _show(found, limit)
    for note in found.notes:
        say(note)


def _volume(found: LoggingCoverage) -> str:
    parts = [f"{found.a_day(found.logged):,.0f} requests"]
    parts += [] if found.rows_a_day is None else [f"{found.rows_a_day:,.0f} rows"]
    parts += [] if found.bytes_a_day is None else [_size(found.bytes_a_day)]
    share = found.logged / found.stands
    return f"{', '.join(parts)}: {share:.1%} of {found.a_day(found.stands):,.0f} requests"


def _show(found: LoggingCoverage, limit: int) -> None:
    """Print the worst slices; those of a plan beside what a uniform log of the same size would have."""
    below = [one for one in found.slices if one.below]
    say(
        f"  {len(found.slices):,} slices; {len(below):,} have windows with fewer than the {found.needs} "
        f"effective requests that a diagnosis needs, {sum(one.below for one in below):,} in all"
    )
    plan = found.settings is not None
    uniform = ("Uniform log",) if plan else ()
    columns = ("Slice", "Requests a window", "Would log" if plan else "Logged", "Effective", *uniform)
    rows: list[tuple[Any, ...]] = []
    for one in found.slices[:limit]:
        there = one.stands if one.requests is None else one.requests
        beside = (f"{found.logged / found.stands * there:,.1f}",) if plan else ()
        about = "~" if one.requests is None else ""
        cells = (f"{about}{there:,.1f}", f"{one.logged:,.1f}", f"{one.effective:,.1f}", *beside)
        rows.append((name_slice(one.slice), *cells, f"{one.below:,} of {one.windows:,}"))
    table("", (*columns, "Windows below"), rows)


def _size(count: float) -> str:
    """
    >>> _size(12_345_678.0)
    '12.3 MB'
    """
    size, unit = next(((size, unit) for size, unit in UNITS if count >= size), (1.0, "bytes"))
    return f"{count / size:,.1f} {unit}"
