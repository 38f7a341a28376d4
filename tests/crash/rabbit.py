"""
A RabbitMQ of the crash test's own, from the system's `rabbitmq-server`: its node, its ports and its data are
under one folder, so that it may be killed hard and started again on what it left.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

from kombu.connection import Connection
from kombu.exceptions import OperationalError

from tests.bot.conftest import free_port

PROGRAM = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
"""Without the wrapper on PATH, which changes to another account and to that one's folders."""

STARTED_SECONDS = 120.0


def installed() -> bool:
    """Whether this machine has one."""
    return PROGRAM.exists() and shutil.which("erl") is not None


class Rabbit:
    """
    Attributes:
        url: the same after each kill.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        port, distribution = free_port(), free_port()
        self.url = f"amqp://guest:guest@127.0.0.1:{port}//"
        self._log = folder / "output.log"
        (folder / "enabled_plugins").write_text("[].\n")
        (folder / "rabbitmq.conf").write_text(f"listeners.tcp.1 = 127.0.0.1:{port}\n")
        self._environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),  # Erlang's cookie
            "RABBITMQ_NODENAME": f"recsysops-crash-{port}@localhost",
            "RABBITMQ_DIST_PORT": str(distribution),
            "RABBITMQ_MNESIA_BASE": str(folder / "data"),
            "RABBITMQ_LOG_BASE": str(folder / "log"),
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
        }
        self._process = self._start()

    def kill(self) -> None:
        """kill -9 of all of it; then it is started again on what it left, and answers."""
        self.stop()
        self._process = self._start()

    def stop(self) -> None:
        """kill -9 of all of it."""
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(10)

    def _start(self) -> subprocess.Popen[bytes]:
        with self._log.open("ab") as log:
            process = subprocess.Popen(
                [PROGRAM], env=self._environment, stdout=log, stderr=log, start_new_session=True
            )
        until = time.monotonic() + STARTED_SECONDS
        while not self._answers():
            said = self._log.read_text(errors="replace")[-2000:]
            assert process.poll() is None, f"RabbitMQ ended: {said}"
            assert time.monotonic() < until, f"RabbitMQ did not start: {said}"
            time.sleep(0.2)
        return process

    def _answers(self) -> bool:
        try:
            with Connection(self.url, connect_timeout=2) as connection:  # type: ignore[no-untyped-call]
                connection.connect()
        except (OperationalError, OSError):
            return False
        return True
