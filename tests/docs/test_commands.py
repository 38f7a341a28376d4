"""Every `recsysops …` that the documentation names exists, with these arguments and options."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
import typer

from bot.cli.main import app
from tests.bot.terminal import Terminal
from tests.docs.pages import ROOT, blocks, spans

VALUES = {"N": "3", "ID": "1", "POSITION": "7"}
"""What stands for a placeholder in capital letters that is no text."""
SHELL = ("sh", "bash")
SHOWN = "show"


class Line(NamedTuple):
    """A command line, and where it stands."""

    where: str
    words: tuple[str, ...]
    whole: bool
    """Whether it is meant to be typed as it is, and not only to name a command."""


def lines() -> Iterator[Line]:
    """All of them."""
    for block in blocks(*SHELL):
        for at, text in enumerate(block.text.splitlines()):
            if (words := typed(text)) is not None:
                yield Line(f"{block.page}:{block.line + 1 + at}", words, True)
    for span in spans():
        if (words := typed(span.text)) is not None:
            yield Line(span.where, words, False)


def typed(text: str) -> tuple[str, ...] | None:
    """The words after `recsysops`; None where the line runs something else."""
    words = shlex.split(text.replace("[", " ").replace("]", " "), comments=True)
    while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
        del words[0]
    if words[:1] != ["recsysops"]:
        return None
    ends = [words.index(end) for end in (">", "&&", "|") if end in words]
    return tuple(words[1 : min(ends, default=len(words))])


LINES = list(dict.fromkeys(lines()))


def found(words: tuple[str, ...]) -> tuple[Any, list[str]]:
    """The command that these words name, and the words after its name."""
    command, rest = typer.main.get_command(app), list(words)
    while rest and rest[0] in getattr(command, "commands", {}):
        command = command.commands[rest.pop(0)]  # type: ignore[attr-defined]
    if rest and rest[0] not in (inside := getattr(command, "commands", {})) and SHOWN in inside:
        command = inside[SHOWN]  # `bundle ID` opens it
    return command, rest


def given(rest: list[str]) -> list[str]:
    """The words with something in the place of placeholders."""
    meant = [word for at, word in enumerate(rest) if word != "…" or rest[at - 1].startswith("-")]
    return [VALUES.get(word, word) for word in meant]


@pytest.mark.parametrize("line", LINES, ids=[f"{one.where} {' '.join(one.words[:2])}" for one in LINES])
def test_a_command_exists_with_these_options(line: Line) -> None:
    command, rest = found(line.words)
    rest = given(rest)
    if not rest and not line.whole:
        return
    with command.make_context("recsysops", rest, resilient_parsing=False) as context:
        assert not context.args
        assert not getattr(command, "commands", None) or rest or command.invoke_without_command


def test_there_are_such_lines() -> None:
    assert len(LINES) > 60


def test_the_manifest_of_the_tutorial_is_printed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    terminal = Terminal(monkeypatch, capsys, {})
    assert "/recsysops" in terminal("slack", "manifest", "--url", "https://YOUR-HOST").out
    assert "socket_mode_enabled" in terminal("slack", "manifest", "--socket").out


def test_what_is_made_with_make_can_be_made() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    texts = [block.text for block in blocks(*SHELL)] + [span.text for span in spans()]
    named = {
        target
        for text in texts
        for words in re.findall(r"^make((?: [A-Z]+=\S+)*(?: [a-z-]+))", text, re.MULTILINE)
        for target in words.split()
        if "=" not in target
    }
    assert named
    assert named <= targets
