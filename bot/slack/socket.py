"""Slack over Socket Mode, for when no address can be reached from outside. `python -m bot.slack.socket`"""

from __future__ import annotations

import asyncio
import signal
import sys

import structlog
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest

from bot import settings
from bot.border.shape import Malformed, shaped
from bot.settings import BotSettings
from bot.slack.app import slack_app
from domain.errors import ConfigurationError
from workers.door import Door, open_door, watch_release

_log = structlog.get_logger(__name__)


class Connection(AsyncSocketModeHandler):
    """Passes on what is as Slack sends it, as `bot.border.signed` does over HTTP."""

    async def handle(self, client: SocketModeClient, req: SocketModeRequest) -> None:  # type: ignore[override]
        """Leave anything else unanswered: Slack then says so to whoever pressed."""
        try:
            req.payload = dict(shaped(req.payload))
        except Malformed as error:
            _log.warning("request_refused", why=str(error))
            return
        await super().handle(client, req)


async def run(given: BotSettings, door: Door, stop: asyncio.Event) -> None:
    """Stay connected until `stop` is set."""
    app, groups = slack_app(given, door)
    await groups.begin()
    # The handler's own client does not inherit the address of the app's.
    handler = Connection(app, given.app_token, web_client=app.client)
    await handler.connect_async()  # type: ignore[no-untyped-call]
    await stop.wait()
    await handler.close_async()  # type: ignore[no-untyped-call]
    await groups.end()


async def _until_signalled(given: BotSettings, door: Door) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await run(given, door, stop)


def main() -> int:
    """Run the process."""
    try:
        given = settings.read(socket=True)
        door = open_door()
        release = watch_release()
    except ConfigurationError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    asyncio.run(_until_signalled(given, door))
    return release.code


if __name__ == "__main__":
    raise SystemExit(main())
