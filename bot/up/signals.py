"""Ctrl-C, SIGTERM and a closed terminal: whatever `recsysops up` is doing, all that it started is stopped."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Signals:
    """
    After `listen`, the first signal ends the work in progress with `SystemExit`; from then on no
    signal interrupts, neither here nor in what is started to stop the servers.
    """

    def __init__(self) -> None:
        self._ask: Callable[[], None] | None = None
        self._pending: int | None = None
        self._held = False

    def listen(self) -> Signals:
        """Begin to listen. What `nohup` has ignored stays ignored."""
        for number in STOPPING:
            if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._arrived)
        return self

    @contextmanager
    def held(self) -> Iterator[None]:
        """Defer signals: one that arrives in the block takes effect after it, so nothing ends half begun."""
        self._held = True
        try:
            yield
        finally:
            self._held = False
        if self._pending is not None:
            self._end(self._pending)

    @contextmanager
    def passed_to(self, ask: Callable[[], None]) -> Iterator[None]:
        """Signals in the block call `ask`; after it they are ignored."""
        self._ask = ask
        try:
            yield
        finally:
            self._deafen()
            self._ask = None

    def _arrived(self, number: int, _: FrameType | None) -> None:
        if self._ask is not None:
            self._ask()
        elif self._held:
            self._pending = number
        else:
            self._end(number)

    def _end(self, number: int) -> None:
        self._deafen()
        raise SystemExit(128 + number)

    @staticmethod
    def _deafen() -> None:
        # Ignored, not handled: what stops the servers is in the terminal's group and inherits this.
        for number in STOPPING:
            signal.signal(number, signal.SIG_IGN)
