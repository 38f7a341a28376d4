"""Commands about the declared recommender: `doctor`, `init`, `check`, `backtest`."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.progress import progress
from bot.cli.shared import Json, utc
from bot.cli.table import table
from bot.cli.terminal import page, print_json, say
from bot.messages import words
from domain.answer import WATCH
from domain.errors import ConfigurationError, Refused
from domain.values import Finding
from workers import door

if TYPE_CHECKING:
    from workers.checks.backtest import BacktestResult

FILE_NAME = "recsysops.toml"
SIGNS = {"ok": "✓", "note": "·", "warning": "!", "error": "✗"}
Declared = Annotated[
    Path | None,
    typer.Argument(metavar="FILE", help=f"{FILE_NAME}, or its folder. RECSYSOPS_CONFIG if not given."),
]

checks = typer.Typer(help="The declared checks.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    app.command("doctor")(doctor)
    app.command("init")(init)
    app.command("backtest")(backtest)


def doctor(file: Declared = None, as_json: Json = False) -> None:
    """Check the declaration against the real sources and Slack, and say what to fix."""
    from bot.slack.examine import examine_slack  # noqa: PLC0415 - no other command waits for Slack's client

    path = declaration(file)
    advice = [*door.doctor(path), *examine_slack(path)]
    bad = [one for one in advice if one.level == "error"]
    unwatched = any(one.where == WATCH for one in advice)
    if as_json:
        print_json(
            {"healthy": not (bad or unwatched), "advice": [one.model_dump(mode="json") for one in advice]}
        )
    else:
        for one in advice:
            fix = f" → {one.fix}" if one.fix else ""
            said = f"{SIGNS.get(one.level, '·')} {one.where}: {one.says}{fix}"
            say(said)
        many = "1 problem" if len(bad) == 1 else f"{len(bad)} problems"
        well = "No problem found, but nothing is watched." if unwatched else "Healthy."
        say(f"{many} found." if bad else well)
    raise typer.Exit(1 if bad else 0)


def init(folder: Annotated[Path, typer.Argument(help="A folder of Parquet or CSV tables.")]) -> None:
    """Print a first declaration for a folder of tables."""
    page(door.init(folder))


@checks.command("suggest")
def suggest(file: Declared = None) -> None:
    """Print checks that could watch what nothing watches yet, as TOML to add."""
    suggested = door.suggest(declaration(file)) or "# Every kind that suits these tables is declared."
    page(suggested.rstrip("\n"))


@checks.command("list")
def list_checks(file: Declared = None, as_json: Json = False) -> None:
    """The declared checks."""
    path = declaration(file)
    declared, evidence = door.checks(path), door.evidence(path)
    if as_json:
        said = [{**check.model_dump(mode="json"), "evidence_for": evidence[check.name]} for check in declared]
        print_json({"checks": said})
        return
    rows = [
        (
            check.name,
            check.kind,
            check.table or "–",
            check.schedule or "each window",
            "nobody (shadow mode)" if check.shadow else str(check.severity or "by size"),
            ", ".join(evidence[check.name]) or "–",
        )
        for check in declared
    ]
    table("", ("Check", "Kind", "Table", "Runs", "Severity", "Evidence for"), rows)


@checks.command("run")
def run_check(
    name: Annotated[str | None, typer.Argument(help="One check; all if not given.")] = None,
    file: Annotated[Path | None, typer.Option("--file", help=FILE_NAME)] = None,
    at: Annotated[
        str | None, typer.Option(help="Run as of this time, for instance 2026-11-25T02:40Z.")
    ] = None,
    as_json: Json = False,
) -> None:
    """
    Run the checks now and print what they find; the log is not written. Exit code 1 if a check run failed.

    They remember nothing of earlier runs, so they learn a fault that began long ago as normal. A
    `recsysops backtest` that starts before the fault finds it.
    """
    looked = door.run_check(declaration(file), name, moment_of(at) if at else None)
    if as_json:
        found = [one.model_dump(mode="json") for one in looked.findings]
        print_json({"findings": found, "notes": looked.notes})
    else:
        _show(looked.findings)
        for check, note in looked.notes.items():
            say(f"{check}: {note}")
    raise typer.Exit(1 if looked.blind else 0)


@checks.command("new")
def new_check(
    name: Annotated[str, typer.Argument(help="Of the kind: small letters, digits and _, as late_views.")],
    needs: Annotated[
        str, typer.Option(help="What it reads: wrong_rows, row_counts, histograms or expression.")
    ] = "wrong_rows",
    folder: Annotated[Path, typer.Option("--in", help="Where its folder is made.")] = Path(),
) -> None:
    """Write a check of your own to begin with: one file, its test, and what makes it installable."""
    made = door.new_check(name, needs, folder)
    say(f"Wrote {', '.join(f'{made.folder}/{file}' for file in made.files)}.")
    say(f"Next: pip install -e '{made.folder}[test]' && pytest {made.folder}, then in {FILE_NAME}:")
    page(f"\n{made.declare}")


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


def _show(findings: list[Finding]) -> None:
    if not findings:
        say("Nothing found.")
        return
    rows = [
        (
            one.severity.value,
            one.title,
            words.compared(one),
            utc(one.window_end),
        )
        for one in findings
    ]
    table("", ("", "Finding", "Measured", "Window ends, UTC"), rows)


def declaration(given: Path | None) -> Path:
    """The path of the declaration to use."""
    path = given or door.environment().config
    return path / FILE_NAME if path.is_dir() else path


def moment_of(text: str) -> datetime:
    """
    A time as somebody typed it; UTC if no zone is given.

    Raises:
        Refused: the text is not a time.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Refused(f"{text!r} is not a time; write for instance 2026-11-25 or 2026-11-25T02:40Z") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
