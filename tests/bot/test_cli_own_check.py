"""The page “Your own check”, followed to the letter in a folder of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.bot.terminal import Terminal
from workers.conformance import END, last_day, sound
from workers.declaration import check_kinds

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/how-to/own-check.md"
HOUR = timedelta(hours=1)


def block(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert found, f"the page shows no {language}"
    return found[1]


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Terminal:
    return Terminal(monkeypatch, capsys, {})


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A recommender's folder with a table `views`, the last day of which has the fault."""
    frame = sound()
    spoilt = last_day(frame) & (frame["country"] == "France")
    frame["minutes"] += spoilt * 200.0
    frame.to_parquet(tmp_path / "views.parquet", index=False)
    (tmp_path / "recsysops.toml").write_text(
        '[recommender]\nname = "shop"\ntimezone = "Europe/Berlin"\n\n[tables.views]\npath = "views.parquet"\n'
        'time = "at"\nwindow = "1d"\ndimensions = ["country", "device"]\n\n'
    )
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    check_kinds.forget()
    sys.modules.pop("late_views", None)


def install(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What `pip install -e` does, without a network: the folder on the path, its entry points beside it."""
    points = tomllib.loads((package / "pyproject.toml").read_text())["project"]["entry-points"]
    lines = [
        f"[{group}]\n{name} = {value}" for group, named in points.items() for name, value in named.items()
    ]
    metadata = package / "late_views-0.1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: late-views\nVersion: 0.1.0\n")
    (metadata / "entry_points.txt").write_text("\n".join(lines))
    monkeypatch.syspath_prepend(str(package))


def test_the_readme_is_followed_from_an_empty_folder_to_a_finding(
    terminal: Terminal, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = [line.partition("#")[0].split() for line in block("sh").splitlines()]
    made, installed, tried, doctored, run = asked
    assert made[:3] == ["recsysops", "check", "new"]
    terminal(*made[1:])
    assert installed == ["pip", "install", "-e", "'late_views[test]'"]
    toml = tomllib.loads((folder / "late_views/pyproject.toml").read_text())
    assert [one.partition(">")[0] for one in toml["project"]["optional-dependencies"]["test"]] == ["pytest"]
    assert "pytest" in toml["tool"]  # else the folder around it would say how its tests are run
    install(folder / "late_views", monkeypatch)
    assert tried == ["pytest", "late_views"]
    assert (
        folder / "late_views/test_late_views.py"
    ).exists()  # run by tests/workers/scaffold/test_new_check.py
    with (folder / "recsysops.toml").open("a") as file:
        file.write(block("toml"))
    said = terminal(*doctored[1:]).out  # of people and channels: nobody is declared here
    assert "✓ checks.late: kind late_views of your own" in said
    assert "✗ checks" not in said
    assert run == ["recsysops", "check", "run", "late"]
    at = ("--at", f"{END + HOUR:%Y-%m-%dT%H:%MZ}")
    (finding,) = terminal(*run[1:], "--file", folder, *at, "--json").json["findings"]
    assert (finding["check"], finding["slice"]) == ("late", [["country", "France"]])
    listed = terminal("check", "list", folder, "--json").json["checks"]
    assert [(one["kind"], one["shadow"]) for one in listed] == [("late_views", True)]


def test_a_check_of_ones_own_is_walked_over_the_past(
    terminal: Terminal, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal("check", "new", "late_views")
    install(folder / "late_views", monkeypatch)
    with (folder / "recsysops.toml").open("a") as file:
        file.write(block("toml"))
    out = folder / "out.json"
    printed = terminal("backtest", folder, "--from", "2026-03-25", "--to", "2026-03-30", "--json", out).out
    assert "1 incidents of 1 findings in 5 check runs" in printed


def test_a_declaration_that_names_it_before_it_is_installed_says_how(
    terminal: Terminal, folder: Path
) -> None:
    with (folder / "recsysops.toml").open("a") as file:
        file.write(block("toml"))
    said = terminal("check", "list", folder, code=2).err
    assert "'late_views' is no kind of check here" in said
    assert "pip install -e FOLDER" in said
    assert "recsysops check new late_views" in said


def test_the_bot_reads_a_declaration_without_importing_a_stranger(
    terminal: Terminal, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A click has to be answered at once, and needs channels and permissions only."""
    terminal("check", "new", "late_views")
    install(folder / "late_views", monkeypatch)
    with (folder / "recsysops.toml").open("a") as file:
        file.write(block("toml"))
    program = (
        "import sys; from workers.declaration.current import recommender; from pathlib import Path;"
        "found = recommender(Path('recsysops.toml'), own=False).checks['late'];"
        "print(found.options, sorted({'late_views', 'numpy', 'pandas', 'ibis'} & set(sys.modules)))"
    )
    environment = {**os.environ, "PYTHONPATH": f"{folder / 'late_views'}:{ROOT}"}
    done = subprocess.run(
        [sys.executable, "-c", program],
        check=True,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.stdout == "{'column': 'minutes', 'most': 150.0} []\n"
