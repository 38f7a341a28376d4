"""
The brokers that jobs are tested over: Valkey always, and RabbitMQ where TEST_AMQP_URL names one
(`amqp://guest:guest@127.0.0.1:5672//`). What a test declares there has a name of its own and is deleted.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from kombu.connection import Connection
from sqlalchemy import make_url

from tests.proxy import Proxy

AMQP_URL = os.environ.get("TEST_AMQP_URL", "")
BROKERS = ("valkey", "rabbitmq") if AMQP_URL else ("valkey",)


@dataclass(frozen=True)
class Way:
    """A way to a broker, which can be cut; the address goes over it."""

    url: str
    queue: str
    proxy: Proxy

    @property
    def environment(self) -> dict[str, str]:
        """The environment in which our processes find it."""
        return {"BROKER_URL": self.url, "BROKER_QUEUE": self.queue}


@contextmanager
def way_to(broker_url: str) -> Iterator[Way]:
    """A way to a broker that is not ours to kill, with a queue of its own that is deleted afterwards."""
    target = make_url(broker_url)
    queue = f"recsysops-test-{uuid.uuid4().hex[:12]}"
    with Proxy(target.host or "127.0.0.1", target.port or 5672) as proxy:
        local = target.set(host="127.0.0.1", port=proxy.port).render_as_string(hide_password=False)
        try:
            yield Way(local, queue, proxy)
        finally:
            _forget(broker_url, queue)


def _forget(broker_url: str, queue: str) -> None:
    with Connection(broker_url, connect_timeout=5) as connection:  # type: ignore[no-untyped-call]
        channel = connection.default_channel
        channel.queue_delete(queue)
        if broker_url.startswith("amqp"):
            channel.exchange_delete(queue)
