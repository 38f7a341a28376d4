"""Whatever stands in the log, a declaration or an argument: a terminal shows it and obeys none of it."""

from __future__ import annotations

import ast
import io
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
import typer
from hypothesis import given
from hypothesis import strategies as st
from rich.progress import Progress

import bot.cli
from bot.cli.main import app
from bot.cli.terminal import Screen, page, print_json, progress_bar, say, stream, warn
from domain.incident import commands as c
from domain.incident.commands import Command
from tests.bot.cli.test_incident import happen
from tests.bot.conftest import DECLARED
from tests.bot.messages.test_inert import with_data
from tests.bot.slack.test_announce import submit
from tests.bot.stories import APPLIED, DIAGNOSED, OFFERED, OPENED, PROPOSED, VERIFIED, Step
from tests.bot.terminal import Terminal
from tests.domain.incident.given import ON_CALL
from workers.door import Door

NASTY = (
    "\x1b]0;owned\x07\x1b[2J\x9b31m\u202eevil\u2066\r#2 is closed.\x08\x85\u2028[red]x[/red] "
    "[link=http://evil.example]y[/link]\n#3 is closed."
)
OURS = re.compile(r"\x1b\[[\d;?]*[A-Za-z]")
"""What the terminal is told to do: colours, and the progress bar's own movements."""


def commands(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every command there is, as its words."""
    if not hasattr(group, "commands"):
        yield path
        return
    if group.invoke_without_command:
        yield path
    for name, one in group.commands.items():
        yield from commands(one, (*path, name))


COMMANDS = sorted(commands(typer.main.get_command(app)))
SERVE = {("up",), ("demo",), ("docs",)}
"""They start servers and end with a signal; what they say goes through the same function: the last test."""

GIVEN: dict[tuple[str, ...], tuple[str, ...]] = {
    ("assign",): ("1", f"terminal:{NASTY}"),
    ("audit", "attest"): (NASTY, "--link", "https://x.example", "--until", "2999-01-01"),
    ("backtest",): ("{file}", "--from", NASTY, "--to", "2026-03-02"),
    ("burn-in",): (NASTY, "--file", "{file}"),
    ("check", "new"): (NASTY, "--in", "{folder}"),
    ("check", "run"): (NASTY, "--file", "{file}"),
    ("declare",): (NASTY, "--description", NASTY),
    ("dismiss",): ("1", "--reason", NASTY),
    ("events", "archive"): ("--to", "{folder}/archive"),
    ("events", "check"): ("{folder}/exported",),
    ("events", "export"): ("{folder}/whole",),  # to a terminal: see below
    ("events", "import"): ("{folder}/exported",),
    ("events", "prune"): ("--days", "30"),
    ("followers", "pause"): (NASTY,),
    ("followers", "resume"): (NASTY,),
    ("followers", "replay"): (NASTY,),
    ("follow-up", "answer"): ("1", "--detail", NASTY, "--detect-faster", NASTY),
    ("follow-up", "decline"): ("1", "--reason", NASTY),
    ("follow-up", "done"): ("1", "--says", NASTY),
    ("follow-up", "edit"): ("1", "--detail", NASTY),
    ("forget",): (NASTY, "--yes"),
    ("hotfix", "break-glass"): ("1", "rollback", "--reason", NASTY),
    ("hotfix", "choose"): ("1", NASTY),
    ("hotfix", "explain"): ("1", "fill"),
    ("hotfix", "reject"): ("1", "--reason", NASTY),
    ("hotfix", "renew"): ("1", "--reason", NASTY),
    ("init",): ("{folder}",),
    ("item",): (NASTY, "--file", "{file}"),
    ("link",): (NASTY,),
    ("logging", "coverage"): ("--model", NASTY),
    ("logging", "plan"): ("--model", NASTY),
    ("misses",): ("--slice", NASTY),
    ("note",): ("1", NASTY),
    ("reopen",): ("1", "--reason", NASTY),
    ("replay",): ("1", "{file}"),
    ("rehearse",): (NASTY,),
    ("resolve",): ("1", "--reason", NASTY),
    ("severity",): ("1", "SEV3", "--reason", NASTY),
    ("slack", "manifest"): ("https://ops.example",),
    ("scorecard",): ("--by", NASTY),
}
ONE = {
    *{("ack",), ("bundle", "rerun"), ("bundle", "show"), ("close",), ("correct",), ("follow-up", "accept")},
    *{
        ("follow-up", "show"),
        ("hotfix", "approve"),
        ("hotfix", "list"),
        ("hotfix", "revert"),
        ("hotfix", "why"),
    },
    *{
        ("incident",),
        ("look-again",),
        ("obligations", "retry"),
        ("report",),
        ("silence",),
    },
}
NOTHING = {
    *{("audit",), ("check", "alarms"), ("check", "ledger"), ("check", "list"), ("check", "suggest")},
    *{("doctor",), ("events", "key"), ("events", "rebuild")},
    *{("events", "verify"), ("events", "witnesses"), ("follow-up", "list"), ("followers",)},
    *{("hotfix", "in-force"), ("migrate",), ("obligations",), ("slack-manifest",), ("status",)},
}


def obeyed(text: str) -> set[str]:
    """What a terminal would act on rather than show."""
    return {
        f"U+{ord(one):04X}"
        for one in text
        if unicodedata.category(one) in ("Cc", "Cf", "Cs", "Zl", "Zp") and one not in "\n\u2068\u2069"
    }


def poisoned(step: Step) -> tuple[Command, Any]:
    assert isinstance(step, tuple)
    command, actor = step
    return type(command).model_validate(with_data(command.model_dump(), NASTY)), actor


@pytest.mark.parametrize("command", [one for one in COMMANDS if one not in SERVE], ids=" ".join)
def test_a_command_prints_nothing_that_a_terminal_obeys(
    command: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    door: Door,
    database_url: str,
    redis_url: str,
    tmp_path: Path,
) -> None:
    submit(door, poisoned(OPENED))
    happen(door, poisoned(DIAGNOSED), poisoned(OFFERED))
    door.submit("#1", c.AddNote(text=NASTY), ON_CALL, "a note")
    if command[0] in ("follow-up", "close", "reopen") or command == ("hotfix", "revert"):
        found = door.incident("1")
        assert found is not None
        door.submit("#1", c.ChooseHotfix(option="fill", menu=found.menu_digest), ON_CALL, "chosen")
        happen(door, APPLIED, poisoned(VERIFIED), poisoned(PROPOSED))
    file = tmp_path / "recsysops.toml"
    file.write_text(DECLARED + f"[tables.views]\npath = {ascii_toml(NASTY)}\n", encoding="utf-8")
    (tmp_path / "exported").write_text(f"{NASTY}\n", encoding="utf-8")
    environment = {"DATABASE_URL": database_url, "REDIS_URL": redis_url, "RECSYSOPS_CONFIG": str(file)}
    terminal = Terminal(monkeypatch, capsys, environment)
    words = GIVEN.get(command, ("1",) if command in ONE else ())
    assert command in GIVEN or command in ONE or command in NOTHING, f"say how {command} is called"
    filled = [one.replace("{file}", str(file)).replace("{folder}", str(tmp_path)) for one in words]
    for more in ((), ("--json",)):
        try:
            done = terminal(*command, *filled, *more)
        except AssertionError as ended:
            printed = str(ended).partition(":\n")[2]
        else:
            printed = done.out + done.err
        assert obeyed(printed) == set(), printed


def ascii_toml(text: str) -> str:
    return '"' + "".join(f"\\u{ord(one):04x}" for one in text) + '"'


@given(st.text(), st.text())
def test_no_text_makes_the_terminal_do_anything(first: str, second: str) -> None:
    out = io.StringIO()
    screen = Screen(file=out, force_terminal=True, width=60)
    screen.print(f"[bold]{first}[/bold]", second)
    with Progress(*progress_bar(), console=screen) as bar:
        bar.add_task(f"[bold]{first}", total=1)
    assert obeyed(OURS.sub("", out.getvalue()).replace("\r", "")) == set()
    assert "[bold]" in out.getvalue()


def test_a_line_is_one_line_and_a_page_keeps_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    say("Closed\n#3 is closed")
    page("a\n\tb\r")
    warn("no\x1b[2J")
    assert capsys.readouterr() == ("Closed #3 is closed\na\n    b⟨U+000D⟩\n", "no⟨U+001B⟩[2J\n")


@given(st.text())
def test_json_keeps_every_value_and_nothing_in_it_is_obeyed(text: str) -> None:
    import contextlib
    import json

    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        print_json({text: [text]})
    assert json.loads(out.getvalue()) == {text: [text]}
    assert obeyed(out.getvalue()) == set()


def test_an_export_keeps_its_bytes_for_programs_and_is_inert_for_eyes(
    monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    import sys

    line = '{"a":"\x9b2J"}\n'.encode()
    stream([line])
    sys.stdout.flush()
    assert capfdbinary.readouterr().out == line
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    stream([line])
    sys.stdout.flush()
    assert capfdbinary.readouterr().out == b'{"a":"\\u009b2J"}\n'


def test_what_a_library_logs_cannot_move_the_cursor(capsys: pytest.CaptureFixture[str]) -> None:
    import logging

    structlog.get_logger("test").warning(f"it {NASTY}", why=NASTY)
    record = logging.getLogger("test").makeRecord("test", 30, "f", 1, "it %s", (NASTY,), None)
    assert obeyed(capsys.readouterr().out + record.getMessage()) == set()


def test_no_command_has_another_way_out_than_the_terminals_border() -> None:
    folder = Path(str(bot.cli.__file__)).parent
    others = [file for file in folder.rglob("*.py") if file != folder / "terminal.py"]
    ways = {(file.name, found) for file in others for found in _ways_out(ast.parse(file.read_text()))}
    assert ways == {("main.py", "sys.stderr")}  # the log of this process, see `workers.environment.journal`


def _ways_out(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=ast.Name(id="sys"), attr="stdout" | "stderr" as stream):
                yield f"sys.{stream}"
            case (
                ast.Attribute(attr="echo" | "secho" as name) | ast.Name(id="print" | "secho" | "echo" as name)
            ):
                yield name
            case ast.ImportFrom(module="rich.console" | "click" as module):
                yield module
