"""What `recsysops doctor` reports about Slack: the token, its scopes, each declared channel and group."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.client import HTTPException
from pathlib import Path

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web import SlackResponse

from bot.slack.manifest import scopes
from bot.slack.permission import PERSON
from domain.answer import Advice
from domain.errors import sanitized
from workers import door

TIMEOUT_SECONDS = 10
CLOCK_SECONDS = 60.0
"""Slack's requests are refused when they are five minutes old; a clock a minute off needs attention."""

MANIFEST = "`recsysops slack manifest` prints the app's manifest; paste it there and install the app again"
FAILURES = (SlackApiError, SlackClientError, OSError, HTTPException)


def examine_slack(path: Path) -> list[Advice]:
    """All that can be said about Slack for the declaration at `path`; nothing is posted or uploaded."""
    given = door.environment()
    if not given.slack_bot_token:
        says = "SLACK_BOT_TOKEN is not set, so nothing is looked at in Slack"
        return [Advice(level="note", where="slack", says=says, fix="“Your Slack” in `recsysops docs`")]
    client = WebClient(
        given.slack_bot_token, given.slack_base_url, timeout=TIMEOUT_SECONDS, retry_handlers=[]
    )
    try:
        test = client.auth_test()
    except FAILURES as error:
        says, fix = why(error), "correct SLACK_BOT_TOKEN (or SLACK_BASE_URL, where it is set)"
        return [Advice(level="error", where="slack.token", says=says, fix=fix)]
    channels, allowed = door.announced(path)
    return [
        Advice(level="ok", where="slack.token", says=f"{test['user']} in {test['team']}"),
        *_clock(test),
        *_scopes(test),
        *_examined("slack.channels", lambda: _channels(client, channels)),
        *_examined("slack.groups", lambda: _groups(client, allowed)),
        *_app_token(given.slack_app_token, given.slack_base_url),
    ]


def why(error: Exception) -> str:
    """What Slack said, or that it did not answer."""
    if isinstance(error, SlackApiError):
        return f"Slack refuses: {sanitized(error)}"
    return f"Slack does not answer: {sanitized(error)}"


def _examined(where: str, look: Callable[[], Iterator[Advice]]) -> list[Advice]:
    try:
        return list(look())
    except FAILURES as error:
        return [Advice(level="error", where=where, says=why(error), fix=MANIFEST)]


def _clock(test: SlackResponse) -> Iterator[Advice]:
    said = {name.lower(): value for name, value in test.headers.items()}.get("date")
    if said is None:
        return
    apart = (datetime.now(UTC) - parsedate_to_datetime(said)).total_seconds()
    if abs(apart) > CLOCK_SECONDS:
        says = f"this machine's clock is {abs(apart):.0f} s {'ahead of' if apart > 0 else 'behind'} Slack's"
        fix = "set it by NTP: requests that look five minutes old are refused"
        yield Advice(level="error", where="slack.clock", says=says, fix=fix)


def _scopes(test: SlackResponse) -> Iterator[Advice]:
    said = {name.lower(): value for name, value in test.headers.items()}.get("x-oauth-scopes", "")
    granted = {one.strip() for one in said.split(",")} - {""}
    if missing := sorted(scopes() - granted):
        hurt = " (so cards have no picture)" if "files:write" in missing else ""
        says = f"the token lacks {', '.join(missing)}{hurt}"
        yield Advice(level="error", where="slack.scopes", says=says, fix=MANIFEST)
    elif extra := sorted(granted - scopes()):
        says = f"the token may more than it needs: {', '.join(extra)}"
        yield Advice(level="note", where="slack.scopes", says=says, fix=MANIFEST)
    else:
        yield Advice(level="ok", where="slack.scopes", says="as in the manifest; pictures can be uploaded")


def _channels(client: WebClient, names: tuple[str, ...]) -> Iterator[Advice]:
    pages = client.conversations_list(types="public_channel,private_channel", limit=1000)
    known = {key: one for page in pages for one in page["channels"] for key in (one["id"], f"#{one['name']}")}
    for name in names:
        where = f"slack.channels.{name}"
        one = known.get(name) or known.get(f"#{name}")
        if one is None:
            says = "there is no such channel, or it is private and the bot is not in it"
            yield Advice(level="error", where=where, says=says, fix="create it and /invite the bot")
        elif one.get("is_archived"):
            says = "it is archived, so nothing can be posted there"
            yield Advice(level="error", where=where, says=says, fix="unarchive it, or name another")
        elif not one.get("is_member"):
            says = "the bot is not in it"
            yield Advice(level="error", where=where, says=says, fix=f"/invite the bot in {name}")
        else:
            yield Advice(level="ok", where=where, says="the bot is in it")


def _groups(client: WebClient, allowed: tuple[str, ...]) -> Iterator[Advice]:
    listed = client.usergroups_list(include_users=True).get("usergroups") or []
    members: dict[str, list[str]] = {one["handle"]: one.get("users") or [] for one in listed}
    for name in allowed:
        where = f"slack.groups.{name}"
        if PERSON.match(name):
            continue
        if name not in members:
            says = "there is no user group with this handle, so nobody is in it"
            yield Advice(level="error", where=where, says=says, fix="create it, or correct [permissions]")
        elif not members[name]:
            yield Advice(level="warning", where=where, says="nobody is in it", fix="add members in Slack")
        else:
            count = len(members[name])
            yield Advice(level="ok", where=where, says="1 member" if count == 1 else f"{count} members")


def _app_token(token: str | None, base_url: str) -> Iterator[Advice]:
    if not token:
        return
    client = WebClient(token, base_url, timeout=TIMEOUT_SECONDS, retry_handlers=[])
    try:
        client.apps_connections_open(app_token=token)
    except FAILURES as error:
        fix = "make an app-level token with connections:write, and set SLACK_APP_TOKEN"
        yield Advice(level="error", where="slack.app_token", says=why(error), fix=fix)
    else:
        yield Advice(level="ok", where="slack.app_token", says="Socket Mode can be opened")
