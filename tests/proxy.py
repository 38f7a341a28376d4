"""
A way to a server that can be cut: to whoever is connected the server died, and later it is back.

For a server that is not ours to kill.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from types import TracebackType

RESET = struct.pack("ii", 1, 0)
"""Linger for no time: closing says "reset", as the kernel does for a process that was killed."""


class Proxy:
    """
    Forwards bytes from `port`, on loopback, to (host, port) while it is open; a host that is a folder has the
    socket of a PostgreSQL in it.

    Attributes:
        port: stays the same when the way is cut and opened again.
    """

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._lock = threading.Lock()
        self._ends: set[socket.socket] = set()
        self._losing: tuple[bytes, bool] | None = None
        self._doomed: set[socket.socket] = set()
        self._listener: socket.socket | None = None
        self._is_cut = False
        self.port = 0
        self.open()

    def open(self) -> None:
        """Let through whoever comes."""
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        listener.listen()
        self.port = listener.getsockname()[1]
        self._listener = listener
        self._is_cut = False
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def cut(self) -> None:
        """Reset every connection and refuse new ones."""
        listener, self._listener = self._listener, None
        if listener is not None:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
            listener.close()
        with self._lock:
            ends, self._ends = self._ends, set()
        self._is_cut = True  # before anybody notices
        for end in ends:
            _reset(end)

    @property
    def is_cut(self) -> bool:
        """Whether nobody gets through any more, and the port is free."""
        return self._is_cut

    def lose(self, marker: bytes, *, answer: bool) -> None:
        """
        Cut the way at the next request that holds these bytes: before it arrives, or (`answer`) when it was
        done and answered, so that the answer alone is lost.
        """
        self._losing = (marker, answer)

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
                server = self._reach()
            except OSError:
                return  # cut
            server.settimeout(None)
            with self._lock:
                if self._listener is not listener:
                    _reset(client)
                    _reset(server)
                    return
                self._ends |= {client, server}
            for source, sink, asks in ((client, server, True), (server, client, False)):
                threading.Thread(target=self._pump, args=(source, sink, asks), daemon=True).start()

    def _reach(self) -> socket.socket:
        host, port = self._target
        if not host.startswith("/"):
            return socket.create_connection(self._target, timeout=5)
        server = socket.socket(socket.AF_UNIX)
        server.settimeout(5)
        server.connect(f"{host}/.s.PGSQL.{port}")
        return server

    def _pump(self, source: socket.socket, sink: socket.socket, asks: bool) -> None:
        try:
            while data := source.recv(65536):
                if not asks and source in self._doomed:
                    self.cut()
                    break
                if asks and self._losing and self._losing[0] in data:
                    answer, self._losing = self._losing[1], None
                    if not answer:
                        self.cut()
                        break
                    self._doomed.add(sink)
                sink.sendall(data)
        except OSError:
            pass  # reset by either end, which is passed on to the other
        with self._lock:
            self._ends -= {source, sink}
        for end in (source, sink):
            _reset(end)

    def __enter__(self) -> Proxy:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.cut()


def _reset(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        end.shutdown(socket.SHUT_RDWR)  # wakes a thread that reads from it
    end.close()
