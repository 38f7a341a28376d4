"""The Celery application: `celery -A workers.app worker`. What its jobs do stands in `workers.jobs`."""

from __future__ import annotations

from workers.carry import VISIBILITY_SECONDS, celery_app
from workers.settings import settings

app = celery_app(settings().broker(), settings().broker_queue)
app.conf.include = ["workers.jobs"]
app.conf.worker_consumer = "workers.consumer:Consumer"
app.conf.worker_enable_remote_control = False  # nobody asks, and on RabbitMQ it would be two queues a worker
app.conf.worker_hijack_root_logger = False
app.conf.worker_redirect_stdouts = False
# A source that hangs must not hold a worker for ever, nor longer than the broker waits for it.
app.conf.task_soft_time_limit = VISIBILITY_SECONDS - 60
app.conf.task_time_limit = VISIBILITY_SECONDS - 30
# Models and frames are given back by ending the process that held them.
app.conf.worker_max_tasks_per_child = 500
