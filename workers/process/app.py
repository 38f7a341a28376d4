"""
The Celery applications; what their jobs do is in `workers.process.jobs`.

`celery -A workers.process.app:answers worker` settles what the log owes, and
`celery -A workers.process.app:looks worker` looks at the tables, so that neither waits for the other.
`celery -A workers.process.app worker` does both.
"""

from __future__ import annotations

import sys

from celery import Celery
from celery.signals import celeryd_init, worker_ready
from celery.worker import state

from domain.errors import ConfigurationError
from workers.environment.broker import VISIBILITY_SECONDS, celery_app, queue_of_looks
from workers.environment.settings import settings
from workers.store.release import UNFIT_CODE, Watch, require_fit


def _application(*takes: str) -> Celery:
    made = celery_app(settings().broker(), settings().broker_queue, takes=takes or None)
    made.conf.update(
        include=["workers.process.jobs"],
        worker_consumer="workers.process.consumer:Consumer",
        worker_enable_remote_control=False,  # nobody uses it, and on RabbitMQ it costs two queues per worker
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        # A hanging source must not block a worker for ever, or for longer than the broker waits for it.
        task_soft_time_limit=VISIBILITY_SECONDS - 60,
        task_time_limit=VISIBILITY_SECONDS - 30,
        # Memory for models and frames is released by ending the process that held them.
        worker_max_tasks_per_child=500,
    )
    return made


@celeryd_init.connect  # type: ignore[untyped-decorator]
def _require_fit(**_: object) -> None:
    """Keep a worker from starting on another release's store."""
    try:
        require_fit()
    except ConfigurationError as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(UNFIT_CODE) from None


@worker_ready.connect  # type: ignore[untyped-decorator]
def _watch(**_: object) -> None:
    """Have it end, after finishing what it has begun, once a later release is rolled out."""
    Watch(_end, settings()).begin()


def _end() -> None:
    state.should_stop = UNFIT_CODE


answers = _application(settings().broker_queue)
looks = _application(queue_of_looks(settings().broker_queue))
app = _application()
