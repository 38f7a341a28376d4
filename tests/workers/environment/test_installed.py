"""
Kinds that others installed: whatever their entry points do, it is an error of theirs that says what to do.

Installed code runs with the rights of this process, by design: nothing here is a sandbox. What holds is that
no package takes the place of a kind of ours, and that none of them ends or silences the program.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from domain.errors import ConfigurationError, OwnCheckError
from domain.recommender.check import OWN_GROUP
from domain.recommender.hotfix import HOTFIX_GROUP
from workers.declaration import check_kinds, hotfix_kinds
from workers.deployers.kind import DEPLOYERS
from workers.environment import installed
from workers.trackers.kind import TRACKERS

Find = Callable[[str], Any]
REGISTRIES: dict[str, tuple[Find, str]] = {
    OWN_GROUP: (check_kinds.find, "volume"),
    HOTFIX_GROUP: (hotfix_kinds.find, "fill_feature"),
    DEPLOYERS.group: (DEPLOYERS.find, "webhook"),
    TRACKERS.group: (TRACKERS.find, "github"),
}
Install = Callable[[str, str, str], str]
NUMBERS = count()
"""An import that hangs holds its module's lock for ever: no other test may use its name."""


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Writes a module and an entry point, (group, name and attribute, source), as pip would."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(str(site))
    written: list[str] = []

    def installing(group: str, points: str, source: str) -> str:
        module = f"strange_{next(NUMBERS)}"
        (site / f"{module}.py").write_text(source, encoding="utf-8")
        metadata = site / f"{module}-1.dist-info"
        metadata.mkdir()
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1\n")
        (metadata / "entry_points.txt").write_text(f"[{group}]\n{points.replace('MODULE', module)}\n")
        written.append(module)
        monkeypatch.syspath_prepend(str(site))
        return module

    yield installing
    check_kinds.forget()
    hotfix_kinds.find.cache_clear()
    for module in written:
        sys.modules.pop(module, None)


@pytest.fixture(params=REGISTRIES)
def group(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def refused(group: str, name: str = "strange") -> str:
    with pytest.raises((ConfigurationError, OwnCheckError)) as error:
        REGISTRIES[group][0](name)
    return str(error.value)


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("raise LookupError('no wings')", "LookupError"),
        ("import sys\nsys.exit('bye')", "SystemExit"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("class Gone(BaseException): pass\nraise Gone('away')", "Gone"),
        ("def broken(:", "SyntaxError"),
        ("X = 1", "AttributeError"),
    ],
    ids=["raises", "exits", "interrupts", "raises what nobody catches", "is no Python", "has no such value"],
)
def test_an_import_that_fails_is_an_error_that_names_it(
    install: Install, group: str, source: str, says: str
) -> None:
    module = install(group, "strange = MODULE:KIND", source)
    said = refused(group)
    assert '"strange"' in said
    assert f"{module}:KIND" in said
    assert says in said


def test_an_import_that_hangs_is_left_behind_and_said(
    install: Install, group: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(installed, "IMPORT_SECONDS", 0.2)
    module = install(group, "strange = MODULE:KIND", "import threading\nthreading.Event().wait(600)")
    assert f"is not imported from {module}:KIND after 0.2 s" in refused(group)


@pytest.mark.parametrize("source", ["KIND = 3", "KIND = None", "class KIND:\n    name = 'strange'"])
def test_what_is_no_kind_is_refused(install: Install, group: str, source: str) -> None:
    install(group, "strange = MODULE:KIND", source)
    assert "not a Kind" in refused(group)


def test_two_of_one_name_are_refused_whoever_registers_them(install: Install, group: str) -> None:
    module = install(group, "strange = MODULE:ONE\nstrange = MODULE:TWO", "raise SystemExit('imported')")
    said = refused(group)
    assert f"is installed twice: {module}:ONE and {module}:TWO; remove one" in said


def test_nobody_takes_the_place_of_a_kind_of_ours(install: Install, group: str) -> None:
    find, ours = REGISTRIES[group]
    install(group, f"{ours} = MODULE:KIND", "raise SystemExit('imported')")
    check_kinds.forget()
    hotfix_kinds.find.cache_clear()
    kind = find(ours)
    assert kind.name == ours
    assert type(kind).__module__.partition(".")[0] in ("domain", "workers")
    assert ours in {*hotfix_kinds.ours(), *check_kinds.ours(), "webhook", "github"}


def test_what_an_import_prints_is_not_what_a_program_reads(
    install: Install, group: str, capsys: pytest.CaptureFixture[str]
) -> None:
    install(group, "strange = MODULE:KIND", "print('look at me')\nKIND = 3")
    refused(group)
    assert capsys.readouterr() == ("", "look at me\n")


def test_two_imports_at_once_leave_stdout_where_it_was(
    install: Install, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each ends its redirection in its own time, the first one first."""
    pause = "import time\ntime.sleep({})\nKIND = 3"
    for name, seconds in (("early", 0.2), ("late", 0.6)):
        install(TRACKERS.group, f"{name} = MODULE:KIND", pause.format(seconds))
    both = [Thread(target=refused, args=(TRACKERS.group, name)) for name in ("early", "late")]
    before = sys.stdout
    for one in both:
        one.start()
        time.sleep(0.1)
    for one in both:
        one.join()
    assert sys.stdout is before


def test_after_a_broken_kind_the_others_are_found(install: Install, group: str) -> None:
    find, ours = REGISTRIES[group]
    install(group, "strange = MODULE:KIND", "raise KeyboardInterrupt")
    refused(group)
    assert find(ours).name == ours
