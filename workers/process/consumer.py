"""
Celery's consumer without the parts that this project never uses.

Nobody sends delayed jobs, so the 28 queues of native delayed delivery are not declared on RabbitMQ.
Workers need not know each other: a new one waits for no greetings, and none listens to the others.
"""

from __future__ import annotations

from typing import Any

from celery.worker.consumer import Consumer as WholeConsumer

ALONE = {"without_mingle": True, "without_gossip": True, "without_heartbeat": True}
DELAYED = "celery.worker.consumer.delayed_delivery:DelayedDelivery"


class Consumer(WholeConsumer):  # type: ignore[misc]
    """The class that `worker_consumer` names."""

    class Blueprint(WholeConsumer.Blueprint):  # type: ignore[misc]
        """The steps of a worker's life with the broker."""

        default_steps = tuple(step for step in WholeConsumer.Blueprint.default_steps if step != DELAYED)

    def __init__(self, *given: Any, worker_options: dict[str, Any] | None = None, **more: Any) -> None:
        super().__init__(*given, worker_options={**(worker_options or {}), **ALONE}, **more)
