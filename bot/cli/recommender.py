"""Commands about the declared recommender: `doctor`, `init`, `backtest`, `burn-in`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.shared import At, Declared, File, Json, at_moment, declaration, moment_of, utc
from bot.cli.terminal import end_in_json, page, progress, say, table
from bot.messages import words
from domain.answer import WATCH
from domain.errors import ConfigurationError
from workers import door

if TYPE_CHECKING:
    from workers.checks.backtest import BacktestResult

SIGNS = {"ok": "✓", "note": "·", "warning": "!", "error": "✗"}
app = typer.Typer()


@app.command()
def doctor(file: Declared = None, as_json: Json = False) -> None:
    """Check the declaration against the real sources and Slack, and say what to fix."""
    from bot.slack.examine import examine_slack  # noqa: PLC0415 - no other command waits for Slack's client

    path = declaration(file)
    advice = [*door.doctor(path), *examine_slack(path)]
    bad = [one for one in advice if one.level == "error"]
    unwatched = any(one.where == WATCH for one in advice)
    code = 1 if bad else 0
    end_in_json(as_json, {"healthy": not (bad or unwatched), "advice": advice}, code)
    for one in advice:
        fix = f" → {one.fix}" if one.fix else ""
        say(f"{SIGNS[one.level]} {one.where}: {one.says}{fix}")
    many = "1 problem" if len(bad) == 1 else f"{len(bad)} problems"
    well = "No problem found, but nothing is watched." if unwatched else "Healthy."
    say(f"{many} found." if bad else well)
    raise typer.Exit(code)


@app.command()
def init(folder: Annotated[Path, typer.Argument(help="A folder of Parquet or CSV tables.")]) -> None:
    """Print a first declaration for a folder of tables."""
    page(door.init(folder))


@app.command()
def backtest(
    file: Declared = None,
    start: Annotated[str, typer.Option("--from", help="The first day or time, UTC.")] = "",
    end: Annotated[str, typer.Option("--to", help="The end, not included, UTC.")] = "",
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write findings and incidents here.")
    ] = None,
    png: Annotated[
        Path | None, typer.Option(help="Write a picture here: counts, what was expected, incidents.")
    ] = None,
    jobs: Annotated[int, typer.Option("--jobs", min=1, help="Checks that run at the same time.")] = 1,
    resume: Annotated[
        Path | None, typer.Option("--resume", help="Keep finished checks here, and resume after them.")
    ] = None,
) -> None:
    """Run the checks over the past as if it were live. Exit code 1 if a check run failed."""
    if not start or not end:
        raise ConfigurationError("say from when to when: --from 2026-10-01 --to 2026-11-01")
    for option, chosen in (("--json", json_file), ("--png", png), ("--resume", resume)):
        if chosen is not None and not chosen.absolute().parent.is_dir():
            says = f"{option} {chosen}: there is no such folder; make it, or choose another"
            raise ConfigurationError(says)
    with progress("looking") as step:
        result = door.backtest(
            declaration(file), moment_of(start), moment_of(end), step, jobs, resume, png is not None
        )
    if json_file is not None:
        import orjson  # noqa: PLC0415

        json_file.write_bytes(orjson.dumps(result.report(), option=orjson.OPT_INDENT_2))
    _show_backtest(result)
    if png is not None:
        _draw_backtest(declaration(file), result, png)
    raise typer.Exit(1 if result.faults else 0)


def _draw_backtest(declared: Path, result: BacktestResult, png: Path) -> None:
    picture, missing = door.backtest_picture(declared, result)
    if picture is not None:
        png.write_bytes(picture)
    for check, why in missing.items():
        say(f"{check}: {why}")
    say(
        f"No picture is written to {png}: there is nothing to draw." if picture is None else f"Picture: {png}"
    )


def _show_backtest(result: BacktestResult) -> None:
    rows = [
        (utc(one.opened_at), utc(one.ended_at), one.severity.value, one.title, str(one.findings))
        for one in result.incidents
    ]
    if rows:
        table("", ("Opened, UTC", "Ended", "", "Incident", "Findings"), rows)
    for check, note in result.notes.items():
        say(f"{check}: {note}")
    for fault in result.faults:
        windows = "1 window" if fault.windows == 1 else f"{fault.windows} windows"
        between = f"{utc(fault.window_start)} to {utc(fault.window_end)} UTC"
        say(f"✗ {fault.check}: {windows}, {between}, could not be judged: {fault.says}")
    week = words.amount(result.incidents_per_week)
    say(
        f"{len(result.incidents)} incidents of {len(result.findings)} findings in {result.looks} check runs: "
        f"{week} a week"
    )
    if missed := sum(fault.windows for fault in result.faults):
        say(f"{missed} check runs failed; what happened in those windows is not known.")


@app.command("burn-in")
def burn_in(
    name: Annotated[str, typer.Argument(metavar="TABLE", help="A declared table.")],
    file: File = None,
    at: At = None,
    as_json: Json = False,
) -> None:
    """What is odd about a new table, what is new in it, what will be watched, and from when."""
    found = door.burn_in(declaration(file), name, at_moment(at))
    end_in_json(as_json, {"burn_in": found})
    through = "has enough history" if found.through else f"burn-in until {utc(found.through_at)}"
    say(f"{name}: {found.rows:,} rows from {utc(found.first)} to {utc(found.last)} UTC; {through}.")
    say("Odd:" if found.odd else "Nothing contradicts its declaration, its checks or the related tables.")
    for line in found.odd:
        say(f"  ! {line}")
    for one in found.newcomers:
        what = f"column {one.column}" if one.value is None else f"{one.column} = {one.value}"
        judged = "" if one.through else "; too new to be judged"
        say(f"New: {what} since {utc(one.since)}, {one.share:.1%} of the rows from then on{judged}")
    rows = [
        (
            one.check,
            one.kind,
            "now" if one.since <= found.at else utc(one.since),
            "shadow" if one.shadow else "",
        )
        for one in found.watched
    ]
    if rows:
        table("", ("Check", "Kind", "Watches from, UTC", ""), rows)
    else:
        say("No check covers it: add [checks.NAME].")
