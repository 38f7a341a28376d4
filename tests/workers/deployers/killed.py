"""
A worker of its own process that settles one approved hotfix and dies by SIGKILL on the way:
`python -m tests.workers.deployers.killed` with what to do as JSON on its standard input.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable, Mapping
from datetime import timedelta
from itertools import count
from typing import Any

from domain.recommender.recommender import Recommender
from domain.recommender.table import Table
from tests.workers.conftest import declared_fill
from workers.deployers.api import Api
from workers.deployers.kind import DEPLOYERS
from workers.log import obligations
from workers.log.obligations import settle
from workers.respond.resolve.deploy import apply
from workers.store.connection import engine

RECORDING = "recording"
"""Dies when the target has done it and said so, before that is in the log."""


def recommender(deployer: Mapping[str, Any], kind: str) -> Recommender:
    """With one hotfix of this kind, which goes to the declared deployer."""
    table = Table(name="impressions", path="none.parquet", time="at", window=timedelta(minutes=1))
    declared = DEPLOYERS.find(deployer["kind"]).options.model_validate(deployer)
    return Recommender(
        name="cinema",
        tables={"impressions": table},
        hotfixes={"fill_language": declared_fill(kind=kind, deployer=declared.name)},
        deployers={declared.name: declared},
    )


def die(*_anything: object, **_more: object) -> None:
    """As when the machine's memory runs out."""
    os.kill(os.getpid(), signal.SIGKILL)


def dying_after(answers: int, ask: Callable[..., Any]) -> Callable[..., Any]:
    """Asks, and dies when so many answers came."""
    answered = count(1)

    def asked(*arguments: Any, **more: Any) -> Any:
        answer = ask(*arguments, **more)
        if next(answered) == answers:
            die()
        return answer

    return asked


def main() -> None:
    """Settle the obligation, and die where it is said."""
    task = json.load(sys.stdin)
    if task["dies"] == RECORDING:
        obligations._record = die
    else:
        Api._ask = dying_after(task["dies"], Api._ask)  # type: ignore[method-assign]
    made = recommender(task["deployer"], task["hotfix"])
    log = engine(task["database_url"])
    settle(log, {"apply": lambda work: apply(work, made)}, "apply", task["stream"], task["event_id"])


if __name__ == "__main__":
    main()
