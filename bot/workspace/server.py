"""Runs a workspace in a thread of this process, for tests and for trying things out."""

from __future__ import annotations

import socket
import threading
import time
from types import TracebackType

import uvicorn

from bot.workspace.app import create_app
from bot.workspace.settings import WorkspaceSettings
from bot.workspace.world import World

_START_SECONDS = 10.0
_IDLE_SECONDS = 620
"""Longer than a browser keeps a connection (300 s): a press sent while the server closes it is lost."""


class WorkspaceServer(uvicorn.Server):
    """Ends the browsers' event streams when it stops; otherwise they would hold it up."""

    def __init__(self, settings: WorkspaceSettings) -> None:
        app = create_app(settings)
        self.world: World = app.state.world
        config = uvicorn.Config(
            app,
            host=settings.host,
            port=settings.port,
            log_level="warning",
            access_log=False,
            timeout_keep_alive=_IDLE_SECONDS,
            timeout_graceful_shutdown=2,
        )
        super().__init__(config)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self.world.live.close()
        await super().shutdown(sockets)


def listen(settings: WorkspaceSettings) -> tuple[WorkspaceServer, socket.socket]:
    """
    A server and the socket it will run on, already open, so that its address is known.

    Raises:
        OSError: the port is taken.
    """
    bound = socket.create_server((settings.host, settings.port))
    server = WorkspaceServer(settings)
    # A server that listens on all interfaces is reached from here on the loopback one.
    host = "127.0.0.1" if settings.host == "0.0.0.0" else settings.host  # noqa: S104
    server.world.url = f"http://{host}:{bound.getsockname()[1]}"
    return server, bound


class Workspace:
    """
    A workspace that runs within `with`.

    Attributes:
        url:     its page, `http://127.0.0.1:PORT`.
        api_url: the `base_url` for slack_sdk.
    """

    def __init__(self, settings: WorkspaceSettings | None = None) -> None:
        self.settings = settings or WorkspaceSettings(port=0)
        self._server, bound = listen(self.settings)
        self.url = self._server.world.url
        self.api_url = f"{self.url}/api/"
        self._thread = threading.Thread(
            target=self._server.run, args=([bound],), name="workspace", daemon=True
        )

    def __enter__(self) -> Workspace:
        """
        Raises:
            RuntimeError: it did not come up within ten seconds.
        """
        self._thread.start()
        until = time.monotonic() + _START_SECONDS
        while not self._server.started:
            if time.monotonic() > until or not self._thread.is_alive():
                raise RuntimeError(f"The workspace did not start at {self.url}.")
            time.sleep(0.01)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.should_exit = True
        self._thread.join(timeout=_START_SECONDS)
