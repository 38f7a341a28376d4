"""`recsysops up`: what it starts, with which secrets, and what it says when it cannot."""

from __future__ import annotations

import socket
import stat
from pathlib import Path

import pytest

from bot.up import PROCESSES, up
from bot.up.example import (
    FAULTS,
    example_environment,
    found_example,
)
from bot.up.folder import LOCK
from bot.up.machine import Ports, keep_secrets
from bot.workspace import settings_from_environment
from domain.errors import ConfigurationError
from examples.cinema import faults
from tests.bot.conftest import free_port
from workers.declaration.declare import load
from workers.environment.settings import Settings, read_settings, settings, surroundings


def test_it_starts_what_the_procfile_names(root: Path) -> None:
    lines = (root / "Procfile").read_text().splitlines()
    named = dict(line.split(": ", 1) for line in lines if not line.startswith("#"))
    assert set(named) == set(PROCESSES)
    for name in ("worker", "clock", "follower", "announce"):
        assert PROCESSES[name].removeprefix("exec ") == named[name]


def test_secrets_are_made_once_and_for_the_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "secrets.json"
    first = keep_secrets(path)
    assert keep_secrets(path) == first
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(set(first.values())) == 4


def test_the_workspace_and_the_bot_are_given_the_same_secrets(
    tmp_path: Path,
) -> None:
    environment = example_environment(found_example("cinema"), tmp_path, Ports(1, 2, 3))
    workspace = settings_from_environment(environment)
    assert workspace.bot_token == environment["SLACK_BOT_TOKEN"]
    assert workspace.signing_secret == environment["SLACK_SIGNING_SECRET"]
    assert workspace.request_url == "http://127.0.0.1:1/slack/events"
    assert environment["SLACK_BASE_URL"] == "http://127.0.0.1:2/api/"


def test_a_taken_port_is_named_with_the_option_that_changes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECSYSOPS_VAR", str(tmp_path))
    settings.cache_clear()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationError, match=rf"port {port} is taken.*--port"):
            up(None, Ports(web=port), print)
    settings.cache_clear()
    assert (tmp_path / LOCK).read_text() == "", "the next one would say that this one was killed"


def test_a_doctor_in_a_second_terminal_can_sign_what_the_example_s_secret_signs(
    tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch, database_url: str, redis_url: str
) -> None:
    monkeypatch.chdir(root)
    for name, value in (
        ("RECSYSOPS_VAR", str(tmp_path)),
        ("DATABASE_URL", database_url),
        ("REDIS_URL", redis_url),
    ):
        monkeypatch.setenv(name, value)
    seen: list[tuple[dict[str, str], Settings, str]] = []

    def run(_: object, environment: dict[str, str], *_rest: object) -> int:
        seen.append((surroundings(), read_settings(), (tmp_path / "environment.json").read_text()))
        assert surroundings()["CINEMA_WEBHOOK_SECRET"] == environment["CINEMA_WEBHOOK_SECRET"]
        return 0

    monkeypatch.setattr("bot.up.start._run", run)
    monkeypatch.setattr("signal.signal", lambda *_: None)
    settings.cache_clear()
    try:
        assert up("cinema", Ports(free_port(), free_port(), free_port()), print) == 0
    finally:
        settings.cache_clear()
    ((around, read, written),) = seen
    assert read.config == root / "examples/cinema/recsysops.toml"
    assert load(read.config, around).deployers["hooks"].model_dump()["secret_env"] == "CINEMA_WEBHOOK_SECRET"
    assert "xoxb" not in written
    assert not (tmp_path / "environment.json").exists()


def test_the_example_is_that_of_the_repository_else_the_installed_one(tmp_path: Path, root: Path) -> None:
    here = found_example("cinema")
    assert (here.package, here.declared) == ("examples.cinema", root / "examples/cinema/recsysops.toml")
    installed = tmp_path / "recsysops_cinema/recsysops.toml"
    installed.parent.mkdir()
    installed.touch()
    found = found_example("cinema", tmp_path)
    assert (found.package, found.declared) == ("recsysops_cinema", installed)
    assert found.processes["cinema"] == "exec python -m recsysops_cinema serve"


def test_an_example_that_is_not_installed_is_said_so_with_what_installs_it(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"recsysops_cinema.*make dist.*pip install dist/\*\.whl"):
        found_example("cinema", tmp_path)
    with pytest.raises(ConfigurationError, match="no example 'theatre'; there is: cinema"):
        found_example("theatre")


def test_the_first_view_switches_on_whichever_fault_the_cinema_has_and_no_other(tmp_path: Path) -> None:
    assert set(FAULTS) == set(faults.SWITCHES)
    cinema = found_example("cinema")
    for fault in FAULTS:
        told = settings_from_environment(example_environment(cinema, tmp_path, Ports(cinema=3), fault))
        assert told.on_first_view_url == f"http://127.0.0.1:3/faults/{fault}"
        assert told.first_view == fault
    with pytest.raises(ConfigurationError, match=r"no fault 'flood'.*language, upstream"):
        example_environment(cinema, tmp_path, Ports(), "flood")
