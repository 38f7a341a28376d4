"""Questions in the chat that take too long to answer at once: a worker answers, and the bot fetches it."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Engine

from domain.answer import ItemAnswer, Miss
from domain.errors import RecsysopsError
from domain.recommender.recommender import Recommender
from workers.environment import clock, redaction
from workers.store import attachments
from workers.store.memory import drop_before, remember, take

UNFETCHED = timedelta(hours=1)
BROKE = "Something went wrong while looking; the workers' log says what."


def item_answer(recommender: Recommender, item: str, at: datetime | None = None) -> tuple[ItemAnswer, bytes]:
    """
    The answer for one item, now or as of `at`, and its picture (PNG).

    Raises:
        Refused: there is no such item. SourceError: a table cannot be read, or nothing is declared.
    """
    from workers.items.answer import answer_for  # noqa: PLC0415
    from workers.items.look import look_at_item  # noqa: PLC0415 - science, only in the process that looks
    from workers.items.picture import draw_item  # noqa: PLC0415

    seen = look_at_item(recommender, item, at or clock.now())
    answer = answer_for(recommender, seen)
    return answer, draw_item(answer, seen, recommender.zone)


def settle_item(log: Engine, recommender: Recommender, item: str, question: str) -> None:
    """Look at the item, keep its picture, and leave the answer for the bot to fetch, once, by `question`."""
    said: dict[str, object]
    try:
        answer, picture = item_answer(recommender, item)
        kept = answer.model_copy(update={"picture": attachments.keep(log, picture)})
        said = {"answer": kept.model_dump(mode="json")}
    except RecsysopsError as error:
        said = {"refused": redaction.prose(str(error))}
    except Exception:
        put(log, question, {"refused": BROKE})
        raise
    put(log, question, said)


def settle_misses(log: Engine, question: str) -> None:
    """Leave the stored low-ranked choices for the bot to fetch, once, by `question`."""
    from workers.items.misses import kept_misses  # noqa: PLC0415 - science, only in the process that looks

    put(log, question, {"misses": [one.model_dump(mode="json") for one in kept_misses(log)]})


def put(log: Engine, question: str, said: dict[str, object]) -> None:
    """Store the answer to a question until it is fetched."""
    with log.begin() as connection:
        drop_before(connection, "answer:", clock.now() - UNFETCHED)  # whoever asked has stopped waiting
        remember(connection, f"answer:{question}", said)


def fetch(log: Engine, question: str) -> ItemAnswer | tuple[Miss, ...] | str | None:
    """The answer to a question, or why there is none (text); None while not ready. Can be fetched once."""
    with log.begin() as connection:
        said = take(connection, f"answer:{question}")
    if said is None:
        return None
    if "misses" in said:
        return tuple(Miss.model_validate(one) for one in said["misses"])
    return ItemAnswer.model_validate(said["answer"]) if "answer" in said else str(said["refused"])


__all__ = ["fetch", "item_answer", "put", "settle_item", "settle_misses"]
