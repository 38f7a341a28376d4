"""The Celery application: `celery -A workers.app worker`. What its jobs do stands in `workers.jobs`."""

from __future__ import annotations

from workers.carry import celery_app
from workers.settings import settings

app = celery_app(settings().broker())
app.conf.include = ["workers.jobs"]
app.conf.worker_hijack_root_logger = False
# Models and frames are given back by ending the process that held them.
app.conf.worker_max_tasks_per_child = 500
