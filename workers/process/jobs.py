"""
The jobs, all thin: each one looks up what it needs and calls the package that does the work.

Science is imported inside them, so that the application starts at once and a process loads what it needs.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import lru_cache

from celery import shared_task

from workers.declaration.current import recommender
from workers.environment.broker import Broker
from workers.environment.settings import settings, surroundings
from workers.store.connection import own, present
from workers.store.integrity.repair import Repairs


def _tick(name: str) -> Callable[[Callable[[], None]], Callable[..., None]]:
    """
    Make a function the job that the clock sends under this name. One that comes too late is dropped, as the
    next tick does its work.

    Celery's own `expires` is compared with the worker's wall clock; one that runs ahead would drop them all.
    """

    def job_of(work: Callable[[], None]) -> Callable[..., None]:
        def job(late_after: str | None = None) -> None:
            if late_after is None or present(own()) <= datetime.fromisoformat(late_after):
                work()

        made: Callable[..., None] = shared_task(name=name)(job)
        return made

    return job_of


@_tick("recsysops.detect")
def detect() -> None:
    """Take one look at everything declared."""
    from workers.detect.detection_run import detection_run  # noqa: PLC0415
    from workers.items.misses import keep_misses  # noqa: PLC0415

    detection_run(own(), recommender(), present(own()))
    keep_misses(own(), recommender(), present(own()))


@_tick("recsysops.predict")
def predict() -> None:
    """Take one look at the launch calendar."""
    from workers.predict.look_ahead import prediction_run  # noqa: PLC0415

    prediction_run(own(), recommender(), present(own()))


@shared_task(name="recsysops.settle")  # type: ignore[untyped-decorator]
def settle(kind: str, stream: str, event_id: str) -> None:
    """Settle one obligation of one incident."""
    from workers.log.obligations import settle as settle_debt  # noqa: PLC0415
    from workers.process.handlers import HANDLERS  # noqa: PLC0415

    settle_debt(own(), HANDLERS, kind, stream, event_id)


@_tick("recsysops.witness")
def witness() -> None:
    """Hand a checkpoint of the log to every witness that is due for one."""
    from workers.store.signature import signing_key  # noqa: PLC0415
    from workers.witnesses.hand import hand_over  # noqa: PLC0415
    from workers.witnesses.kind import Surroundings  # noqa: PLC0415

    around = Surroundings(surroundings(), settings().var)
    hand_over(own(), recommender(own=False), lambda: signing_key(settings()), around)


@_tick("recsysops.tickets")
def tickets() -> None:
    """Update tickets with what is left to do, and notice which ones people closed."""
    from workers.trackers.step import keep_in_step  # noqa: PLC0415

    keep_in_step(own(), recommender(), surroundings())


@_tick("recsysops.pull_requests")
def pull_requests() -> None:
    """Notice what people did with the pull requests of follow-ups."""
    from workers.respond.unmerged import look_at_pull_requests  # noqa: PLC0415

    look_at_pull_requests(own(), recommender(), surroundings())


@_tick("recsysops.rehearse")
def rehearse() -> None:
    """Rehearse the next hotfix whose rehearsal is due."""
    from workers.rehearse.keep import rehearse_tick  # noqa: PLC0415

    rehearse_tick(own(), recommender(), present(own()), surroundings())


@_tick("recsysops.scorecard")
def scorecard() -> None:
    """Make the scorecard for the page and the message."""
    from workers.audit.scorecard import keep_scorecard  # noqa: PLC0415

    keep_scorecard(own(), recommender(), present(own()))


@_tick("recsysops.replay")
def replay() -> None:
    """Replay all incidents under today's practice, once that is due."""
    from workers.replay.keep import replay_tick  # noqa: PLC0415

    replay_tick(own(), recommender(), settings(), present(own()))


@shared_task(name="recsysops.item")  # type: ignore[untyped-decorator]
def item(key: str, question: str) -> None:
    """Look at one item, for somebody who asked in the chat."""
    from workers.items.ask import settle_item  # noqa: PLC0415

    settle_item(own(), recommender(), key, question)


@shared_task(name="recsysops.misses")  # type: ignore[untyped-decorator]
def misses(question: str) -> None:
    """Answer with the stored low-ranked choices, for somebody who asked in the chat."""
    from workers.items.ask import settle_misses  # noqa: PLC0415

    settle_misses(own(), question)


@_tick("recsysops.remind")
def remind() -> None:
    """Ask again for whatever is overdue."""
    from workers.log.obligations import remind as remind_of_obligations  # noqa: PLC0415

    _repairs().go_on()
    remind_of_obligations(own(), _carrier().send)


@lru_cache(maxsize=1)
def _repairs() -> Repairs:
    return Repairs(own())


@lru_cache(maxsize=1)
def _carrier() -> Broker:
    return Broker(settings().broker(), settings().broker_queue)
