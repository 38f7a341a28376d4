"""Sends jobs to the workers by name, without knowing them. The broker may lose one: the log still owes it."""

from __future__ import annotations

from typing import Any

import structlog
from celery import Celery
from kombu.exceptions import OperationalError

CONNECT_SECONDS = 2
VISIBILITY_SECONDS = 600

_log = structlog.get_logger(__name__)


def celery_app(broker_url: str) -> Celery:
    """
    Celery as this project uses it: JSON only, no results, acknowledged when done.

    A task is at most carried twice, never trusted: every one of them looks into the log first.
    """
    app = Celery("recsysops", broker=broker_url)
    app.conf.update(
        accept_content=["json"],
        task_serializer="json",
        task_ignore_result=True,
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        task_publish_retry=False,
        worker_prefetch_multiplier=1,
        broker_connection_retry_on_startup=True,
        broker_transport_options=_transport_options(broker_url),
        broker_connection_timeout=CONNECT_SECONDS,
        enable_utc=True,
        timezone="UTC",
    )
    return app


class Carrier:
    """A connection to the broker, made at the first job and made again when it broke."""

    def __init__(self, broker_url: str) -> None:
        self._app = celery_app(broker_url)

    def send(self, job: str, *arguments: object, expires_seconds: float | None = None) -> bool:
        """
        Put a job into the queue; False where the broker is away.

        Args:
            expires_seconds: a job not begun by then is dropped: a tick that is late is another tick's.
        """
        try:
            self._app.send_task(job, args=list(arguments), expires=expires_seconds)
        except (OperationalError, OSError) as error:
            _log.warning("job_not_sent", job=job, error=str(error))
            return False
        return True


def _transport_options(broker_url: str) -> dict[str, Any]:
    if not broker_url.startswith("redis"):
        return {}
    return {
        "visibility_timeout": VISIBILITY_SECONDS,
        "socket_timeout": CONNECT_SECONDS * 5,
        "socket_connect_timeout": CONNECT_SECONDS,
    }
