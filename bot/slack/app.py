"""
The web process: Slack's requests, verified, and the pages. `python -m bot.slack.app`

Another ASGI server can run `bot.slack.app:app`; then its own limits apply to how long it waits for headers,
and for how many.

It starts in under two seconds and imports no scientific libraries, since a press has to be answered at once.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import structlog
import uvicorn
from slack_bolt.adapter.starlette.async_handler import to_starlette_response
from slack_bolt.async_app import AsyncApp, AsyncBoltRequest
from slack_sdk.web.async_client import AsyncWebClient
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.responses import Response
from starlette.routing import Mount, Route, Router

from bot import settings
from bot.border.answers import SafeAnswers, known_hosts
from bot.border.body import BoundedBody
from bot.border.server import serve, server, server_beside
from bot.border.shape import Body
from bot.border.signed import SignedOnly
from bot.directory import Directory
from bot.messages.words import PERSON_PREFIX
from bot.pages import metrics
from bot.pages.health import Health
from bot.pages.links import links_of
from bot.pages.login import SESSION_SECONDS, Login
from bot.pages.routes import Pages
from bot.pages.visitor import Visitors
from bot.settings import BotSettings
from bot.slack.groups import Groups
from bot.slack.listeners import Listeners
from bot.slack.permission import authorise
from bot.slack.team import own_team
from domain.errors import ConfigurationError
from workers.door import Door, environment, open_door, watch_release

LOOPBACK = "127.0.0.1"
_log = structlog.get_logger(__name__)


def slack_app(given: BotSettings, door: Door) -> tuple[AsyncApp, Groups]:
    """Bolt with our listeners, for HTTP and for Socket Mode; and the groups that it looks up in Slack."""
    # Bolt warns that SLACK_BOT_TOKEN is not used besides a client; the client has it.
    logging.getLogger("slack_bolt.AsyncApp").setLevel(logging.ERROR)
    client = AsyncWebClient(token=given.bot_token, base_url=given.slack_base_url)
    # What comes over HTTP is verified before Bolt sees it; over Socket Mode nothing is signed.
    app = AsyncApp(client=client, signing_secret="", request_verification_enabled=False)
    app.use(own_team)
    groups = Groups(client, door)
    groups.listen(app)
    Listeners(door, groups, links_of(door, given.public_url, given.login)).register(app)
    return app, groups


def _may_look(door: Door, groups: Groups) -> Callable[[str], Awaitable[None]]:
    """Whether somebody with a link may respond to incidents now; people with a terminal here always may."""

    async def may_look(person: str) -> None:
        if person.startswith(PERSON_PREFIX):
            user = person.removeprefix(PERSON_PREFIX)
            belongs, fresh = groups.of(user)
            authorise(user, belongs, "respond", await asyncio.to_thread(door.permissions), fresh=fresh)

    return may_look


def create_app(given: BotSettings, door: Door) -> Starlette:
    """The ASGI application."""
    bolt, groups = slack_app(given, door)

    async def slack(asked: Body) -> Response:
        # Not mode="http": Bolt would read the body again, and not as it was read here.
        answered = await bolt.async_dispatch(AsyncBoltRequest(body=dict(asked), mode="socket_mode"))
        return to_starlette_response(answered)

    @asynccontextmanager
    async def run(app: Starlette) -> AsyncIterator[None]:
        if not await groups.begin():
            _log.warning("started_without_groups", advice="check SLACK_BOT_TOKEN and its scopes")
        yield
        await groups.end()

    login = Login(given.login, given.public_url, door) if given.login else None
    visitors = Visitors(links_of(door, given.public_url, given.login), login, _may_look(door, groups))
    pages = Pages(door, Directory(given.bot_token, given.slack_base_url), visitors, login)
    for_machines = [Health(door).route()]
    if given.metrics_token:
        for_machines.append(metrics.with_token(door, given.metrics_token))
    signed = SignedOnly(given.signing_secret, slack, door.time)
    # Without a secret nothing that comes in can be trusted: then Slack uses Socket Mode only.
    slack_routes = [Route("/slack/events", signed.take, methods=["POST"])] if given.signing_secret else []
    tls = given.public_url.startswith("https://")
    # No redirect to an address made from the request's own Host header.
    shown = Router(pages.routes(), redirect_slashes=False)
    app = Starlette(
        routes=[
            *slack_routes,
            *for_machines,
            Mount("/", shown, middleware=_before_pages(given, door, tls=tls)),
        ],
        middleware=[Middleware(SafeAnswers, tls=tls), Middleware(BoundedBody)],
        lifespan=run,
    )
    app.router.redirect_slashes = False
    return app


def _before_pages(given: BotSettings, door: Door, *, tls: bool) -> list[Middleware]:
    """Only host names of ours, and a cookie if people log in."""
    named = known_hosts(given.public_url, given.allowed_hosts)
    if given.login is None:
        return [named]
    remembered = Middleware(
        SessionMiddleware,
        secret_key=door.key("page sessions").hex(),
        session_cookie="__Host-recsysops" if tls else "recsysops",
        max_age=SESSION_SECONDS,
        same_site="lax",
        https_only=tls,
    )
    return [named, remembered]


def _numbers(given: BotSettings, door: Door) -> uvicorn.Server | None:
    """The server of `/metrics` on loopback, if its port is declared."""
    if given.metrics_port is None:
        return None
    numbers = metrics.alone(door, known_hosts(given.public_url, given.allowed_hosts))
    return server_beside(numbers, LOOPBACK, given.metrics_port)


def __getattr__(name: str) -> Any:
    """Make `bot.slack.app:app` when a server asks for it: importing this module reads no environment."""
    if name != "app":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        made = create_app(settings.read(http=not environment().slack_app_token), open_door())
        watch_release()
        return made
    except ConfigurationError as error:
        raise SystemExit(str(error)) from None


def main() -> int:
    """Run the process, on the host and port of its settings (loopback unless told otherwise)."""
    try:
        given = settings.read(http=not environment().slack_app_token)
        door = open_door()
        app = server(create_app(given, door), given.host, given.port)
        release = watch_release(partial(setattr, app, "should_exit", True))
    except ConfigurationError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    asyncio.run(serve(app, _numbers(given, door)))
    return release.code


if __name__ == "__main__":
    raise SystemExit(main())
