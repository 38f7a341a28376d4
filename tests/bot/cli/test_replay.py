"""`recsysops replay`, as a team's CI runs it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import Engine

from tests.bot.terminal import Terminal, holds
from tests.workers.replay.depot import Depot, scans

NAMES = {"HOOK_SECRET": "s" * 40}
PAGE = Path(__file__).parents[3] / "docs/how-to/replay.md"
LOOSE = 'kind = "volume"\nleast_change = 0.9\n'


@pytest.fixture
def depot(log: Engine, tmp_path: Path, terminal: Terminal) -> Depot:
    terminal.environment |= NAMES
    made = Depot(log, tmp_path, scans())
    made.raises(*made.found())
    return made


def test_a_loosened_check_fails_the_build_and_one_that_is_as_it_was_does_not(
    terminal: Terminal, depot: Depot
) -> None:
    as_it_was = terminal("replay", "--all", "--fail-on-regression").out
    kept = "0.1 MB kept of each (median): 0 worse, 1 same, 0 better, 0 not judged"
    holds(as_it_was, "\n1 incident in", kept)
    proposed = depot.folder / "proposed.toml"
    proposed.write_text(depot.text.replace('kind = "volume"\n', LOOSE))
    failed = terminal("replay", "--all", proposed, "--fail-on-regression", code=1).out
    # The fault begins on the window, which is where it is dated.
    holds(failed, "33 min, parcels → no", "#1: no check raises it (then: parcels)")
    assert terminal("replay", "1", proposed).out.endswith("1 worse, 0 same, 0 better, 0 not judged\n")
    answer = terminal("replay", "1", proposed, "--json", "--fail-on-regression", code=1).json
    assert (answer["worse"], answer["replay"]["incidents"][0]["verdict"]) == ([1], "worse")


@pytest.mark.usefixtures("depot")
def test_asked_for_nothing_or_for_what_is_not_there_it_says_what_to_write(terminal: Terminal) -> None:
    for asked in ((), ("1", "--all")):
        assert "their numbers, or --all" in terminal("replay", *asked, code=2).err
    assert "there is no incident #9" in terminal("replay", "9", code=1).err


def test_the_ci_script_of_the_documentation_fails_when_a_check_is_loosened(
    log: Engine, tmp_path: Path, database_url: str
) -> None:
    folder = tmp_path / "ops"
    folder.mkdir()
    depot = Depot(log, folder, scans())
    depot.raises(*depot.found())
    script = tmp_path / "ci.sh"
    (shown,) = re.findall(r"```sh\n(#!/bin/sh.*?)```", PAGE.read_text(), re.DOTALL)
    script.write_text(shown)
    around = {"DATABASE_URL": database_url, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}

    def ci() -> subprocess.CompletedProcess[str]:
        command = ["sh", "-e", str(script)]
        environment = {**os.environ, **around, **NAMES}
        return subprocess.run(
            command, cwd=tmp_path, env=environment, text=True, capture_output=True, check=False
        )

    passed = ci()
    assert passed.returncode == 0, passed.stdout + passed.stderr
    depot.changes('kind = "volume"\n', LOOSE)
    failed = ci()
    assert failed.returncode == 1
    assert "#1: no check raises it (then: parcels)" in failed.stdout
