from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from domain.errors import ConfigurationError
from workers.environment.settings import left_variables, read_settings, surroundings
from workers.store.connection import driver_address, spell


def test_secrets_do_not_reach_a_log() -> None:
    settings = read_settings(
        {
            "DATABASE_URL": "postgres://me:hunter2@db/incidents",
            "REDIS_URL": "redis://:hunter2@broker/0",
            "SLACK_BOT_TOKEN": "xoxb-hunter2",
            "SLACK_SIGNING_SECRET": "hunter2",
            "SLACK_APP_TOKEN": "xapp-hunter2",
        }
    )
    assert settings.slack_bot_token == "xoxb-hunter2"
    assert "hunter2" not in repr(settings)


def test_an_empty_environment_has_defaults_and_says_what_is_missing(tmp_path: Path) -> None:
    settings = read_settings({"RECSYSOPS_VAR": str(tmp_path)})
    assert settings.public_url == "http://127.0.0.1:8000"
    with pytest.raises(ConfigurationError, match="set DATABASE_URL"):
        settings.database()
    with pytest.raises(ConfigurationError, match="set BROKER_URL or REDIS_URL"):
        settings.broker()


def test_servers_that_were_started_here_are_found_and_named_ones_go_first(tmp_path: Path) -> None:
    started = {"database_url": "postgresql://here", "redis_url": "redis://here"}
    (tmp_path / "servers.json").write_text(json.dumps(started))
    here = read_settings({"RECSYSOPS_VAR": str(tmp_path)})
    assert (here.database(), here.broker()) == ("postgresql://here", "redis://here")
    named = read_settings(
        {"RECSYSOPS_VAR": str(tmp_path), "BROKER_URL": "amqp://there", "REDIS_URL": "redis://x"}
    )
    assert named.broker() == "amqp://there"


def test_a_second_terminal_knows_what_the_first_one_runs_until_it_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    own = {"RECSYSOPS_VAR": "var"}
    (tmp_path / "var").mkdir()
    left = {
        "RECSYSOPS_CONFIG": "/cinema/recsysops.toml",
        "PUBLIC_URL": "http://here:1",
        "HOOK_SECRET": "s3cret",
    }
    with left_variables(tmp_path / "var", left):
        assert stat.S_IMODE((tmp_path / "var/environment.json").stat().st_mode) == 0o600
        assert read_settings(own).config == Path("/cinema/recsysops.toml")
        assert read_settings(own).public_url == "http://here:1"
        assert surroundings(own)["HOOK_SECRET"] == "s3cret"
        assert surroundings({**own, "HOOK_SECRET": "mine"})["HOOK_SECRET"] == "mine"
        assert read_settings({**own, "RECSYSOPS_CONFIG": "mine.toml"}).config == Path("mine.toml")
        (tmp_path / "recsysops.toml").touch()
        assert read_settings(own).config == Path("recsysops.toml")
    assert "HOOK_SECRET" not in surroundings(own)


def test_a_port_that_is_no_number_is_said_so() -> None:
    with pytest.raises(ConfigurationError, match="PORT is 'http'"):
        read_settings({"PORT": "http"})


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg2", "postgresql+psycopg"])
def test_every_spelling_of_a_database_address_is_understood(scheme: str) -> None:
    assert spell(f"{scheme}://me:p%40ss@db:5432/x") == "postgresql+psycopg://me:p%40ss@db:5432/x"
    assert driver_address(f"{scheme}://me:p%40ss@db:5432/x") == "postgresql://me:p%40ss@db:5432/x"


def test_the_owner_of_what_was_started_here_owns_nothing_on_a_server_that_is_named(tmp_path: Path) -> None:
    started = {"database_url": "postgresql://program@here", "owner_url": "postgresql://owner@here"}
    (tmp_path / "servers.json").write_text(json.dumps(started))
    here = {"RECSYSOPS_VAR": str(tmp_path)}
    assert read_settings(here).owner() == "postgresql://owner@here"
    there = {**here, "DATABASE_URL": "postgresql://program@there"}
    assert read_settings(there).owner() == "postgresql://program@there"
    owned = {**there, "DATABASE_OWNER_URL": "postgresql://owner@there"}
    assert (read_settings(owned).owner(), read_settings(owned).database()) == (
        "postgresql://owner@there",
        "postgresql://program@there",
    )
    assert "owner@there" not in repr(read_settings(owned))
    signing = {**here, "RECSYSOPS_SIGNING_KEY": "/keys/log.pem"}
    assert read_settings(signing).signing_key == Path("/keys/log.pem")
