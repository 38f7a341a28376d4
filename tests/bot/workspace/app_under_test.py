"""A small slack-bolt app, unchanged Bolt, that the workspace's tests press and type at."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.adapter.starlette.async_handler import AsyncSlackRequestHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

Json = dict[str, Any]
OPTIONS = [{"text": {"type": "plain_text", "text": f"SEV{n}"}, "value": str(n)} for n in (1, 2)]


def modal() -> Json:
    return {
        "type": "modal",
        "callback_id": "note",
        "title": {"type": "plain_text", "text": "Note"},
        "submit": {"type": "plain_text", "text": "Save"},
        "blocks": [
            {
                "type": "input",
                "block_id": "words",
                "label": {"type": "plain_text", "text": "Words"},
                "element": {"type": "plain_text_input", "action_id": "typed", "max_length": 20},
            },
            {
                "type": "input",
                "block_id": "severity",
                "optional": True,
                "label": {"type": "plain_text", "text": "Severity"},
                "element": {"type": "static_select", "action_id": "chosen", "options": OPTIONS},
            },
        ],
    }


def button(action_id: str, value: str) -> Json:
    words = {"type": "plain_text", "text": action_id}
    return {"type": "button", "action_id": action_id, "value": value, "text": words}


def card() -> list[Json]:
    buttons = [button(name, "142") for name in ("open", "ignore", "late")]
    more = {"type": "overflow", "action_id": "more", "options": OPTIONS}
    return [{"type": "actions", "block_id": "buttons", "elements": [*buttons, more]}]


class Seen:
    """What reached the app, by the kind of listener."""

    def __init__(self) -> None:
        self.bodies: list[tuple[str, Json]] = []
        self.delay_seconds = 0.0

    def of(self, kind: str) -> list[Json]:
        return [body for seen, body in self.bodies if seen == kind]


def new_app(api_url: str, secret: str, seen: Seen) -> AsyncApp:
    client = AsyncWebClient(token="xoxb-local", base_url=api_url)
    app = AsyncApp(client=client, signing_secret=secret, raise_error_for_unhandled_request=False)

    @app.command("/recsysops")
    async def command(ack: Any, body: Json, respond: Any) -> None:
        seen.bodies.append(("command", body))
        await ack()
        await respond("All quiet.")

    @app.action("open")
    async def open_modal(ack: Any, body: Json, client: AsyncWebClient) -> None:
        seen.bodies.append(("open", body))
        await ack()
        await client.views_open(trigger_id=body["trigger_id"], view=modal())

    @app.action("more")
    async def more(ack: Any, body: Json) -> None:
        seen.bodies.append(("more", body))
        await ack()

    @app.action("late")
    async def late(ack: Any, body: Json) -> None:
        seen.bodies.append(("late", body))
        await asyncio.sleep(seen.delay_seconds)
        await ack()

    @app.view("note")
    async def note(ack: Any, body: Json) -> None:
        seen.bodies.append(("note", body))
        words = body["view"]["state"]["values"]["words"]["typed"]["value"]
        bad = {"response_action": "errors", "errors": {"words": "Say more."}}
        await ack(**bad if words == "bad" else {})

    @app.event("app_home_opened")
    async def home(event: Json) -> None:
        seen.bodies.append(("home", event))

    return app


@contextmanager
def over_http(app: AsyncApp) -> Iterator[str]:
    """Serves a Bolt app under uvicorn; gives its request URL."""
    handler = AsyncSlackRequestHandler(app)

    async def endpoint(request: Request) -> Response:
        return await handler.handle(request)

    bound = socket.socket()
    bound.bind(("127.0.0.1", 0))
    routes = [Route("/slack/events", endpoint, methods=["POST"])]
    server = uvicorn.Server(uvicorn.Config(Starlette(routes=routes), log_level="error"))
    thread = threading.Thread(target=lambda: server.run(sockets=[bound]), daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{bound.getsockname()[1]}/slack/events"
    finally:
        server.should_exit = True
        thread.join(60)


@contextmanager
def over_sockets(app: AsyncApp, api_url: str) -> Iterator[AsyncSocketModeHandler]:
    """Connects a Bolt app through Socket Mode, in a loop of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def connect() -> AsyncSocketModeHandler:
        handler = AsyncSocketModeHandler(
            app, "xapp-local", web_client=AsyncWebClient(token="xapp-local", base_url=api_url)
        )
        await handler.connect_async()  # type: ignore[no-untyped-call]
        return handler

    handler = asyncio.run_coroutine_threadsafe(connect(), loop).result(60)
    try:
        yield handler
    finally:
        closing = handler.close_async()  # type: ignore[no-untyped-call]
        asyncio.run_coroutine_threadsafe(closing, loop).result(60)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(60)
        loop.close()
