"""`recsysops doctor` looks at Slack too."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.workspace import Workspace, WorkspaceSettings
from tests.bot.conftest import DECLARED
from tests.bot.terminal import Terminal, recsysops
from tests.bot.workspace.driver import Driver


@pytest.fixture
def declared(tmp_path: Path) -> Path:
    (tmp_path / "recsysops.toml").write_text(DECLARED)
    return tmp_path / "recsysops.toml"


class Doctor:
    """What `recsysops doctor` says with a token, of a declaration whose tables are not there."""

    def __init__(self, terminal: Terminal, declared: Path) -> None:
        self._terminal, self._declared = terminal, declared

    def __call__(self, url: str, **environment: str) -> str:
        self._terminal.environment = {
            "SLACK_BOT_TOKEN": "xoxb-local",
            "SLACK_BASE_URL": url,
            **environment,
        }
        return self._terminal("doctor", self._declared, code=1).out


@pytest.fixture
def doctor(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], declared: Path) -> Doctor:
    return Doctor(Terminal(monkeypatch, capsys, {}), declared)


def test_all_well_is_said_of_token_scopes_channels_groups_and_app_token(
    doctor: Doctor, room: Workspace
) -> None:
    said = doctor(room.api_url, SLACK_APP_TOKEN="xapp-local")
    for line in (
        "✓ slack.token: recsysops in Local workspace",
        "✓ slack.scopes: as in the manifest; pictures can be uploaded",
        "✓ slack.channels.#content: the bot is in it",
        "✓ slack.groups.oncall: 1 member",
        "✓ slack.app_token: Socket Mode can be opened",
    ):
        assert line in said
    assert "xoxb-local" not in said


def test_what_is_wrong_in_slack_is_named_with_what_to_do(
    doctor: Doctor, declared: Path, room: Workspace, person: Driver
) -> None:
    person.channel("C-content", is_archived=True)
    person.channel("C-recsysops", is_member=False)
    person.group("oncall", [])
    declared.write_text(DECLARED.replace('"leads"]', '"nobody_here"]'))
    said = doctor(room.api_url, SLACK_APP_TOKEN="xapp-wrong")
    assert "✗ slack.channels.#content: it is archived" in said
    assert "✗ slack.channels.#recsysops: the bot is not in it → /invite" in said
    assert "! slack.groups.oncall: nobody is in it" in said
    assert "✗ slack.groups.nobody_here: there is no user group" in said
    assert "✗ slack.app_token: Slack refuses: SlackApiError (HTTP 200, says invalid_auth)" in said


def test_a_token_that_is_revoked_or_may_too_little_is_said(
    doctor: Doctor, room: Workspace, person: Driver
) -> None:
    with Workspace(WorkspaceSettings(port=0, scopes="chat:write,usergroups:read")) as poor:
        said = doctor(poor.api_url)
        assert "files:write" in said
        assert "(so cards have no picture)" in said
        assert "✗ slack.channels: Slack refuses: SlackApiError (HTTP 200, says missing_scope, needs " in said
    person.token("token_revoked")
    assert "✗ slack.token: Slack refuses: SlackApiError (HTTP 200, says token_revoked)" in doctor(
        room.api_url
    )


def test_without_a_token_it_says_that_slack_was_not_looked_at(declared: Path) -> None:
    """In a process of its own, as an operator starts it."""
    assert "SLACK_BOT_TOKEN is not set" in recsysops("doctor", str(declared)).stdout
