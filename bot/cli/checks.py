"""`recsysops check …`: the declared checks, what they find, and the record of each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.shared import FILE_NAME, At, Declared, File, Json, at_moment, declaration, utc
from bot.cli.terminal import end_in_json, page, say, table
from bot.messages import words
from domain.values import Finding
from workers import door

if TYPE_CHECKING:
    from workers.detect.record import Record

WAY_OUT = "remove `shadow = true` from the declaration to let it page people"
COLUMNS = (
    *("Check", "Pages people", "On record since", "Alarms", "Right", "False", "Open", "Precision", "Recall"),
    *("Missed", "Found in", "Last right", "Processor a day"),
)

app = typer.Typer(help="The declared checks.", no_args_is_help=True)


@app.command()
def suggest(file: Declared = None) -> None:
    """Print checks that could watch what nothing watches yet, as TOML to add."""
    suggested = door.suggest(declaration(file)) or "# Every kind that suits these tables is declared."
    page(suggested.rstrip("\n"))


@app.command("list")
def list_checks(file: Declared = None, as_json: Json = False) -> None:
    """The declared checks."""
    path = declaration(file)
    declared, evidence = door.checks(path), door.evidence(path)
    said = [{**one.model_dump(mode="json"), "evidence_for": evidence[one.name]} for one in declared]
    end_in_json(as_json, {"checks": said})
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


@app.command("run")
def run_check(
    name: Annotated[str | None, typer.Argument(help="One check; all if not given.")] = None,
    file: File = None,
    at: At = None,
    as_json: Json = False,
) -> None:
    """
    Run the checks now and print what they find; the log is not written. Exit code 1 if a check run failed.

    They remember nothing of earlier runs, so they learn a fault that began long ago as normal. A
    `recsysops backtest` that starts before the fault finds it.
    """
    looked = door.run_check(declaration(file), name, at_moment(at))
    code = 1 if looked.blind else 0
    end_in_json(as_json, {"findings": looked.findings, "notes": looked.notes}, code)
    _show(looked.findings)
    for check, note in looked.notes.items():
        say(f"{check}: {note}")
    raise typer.Exit(code)


def _show(findings: list[Finding]) -> None:
    if not findings:
        say("Nothing found.")
        return
    rows = [(one.severity.value, one.title, words.compared(one), utc(one.window_end)) for one in findings]
    table("", ("", "Finding", "Measured", "Window ends, UTC"), rows)


@app.command("new")
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


@app.command()
def ledger(file: File = None, as_json: Json = False) -> None:
    """How often each check alerted and was right, what every check missed, and the advice that follows."""
    every = door.records(door.open_door(), declaration(file))
    end_in_json(as_json, {"checks": every})
    table("", COLUMNS, [_row(one) for one in every])
    for one in every:
        if one.shadow or not one.earned:
            way_out = f"; {WAY_OUT}" if one.shadow and one.earned else ""
            say(f"{one.check}: {one.verdict}{way_out}")
    for line in (line for one in every for line in _advice(one)):
        say(line)


def _advice(one: Record) -> Iterator[str]:
    """The advice for a check, and the part of its record that supports it."""
    if one.advice is not None:
        key = f" ({one.advice.key})" if one.advice.key else ""
        yield f"{one.check}: {one.advice.move}{key}: {one.advice.says}"


def _row(one: Record) -> tuple[str, ...]:
    found_in = "–" if one.to_detect is None else words.lasting(one.to_detect)
    counts = (one.alarms, one.confirmed, one.false, one.undecided)
    missed = ", ".join(f"#{number}" for number in (*one.missed, *one.unseen)) or "–"
    pages = "no (shadow mode)" if one.shadow else "yes"
    shares = ("–" if share is None else words.estimate(share) for share in (one.precision, one.recall))
    cost = "–" if one.seconds_a_day is None else f"{one.seconds_a_day:.1f} s"
    return (
        *(one.check, pages, utc(one.since), *map(str, counts), *shares),
        *(missed, found_in, utc(one.last_right), cost),
    )


@app.command()
def alarms(file: File = None, as_json: Json = False) -> None:
    """Findings that alerted nobody: in shadow mode, planned, silenced, or about an item that ended."""
    every = door.alarms(door.open_door(), declaration(file))
    end_in_json(
        as_json, {"alarms": [{"check": check, **one.model_dump(mode="json")} for check, one in every]}
    )
    rows = [
        (utc(one.since), utc(one.until), one.severity.value, check, one.title, one.quiet)
        for check, one in every
    ]
    table("", ("Since, UTC", "Until", "", "Check", "Found", "Why nobody was alerted"), rows)
