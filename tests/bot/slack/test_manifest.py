"""The manifest grants what the code uses, and nothing more."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.slack.manifest import HOST, manifest, scopes
from bot.workspace.settings import BOT_SCOPES
from bot.workspace.web_api import METHODS
from domain.errors import ConfigurationError
from tests.bot.terminal import recsysops

SCOPES: dict[str, frozenset[str]] = {
    "auth.test": frozenset(),
    "chat.delete": frozenset({"chat:write"}),
    "chat.postMessage": frozenset({"chat:write"}),
    "chat.update": frozenset({"chat:write"}),
    "conversations.history": frozenset({"channels:history", "groups:history"}),
    "conversations.info": frozenset({"channels:read", "groups:read"}),
    "conversations.list": frozenset({"channels:read", "groups:read"}),
    "conversations.replies": frozenset({"channels:history", "groups:history"}),
    "files.completeUploadExternal": frozenset({"files:write"}),
    "files.getUploadURLExternal": frozenset({"files:write"}),
    "apps.connections.open": frozenset(),  # by the app-level token, with connections:write
    "usergroups.list": frozenset({"usergroups:read"}),
    "users.conversations": frozenset({"channels:read", "groups:read"}),
    "users.info": frozenset({"users:read"}),
    "views.open": frozenset(),
    "views.publish": frozenset(),
}
"""What each takes of a bot, in public and private channels. Source: docs.slack.dev/reference/methods"""

EVENTS: dict[str, frozenset[str]] = {
    "app_home_opened": frozenset(),
    "subteam_created": frozenset({"usergroups:read"}),
    "subteam_members_changed": frozenset({"usergroups:read"}),
    "subteam_updated": frozenset({"usergroups:read"}),
}
"""What each event takes. Source: docs.slack.dev/reference/events"""

SHORT = {"files_upload_v2": ("files.getUploadURLExternal", "files.completeUploadExternal")}
CODE = Path(__file__).parents[3] / "bot"


def nodes() -> Iterator[ast.AST]:
    for file in CODE.rglob("*.py"):
        if "workspace" not in file.parts:
            yield from ast.walk(ast.parse(file.read_text()))


def methods_used() -> set[str]:
    """Methods named in calls: as an attribute of a client (`users_info`), or as a word."""
    by_attribute = {name.replace(".", "_"): name for name in METHODS}
    used: set[str] = set()
    for node in nodes():
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            used |= set(SHORT.get(node.func.attr, ()))
            used |= {by_attribute[node.func.attr]} if node.func.attr in by_attribute else set()
        if isinstance(node, ast.Constant) and node.value in METHODS:
            used.add(str(node.value))
    return used


def heard(kind: str) -> set[str]:
    """What is given to `app.event(…)` or `app.command(…)`, also by a name for several."""
    from bot.slack.groups import CHANGED

    found: set[str] = set()
    for node in nodes():
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == kind:
            owner, given = node.func.value, node.args[:1]
            if isinstance(owner, ast.Name) and owner.id == "app" and given:
                one = given[0]
                found |= {str(one.value)} if isinstance(one, ast.Constant) else set(CHANGED)
    return {name for name in found if kind == "event" or name.startswith("/")}


def test_every_method_that_is_called_has_its_scopes_written_down() -> None:
    assert methods_used() <= set(SCOPES)


def test_the_manifest_grants_what_methods_and_events_take_and_nothing_more() -> None:
    taken = {scope for method in methods_used() for scope in SCOPES[method]}
    taken |= {scope for event in heard("event") for scope in EVENTS[event]}
    assert scopes() == taken | {"commands"}


def test_the_manifest_hears_the_events_and_commands_that_are_listened_to_and_no_others() -> None:
    made = manifest()
    assert set(made["settings"]["event_subscriptions"]["bot_events"]) == heard("event")
    assert {one["command"] for one in made["features"]["slash_commands"]} == heard("command")
    assert made["settings"]["interactivity"]["is_enabled"]
    assert made["features"]["app_home"]["home_tab_enabled"]


def test_the_workspace_of_the_tests_grants_what_the_manifest_does() -> None:
    assert set(BOT_SCOPES.split(",")) == scopes()


def test_over_socket_mode_there_is_no_address_and_all_else_is_the_same() -> None:
    socket, http = manifest(socket_mode=True), manifest("https://ops.example.com/")
    assert HOST not in str(socket)
    assert "slack/events" not in str(socket)
    assert socket["settings"]["socket_mode_enabled"]
    assert str(http).count("https://ops.example.com/slack/events") == 3
    assert HOST not in str(http)
    assert socket["oauth_config"] == http["oauth_config"]


def test_an_address_that_slack_does_not_call_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="--socket"):
        manifest("http://127.0.0.1:8000")


def test_the_terminal_prints_it() -> None:
    done = recsysops("slack", "manifest", "--socket")
    assert done.returncode == 0
    assert '"socket_mode_enabled": true' in done.stdout
