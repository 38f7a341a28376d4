"""The workspace as one ASGI application."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles

from bot.workspace import pages
from bot.workspace.act import control
from bot.workspace.methods import api, respond
from bot.workspace.origin import SameOrigin
from bot.workspace.settings import WorkspaceSettings
from bot.workspace.world import new_world


def create_app(settings: WorkspaceSettings) -> Starlette:
    """
    The application; `app.state.world` holds its state. To be served by uvicorn with one worker, since the
    state is in the process. A caller that listens on port 0 sets `app.state.world.address` afterwards;
    faults that drop a connection also need it wrapped in `KeepSend` (`server.py` does both).
    """
    world = new_world(settings)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        yield
        world.state.store.close()

    app = Starlette(
        lifespan=lifespan,
        middleware=[
            Middleware(SameOrigin, hosts=(settings.host, *settings.allowed_hosts)),
        ],
        routes=[
            Route("/", pages.index),
            Route("/everything", pages.everything),
            Route("/live", pages.live),
            Route("/files/{file_id}", pages.show_file),
            Route("/upload/{file_id}", pages.upload, methods=["POST", "PUT"]),
            Route("/api/{method}", api.call, methods=["GET", "POST"]),
            Route("/respond/{key}", respond.respond, methods=["POST"]),
            Route("/control/state", control.show_state),
            Route("/control/faults", control.forget_faults, methods=["DELETE"]),
            Route("/control/{what}", control.act, methods=["POST"]),
            WebSocketRoute("/link/", pages.link),
            Mount("/static", StaticFiles(directory=pages.STATIC)),
        ],
    )
    app.state.world = world
    return app
