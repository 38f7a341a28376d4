"""
The web process: Slack's requests, verified, and the pages. `uvicorn bot.app:app`, or `python -m bot.app`

It starts in under two seconds and loads no science, since a press has to be answered at once.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import structlog
from slack_bolt.adapter.starlette.async_handler import AsyncSlackRequestHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bot import settings
from bot.directory import Directory
from bot.groups import Groups
from bot.listeners import Listeners
from bot.pages.routes import Pages
from bot.settings import BotSettings
from bot.team import own_team
from domain.errors import ConfigurationError
from workers.door import Door, environment, open_door

_log = structlog.get_logger(__name__)


def slack_app(given: BotSettings, door: Door) -> tuple[AsyncApp, Groups]:
    """Bolt with our listeners, for HTTP and for Socket Mode; and the groups that it asks Slack for."""
    # It warns that SLACK_BOT_TOKEN is not used beside a client; the client has it.
    logging.getLogger("slack_bolt.AsyncApp").setLevel(logging.ERROR)
    client = AsyncWebClient(token=given.bot_token, base_url=given.slack_base_url)
    app = AsyncApp(client=client, signing_secret=given.signing_secret or None)
    app.use(own_team)
    groups = Groups(client, door)
    groups.listen(app)
    Listeners(door, groups, given.public_url).register(app)
    return app, groups


def create_app(given: BotSettings, door: Door) -> Starlette:
    """The ASGI application."""
    bolt, groups = slack_app(given, door)
    handler = AsyncSlackRequestHandler(bolt)

    async def slack(request: Request) -> Response:
        return await handler.handle(request)

    @asynccontextmanager
    async def run(app: Starlette) -> AsyncIterator[None]:
        if not await groups.begin():
            _log.warning("started_without_groups", advice="check SLACK_BOT_TOKEN and its scopes")
        yield
        await groups.end()

    # Without a secret nothing that comes in can be trusted: then Slack speaks over Socket Mode only.
    slack_routes = [Route("/slack/events", slack, methods=["POST"])] if given.signing_secret else []
    return Starlette(routes=[*slack_routes, *Pages(door, Directory(bolt.client)).routes()], lifespan=run)


def __getattr__(name: str) -> Any:
    """`bot.app:app`, made when a server asks for it: importing this module reads no environment."""
    if name != "app":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return create_app(settings.read(http=not environment().slack_app_token), open_door())
    except ConfigurationError as error:
        raise SystemExit(str(error)) from None


def main() -> int:
    """The process, on the host and port of its settings (loopback unless told otherwise)."""
    import uvicorn  # noqa: PLC0415

    try:
        given = settings.read(http=not environment().slack_app_token)
        app = create_app(given, open_door())
    except ConfigurationError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    uvicorn.run(app, host=given.host, port=given.port, log_level="warning")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
