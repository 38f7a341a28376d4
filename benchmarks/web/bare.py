"""The least that could answer Slack: Bolt under Starlette with one listener and one page, no code of ours."""

from __future__ import annotations

import os

import uvicorn
from slack_bolt.adapter.starlette.async_handler import AsyncSlackRequestHandler
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_sdk.web.async_client import AsyncWebClient
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route


def bare_app() -> Starlette:
    """The ASGI application."""
    bolt = AsyncApp(client=AsyncWebClient(token="xoxb-bare"), signing_secret="bare")
    handler = AsyncSlackRequestHandler(bolt)

    async def pressed(ack: AsyncAck) -> None:
        await ack()

    async def slack(request: Request) -> Response:
        return await handler.handle(request)

    async def health(_: Request) -> Response:
        return JSONResponse({"healthy": True})

    bolt.action("acknowledge")(pressed)
    return Starlette(routes=[Route("/slack/events", slack, methods=["POST"]), Route("/health", health)])


if __name__ == "__main__":
    uvicorn.run(bare_app(), host="127.0.0.1", port=int(os.environ["PORT"]), log_level="warning")
