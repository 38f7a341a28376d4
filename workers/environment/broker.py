"""
Sends jobs to the workers by name, without knowing them. The broker may lose one: the log still owes it.

Redis (or Valkey) and RabbitMQ are the brokers. On RabbitMQ the queue is a quorum queue, and a job counts as
sent when the broker has confirmed it; on Redis a job that a killed worker held comes back when its visibility
timeout is over.
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

CONNECT_SECONDS = 2
ANSWER_SECONDS = 10
"""How long a broker that is there may take to answer, before it counts as away."""

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
"""Jobs that may take a minute on a busy machine. They have a queue of their own: a fix that a
person has asked for does not wait behind them."""

_log = structlog.get_logger(__name__)


def queue_of_looks(queue: str) -> str:
    """The queue of `LOOKS`, beside the queue of all that is owed."""
    return f"{queue}-looks"


def celery_app(broker_url: str, queue: str, *, takes: Collection[str] | None = None) -> Celery:
    """
    Celery as this project uses it: JSON only, no results, acknowledged when done.

    A task is at most carried twice, never trusted: every one of them looks into the log first.

    Args:
        takes: the queues that a worker of this application takes jobs from; both where None.
    """
    looks = queue_of_looks(queue)
    app = Celery("recsysops", broker=broker_url)
    app.conf.update(
        accept_content=["json"],
        task_serializer="json",
        task_ignore_result=True,
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        # Once more, at once: a connection that broke while idle is noticed by the first job sent over it.
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
    """Connections to the broker, made when they are first needed and made again when they broke."""

    def __init__(self, broker_url: str, queue: str) -> None:
        self._app = celery_app(broker_url, queue)
        self._queue = queue
        self._asking: Connection | None = None

    def send(self, job: str, *arguments: object, late_after: datetime | None = None) -> bool:
        """
        Put a job into the queue; False where the broker is away.

        Args:
            late_after: a job not begun by then is dropped: a tick that is late is another tick's. By the
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
            _log.warning("job_not_sent", job=job, error=str(error))
            return False
        return True

    def waiting(self, job: str) -> int:
        """
        How many jobs lie in the queue of `job` and nobody has taken; 0 where nobody can say.

        A job that has expired lies there too: the broker does not look into it, only whoever takes it does.
        """
        queue = queue_of_looks(self._queue) if job in LOOKS else self._queue
        # Not one of the pool's: that may hand out again, for ever, what was closed when the broker died.
        connection = self._asking = self._asking or self._app.connection_for_read()
        try:
            with connection.channel() as channel:
                bound = _queue(queue).bind(channel)  # type: ignore[no-untyped-call]
                return int(bound.queue_declare(passive=True).message_count)
        except _refusals(connection):
            self._ask_anew()
            return 0  # nobody has made the queue yet, or the broker is away: sending will say so

    def trouble(self) -> str | None:
        """What keeps the broker from taking jobs, without its password; None where it would take them."""
        with self._app.connection_for_write() as connection:
            try:
                connection.default_channel  # noqa: B018 - opened at this look; Redis is first asked by it
            except _refusals(connection) as error:
                return f"{connection.as_uri()} does not take jobs: {str(error) or type(error).__name__}"
        return None

    def close(self) -> None:
        """Give the connections back."""
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
