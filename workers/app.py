"""
The Celery applications; what their jobs do stands in `workers.jobs`.

`celery -A workers.app:answers worker` does what the log owes, and `celery -A workers.app:looks worker` looks
at the tables, so that neither waits for the other. `celery -A workers.app worker` does both.
"""

from __future__ import annotations

from celery import Celery

from workers.carry import VISIBILITY_SECONDS, celery_app, queue_of_looks
from workers.settings import settings


def _application(*takes: str) -> Celery:
    made = celery_app(settings().broker(), settings().broker_queue, takes=takes or None)
    made.conf.update(
        include=["workers.jobs"],
        worker_consumer="workers.consumer:Consumer",
        worker_enable_remote_control=False,  # nobody asks, and on RabbitMQ it would be two queues a worker
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        # A source that hangs must not hold a worker for ever, nor longer than the broker waits for it.
        task_soft_time_limit=VISIBILITY_SECONDS - 60,
        task_time_limit=VISIBILITY_SECONDS - 30,
        # Models and frames are given back by ending the process that held them.
        worker_max_tasks_per_child=500,
    )
    return made


answers = _application(settings().broker_queue)
looks = _application(queue_of_looks(settings().broker_queue))
app = _application()
