"""
PostgreSQL and a broker of the crash test's own, which are killed as well.

Others share the servers of the rest of the tests, so these are started beside them. Only kill -9 happens to
them, never a loss of power, and what is committed has to be there afterwards: nothing is set to hurry.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import psutil
import redis

from tests.brokers import AMQP_URL, Way, way_to
from tests.crash.rabbit import Rabbit
from workers import embedded
from workers.store.migrate import migrate

STOPPED_SECONDS = 10
OWN_RABBIT = "own rabbitmq"


class Servers:
    """
    Attributes:
        database_url: of PostgreSQL, migrated; the same after each kill. owner_url: of its owner.
    """

    def __init__(self, folder: Path, broker: str, stack: ExitStack) -> None:
        self._folder, self._stack = folder, stack
        started = stack.enter_context(embedded.started(folder))
        self.database_url, self._redis_url = started.database_url, started.redis_url
        self.owner_url = started.owner_url
        self._way: Way | None = stack.enter_context(way_to(AMQP_URL)) if broker == "rabbitmq" else None
        self._rabbit: Rabbit | None = None
        if broker == OWN_RABBIT:
            self._rabbit = Rabbit(folder / "rabbit")
            stack.callback(self._rabbit.stop)
        migrate(self.owner_url, self.database_url)

    @property
    def environment(self) -> Mapping[str, str]:
        """The environment in which our processes find them."""
        broker = {"BROKER_URL": self._rabbit.url if self._rabbit else self._redis_url}
        return {"DATABASE_URL": self.database_url, **(self._way.environment if self._way else broker)}

    def kill_database(self) -> None:
        """kill -9 of the postmaster and of all that it started; then it is started again on what it left."""
        postmaster = psutil.Process(
            int((self._folder / "postgres" / "postmaster.pid").read_text().partition("\n")[0])
        )
        family = [postmaster, *postmaster.children(recursive=True)]
        for process in family:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(family, timeout=STOPPED_SECONDS)
        self._start_again()

    def kill_broker(self) -> None:
        """kill -9 of Valkey, or of our own RabbitMQ; of one that is not, what our processes see of that."""
        if self._rabbit:
            self._rabbit.kill()
            return
        if self._way:
            self._way.proxy.cut()
            self._way.proxy.open()
            return
        with redis.Redis.from_url(self._redis_url) as client:
            broker = psutil.Process(client.info("server")["process_id"])
        broker.kill()
        with suppress(psutil.TimeoutExpired):
            broker.wait(STOPPED_SECONDS)
        self._start_again()

    def _start_again(self) -> None:
        again = self._stack.enter_context(embedded.started(self._folder))
        assert (again.database_url, again.redis_url) == (self.database_url, self._redis_url)


@contextmanager
def own_servers(folder: Path, broker: str) -> Iterator[Servers]:
    """Both servers within `folder`, for the block; `broker`: of `tests.brokers.BROKERS`, or `OWN_RABBIT`."""
    with ExitStack() as stack:
        yield Servers(folder, broker, stack)
