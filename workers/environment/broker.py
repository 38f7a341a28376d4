"""
Sends jobs to the workers by name, without knowing them. The broker may lose a job: the log still owes it.

Redis (or Valkey) and RabbitMQ are supported. On RabbitMQ the queue is a quorum queue, and a job counts as
sent once the broker has confirmed it; on Redis a job held by a killed worker comes back when its
visibility timeout is over.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

import structlog
from celery import Celery
from kombu.connection import Connection
from kombu.entity import Queue
from kombu.exceptions import OperationalError

from domain.errors import sanitized

CONNECT_SECONDS = 2
ANSWER_SECONDS = 10
"""How long a broker may take to answer before it counts as away."""

VISIBILITY_SECONDS = 600

LOOKS = (
    "recsysops.detect",
    "recsysops.predict",
    "recsysops.item",
    "recsysops.rehearse",
    "recsysops.tickets",
    "recsysops.pull_requests",
    "recsysops.witness",
)
"""Jobs that may take a minute on a busy machine. They have a queue of their own, so that a fix that a
person has asked for does not wait behind them."""

_log = structlog.get_logger(__name__)


def queue_of_looks(queue: str) -> str:
    """The queue for `LOOKS`, next to the queue for everything owed."""
    return f"{queue}-looks"


def celery_app(broker_url: str, queue: str, *, takes: Collection[str] | None = None) -> Celery:
    """
    Celery as this project uses it: JSON only, no results, late acknowledgement.

    A task may be delivered twice and is never trusted: every task looks into the log first.

    Args:
        takes: the queues that a worker of this application takes jobs from; both if None.
    """
    looks = queue_of_looks(queue)
    app = Celery("recsysops", broker=broker_url)
    app.conf.update(
        accept_content=["json"],
        task_serializer="json",
        task_ignore_result=True,
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        # One immediate retry: a connection that broke while idle is noticed by the first job sent over it.
        task_publish_retry=True,
        task_publish_retry_policy={"max_retries": 1, "interval_start": 0, "interval_step": 0},
        task_default_queue=queue,
        task_default_queue_type="quorum",  # means something to RabbitMQ only
        task_queues=[_queue(name) for name in takes or (queue, looks)],
        task_routes={job: {"queue": _queue(looks)} for job in LOOKS},
        worker_prefetch_multiplier=1,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,  # a broker may be away for a night
        broker_transport_options=_transport_options(broker_url),
        broker_connection_timeout=CONNECT_SECONDS,
        enable_utc=True,
        timezone="UTC",
    )
    return app


def _queue(name: str) -> Queue:
    return Queue(name, routing_key=name, queue_arguments={"x-queue-type": "quorum"})  # type: ignore[no-untyped-call]


class Broker:
    """Connections to the broker, opened on first use and reopened when they break."""

    def __init__(self, broker_url: str, queue: str) -> None:
        self._app = celery_app(broker_url, queue)
        self._queue = queue
        self._asking: Connection | None = None

    def send(self, job: str, *arguments: object, late_after: datetime | None = None) -> bool:
        """
        Put a job into the queue; False if the broker is away.

        Args:
            late_after: a job that has not begun by then is dropped, because the next tick replaces it. By the
                database's clock: see `workers.process.jobs`.
        """
        try:
            self._app.send_task(
                job,
                args=list(arguments),
                kwargs={"late_after": late_after.isoformat()} if late_after else {},
                confirm_timeout=ANSWER_SECONDS,
            )
        except (OperationalError, OSError) as error:
            _log.warning("job_not_sent", job=job, error=sanitized(error))
            return False
        return True

    def waiting(self, job: str) -> int:
        """
        How many jobs in the queue of `job` nobody has taken yet; 0 if that cannot be found out.

        Expired jobs count too: only the worker that takes a job looks inside, not the broker.
        """
        queue = queue_of_looks(self._queue) if job in LOOKS else self._queue
        # Not a pooled one: the pool may hand out for ever a connection that died with the broker.
        connection = self._asking = self._asking or self._app.connection_for_read()
        try:
            with connection.channel() as channel:
                bound = _queue(queue).bind(channel)  # type: ignore[no-untyped-call]
                return int(bound.queue_declare(passive=True).message_count)
        except _refusals(connection):
            self._ask_anew()
            return 0  # the queue does not exist yet, or the broker is away: sending will say so

    def trouble(self) -> str | None:
        """What keeps the broker from taking jobs, None if it would take them."""
        with self._app.connection_for_write() as connection:
            try:
                connection.default_channel  # noqa: B018 - opened at this look; Redis is first asked by it
            except _refusals(connection) as error:
                return f"the broker on {connection.hostname} does not take jobs ({sanitized(error)})"
        return None

    def close(self) -> None:
        """Close the connections."""
        self._ask_anew()
        self._app.close()

    def _ask_anew(self) -> None:
        if self._asking is not None:
            self._asking.close()  # type: ignore[no-untyped-call]
            self._asking = None


def _refusals(connection: Connection) -> tuple[type[BaseException], ...]:
    return (OperationalError, OSError, *connection.connection_errors, *connection.channel_errors)


def _transport_options(broker_url: str) -> dict[str, Any]:
    if broker_url.startswith("amqp"):
        return {"confirm_publish": True}
    return {
        "visibility_timeout": VISIBILITY_SECONDS,
        "socket_timeout": ANSWER_SECONDS,
        "socket_connect_timeout": CONNECT_SECONDS,
    }
