"""What the doctor says about rehearsals: which hotfixes repaired nothing in their last one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sqlalchemy.exc import SQLAlchemyError

from domain.answer import Advice
from domain.errors import RecsysopsError
from domain.improvement.rehearsal import newest_of
from domain.recommender.recommender import Recommender
from workers.environment.settings import read_settings
from workers.log.rehearsals import rehearsals
from workers.store.connection import engine


def examine_rehearsals(recommender: Recommender, environment: Mapping[str, str]) -> Iterator[Advice]:
    """A line for each declared hotfix that repaired nothing; nothing if there is no store to ask."""
    try:
        named = read_settings(environment)
        if named.database_url is None:
            return
        log = engine(named.database(), named.workspace)
        try:
            with log.connect() as connection:
                newest = newest_of(rehearsals(connection))
        finally:
            log.dispose()
    except (RecsysopsError, SQLAlchemyError):
        return  # reported for the store
    for name in recommender.hotfixes:
        last = newest.get(name)
        if last is not None and last.event.verdict == "nothing":
            says = f"repaired nothing when it was last rehearsed, on {last.event.day}: {last.event.says}"
            fix = f"fix that, then `recsysops rehearse --hotfix {name}`"
            yield Advice(level="warning", where=f"hotfixes.{name}", says=says, fix=fix)
