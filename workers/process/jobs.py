"""
The jobs, all thin: each one looks up what it needs and calls the package that does the work.

Science is imported inside them, so that the application starts at once and a process loads what it needs.
"""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache

from celery import shared_task

from workers.environment.broker import Broker
from workers.environment.settings import settings, surroundings
from workers.store.connection import own, present
from workers.store.integrity.repair import Repairs


@shared_task(name="recsysops.detect")  # type: ignore[untyped-decorator]
def detect(late_after: str | None = None) -> None:
    """Take one look at everything declared."""
    if _late(late_after):
        return
    from workers.declaration.current import recommender  # noqa: PLC0415
    from workers.detect.detection_run import detection_run  # noqa: PLC0415
    from workers.items.misses import keep_misses  # noqa: PLC0415

    detection_run(own(), recommender(), present(own()))
    keep_misses(own(), recommender(), present(own()))


@shared_task(name="recsysops.predict")  # type: ignore[untyped-decorator]
def predict(late_after: str | None = None) -> None:
    """Take one look at the launch calendar."""
    if _late(late_after):
        return
    from workers.declaration.current import recommender  # noqa: PLC0415
    from workers.predict.look_ahead import prediction_run  # noqa: PLC0415

    prediction_run(own(), recommender(), present(own()))


@shared_task(name="recsysops.settle")  # type: ignore[untyped-decorator]
def settle(kind: str, stream: str, event_id: str) -> None:
    """Settle one obligation of one incident."""
    from workers.log.obligations import settle as settle_debt  # noqa: PLC0415
    from workers.process.handlers import HANDLERS  # noqa: PLC0415

    settle_debt(own(), HANDLERS, kind, stream, event_id)


@shared_task(name="recsysops.witness")  # type: ignore[untyped-decorator]
def witness(late_after: str | None = None) -> None:
    """Hand a checkpoint of the log to every witness that is due for one."""
    if _late(late_after):
        return
    from workers.declaration.current import recommender  # noqa: PLC0415
    from workers.store.signature import signing_key  # noqa: PLC0415
    from workers.witnesses.hand import hand_over  # noqa: PLC0415
    from workers.witnesses.kind import Surroundings  # noqa: PLC0415

    around = Surroundings(surroundings(), settings().var)
    hand_over(own(), recommender(own=False), lambda: signing_key(settings()), around)


@shared_task(name="recsysops.tickets")  # type: ignore[untyped-decorator]
def tickets(late_after: str | None = None) -> None:
    """Update tickets with what is left to do, and notice which ones people closed."""
    if _late(late_after):
        return
    from workers.declaration.current import recommender  # noqa: PLC0415
    from workers.trackers.step import keep_in_step  # noqa: PLC0415

    keep_in_step(own(), recommender(), surroundings())


@shared_task(name="recsysops.pull_requests")  # type: ignore[untyped-decorator]
def pull_requests(late_after: str | None = None) -> None:
    """Notice what people did with the pull requests of follow-ups."""
    if _late(late_after):
        return
    from workers.declaration.current import recommender  # noqa: PLC0415
    from workers.respond.unmerged import look_at_pull_requests  # noqa: PLC0415

    look_at_pull_requests(own(), recommender(), surroundings())


@shared_task(name="recsysops.rehearse")  # type: ignore[untyped-decorator]
def rehearse(late_after: str | None = None) -> None:
    """Rehearse the next hotfix whose rehearsal is due."""
    if _late(late_after):
        return
    from workers.declaration.current import recommender  # noqa: PLC0415
    from workers.rehearse.keep import rehearse_tick  # noqa: PLC0415

    rehearse_tick(own(), recommender(), present(own()), surroundings())


@shared_task(name="recsysops.scorecard")  # type: ignore[untyped-decorator]
def scorecard(late_after: str | None = None) -> None:
    """Make the scorecard for the page and the message."""
    if _late(late_after):
        return
    from workers.audit.scorecard import keep_scorecard  # noqa: PLC0415
    from workers.declaration.current import recommender  # noqa: PLC0415

    keep_scorecard(own(), recommender(), present(own()))


@shared_task(name="recsysops.replay")  # type: ignore[untyped-decorator]
def replay(late_after: str | None = None) -> None:
    """Replay all incidents under today's practice, once that is due."""
    if _late(late_after):
        return
    from workers.declaration.current import recommender  # noqa: PLC0415
    from workers.replay.keep import replay_tick  # noqa: PLC0415

    replay_tick(own(), recommender(), settings(), present(own()))


@shared_task(name="recsysops.item")  # type: ignore[untyped-decorator]
def item(key: str, question: str) -> None:
    """Look at one item, for somebody who asked in the chat."""
    from workers.declaration.current import recommender  # noqa: PLC0415
    from workers.items.ask import settle_item  # noqa: PLC0415

    settle_item(own(), recommender(), key, question)


@shared_task(name="recsysops.misses")  # type: ignore[untyped-decorator]
def misses(question: str) -> None:
    """Answer with the stored low-ranked choices, for somebody who asked in the chat."""
    from workers.items.ask import settle_misses  # noqa: PLC0415

    settle_misses(own(), question)


@shared_task(name="recsysops.remind")  # type: ignore[untyped-decorator]
def remind(late_after: str | None = None) -> None:
    """Ask again for whatever is overdue."""
    if _late(late_after):
        return
    from workers.log.obligations import remind as remind_of_obligations  # noqa: PLC0415

    _repairs().go_on()
    remind_of_obligations(own(), _carrier().send)


def _late(after: str | None) -> bool:
    """
    Whether a tick is too late to run: the next tick does its work.

    Celery's own `expires` is compared with the worker's wall clock; one that runs ahead would drop them all.
    """
    return after is not None and present(own()) > datetime.fromisoformat(after)


@lru_cache(maxsize=1)
def _repairs() -> Repairs:
    return Repairs(own())


@lru_cache(maxsize=1)
def _carrier() -> Broker:
    return Broker(settings().broker(), settings().broker_queue)
