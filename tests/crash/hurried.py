"""
The worker's application, the follower and (by its name) the web process, with a patience of seconds.

How long the clock waits before it asks again for what a killed worker took with it is a minute for a
diagnosis; a test cannot wait that long. And the worker imports its science before it forks, so that of each
death only one import is the price. An obligation that workers died over five times is given up where people
see it; here they die more often than that, and not over the obligation. Nothing else differs from the real
processes.
"""

from __future__ import annotations

import runpy
import sys
from datetime import timedelta

from domain.incident.obligations import DUE_AFTER
from workers.log import obligations
from workers.process.app import app  # `celery -A tests.crash.hurried` looks for it here

PATIENCE = timedelta(seconds=2)
TRIES = 1_000

obligations.MOST_TRIES = TRIES  # before anybody imports it

DUE_AFTER.update({kind: min(usual, PATIENCE) for kind, usual in DUE_AFTER.items()})

if __name__ == "__main__":
    if sys.argv[1:]:
        runpy.run_module(sys.argv[1], run_name="__main__")
    else:
        obligations.main()
else:
    from workers.respond import improve
    from workers.respond.diagnose import diagnose
    from workers.respond.resolve import resolve, watch

    __all__ = ["app", "diagnose", "improve", "resolve", "watch"]
