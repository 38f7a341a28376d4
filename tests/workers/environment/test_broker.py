"""Jobs over each broker: sent, taken up, and what happens while the broker is away."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from celery.worker.consumer import Consumer as WholeConsumer
from kombu.connection import Connection
from sqlalchemy import make_url

from tests.brokers import AMQP_URL, BROKERS, Way, way_to
from workers.environment.broker import Broker, celery_app
from workers.process.consumer import DELAYED, Consumer


@pytest.fixture(params=BROKERS)
def way(request: pytest.FixtureRequest, redis_url: str) -> Iterator[Way]:
    url = make_url(redis_url).set(database="14").render_as_string(hide_password=False)
    with way_to(AMQP_URL if request.param == "rabbitmq" else url) as found:
        yield found


@pytest.fixture
def carrier(way: Way) -> Iterator[Broker]:
    carrier = Broker(way.url, way.queue)
    yield carrier
    carrier.close()


def waiting(way: Way) -> int:
    """How many jobs lie in the queue."""
    app = celery_app(way.url, way.queue)
    with Connection(way.url) as connection:  # type: ignore[no-untyped-call]
        bound = app.amqp.queues[way.queue].bind(connection.default_channel)
        return int(bound.queue_declare(passive=True).message_count)


def test_a_job_lies_in_the_queue_of_its_name_until_somebody_takes_it(way: Way, carrier: Broker) -> None:
    assert carrier.send("recsysops.settle", "apply", "incident-1", "incident-1:4")
    assert carrier.send("recsysops.remind", late_after=datetime(2026, 3, 3, tzinfo=UTC))
    assert waiting(way) == 2


def test_a_broker_that_died_and_came_back_while_nobody_sent_loses_no_job(way: Way, carrier: Broker) -> None:
    assert carrier.send("recsysops.remind")
    way.proxy.cut()
    way.proxy.open()
    assert carrier.send("recsysops.remind")
    assert waiting(way) == 2


def test_a_broker_that_is_away_is_said_so_at_once_and_used_again_when_it_is_back(
    way: Way, carrier: Broker
) -> None:
    assert carrier.send("recsysops.remind")
    way.proxy.cut()
    assert not carrier.send("recsysops.remind")
    assert not carrier.send("recsysops.remind")
    way.proxy.open()
    assert carrier.send("recsysops.remind")
    assert waiting(way) == 2


def test_what_waits_can_be_asked_for_while_the_broker_is_away_and_when_it_is_back(
    way: Way, carrier: Broker
) -> None:
    assert carrier.send("recsysops.remind")
    assert carrier.waiting("recsysops.remind") == 1
    way.proxy.cut()
    assert not carrier.send("recsysops.remind")
    assert carrier.waiting("recsysops.remind") == 0
    way.proxy.open()
    assert carrier.send("recsysops.remind")
    assert carrier.waiting("recsysops.remind") == 2


def test_the_queue_is_one_of_several_replicas_where_the_broker_knows_such(way: Way) -> None:
    queue = celery_app(way.url, way.queue).amqp.queues[way.queue]
    assert queue.queue_arguments == {"x-queue-type": "quorum"}


def test_a_worker_declares_no_queues_for_delays_that_nobody_asks_for() -> None:
    whole, ours = WholeConsumer.Blueprint.default_steps, Consumer.Blueprint.default_steps
    assert set(whole) - set(ours) == {DELAYED}
    assert "celery.worker.consumer.tasks:Tasks" in ours
