"""The workspace as one ASGI application."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.websockets import WebSocket

from bot.workspace import control, files, messages, pages, web_api
from bot.workspace.refusal import Refusal
from bot.workspace.settings import WorkspaceSettings
from bot.workspace.world import World

LOOPBACK = ("127.0.0.1", "localhost", "::1")


def create_app(settings: WorkspaceSettings) -> Starlette:
    """
    The application; `app.state.world` holds its state. To be served by uvicorn with one worker, since the
    state is in the process; who listens sets `app.state.world.url`.
    """
    world = World(settings)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        yield
        world.state.store.close()
        await world.http.aclose()

    # A page elsewhere may rebind its own name to this address: under that name nothing is shown or done. What
    # the app calls has a key of its own, and may be called by any name.
    seen_by_a_browser = Mount(
        "/",
        routes=[
            Route("/", pages.index),
            Route("/everything", pages.everything),
            Route("/live", pages.live),
            Route("/files/{file_id}", files.show),
            Route("/control/state", control.show_state),
            Route("/control/{what}", control.act, methods=["POST"]),
            Mount("/static", StaticFiles(directory=pages.STATIC)),
        ],
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=[*LOOPBACK, settings.host])],
    )
    app = Starlette(
        lifespan=lifespan,
        routes=[
            Route("/upload/{file_id}", files.upload, methods=["POST"]),
            Route("/api/{method}", web_api.call, methods=["GET", "POST"]),
            Route("/respond/{key}", _respond, methods=["POST"]),
            WebSocketRoute("/link/", _link),
            seen_by_a_browser,
        ],
    )
    app.state.world = world
    return app


async def _respond(request: Request) -> Response:
    """`response_url`: how the app answers an interaction later."""
    try:
        messages.respond(request.app.state.world, request.path_params["key"], await request.json())
    except Refusal as refusal:
        return PlainTextResponse(refusal.code, 404)
    return PlainTextResponse("ok")


async def _link(socket: WebSocket) -> None:
    await socket.app.state.world.sockets.serve(socket)
