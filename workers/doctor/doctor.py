"""What `recsysops doctor` says: the declaration compared with the real sources, and what to fix."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from functools import partial
from pathlib import Path

from domain.answer import Advice
from domain.errors import ConfigurationError, SourceError
from domain.prediction.kind import LAUNCH_FORECAST
from domain.recommender.recommender import Recommender
from workers.checks.plan import plan
from workers.declaration.check_kinds import found
from workers.declaration.declare import load
from workers.doctor.bundle import examine_bundle
from workers.doctor.checks import examine_checks
from workers.doctor.exposure import examine_exposure
from workers.doctor.follow_ups import examine_follow_ups
from workers.doctor.hotfixes import examine_deployer, examine_hotfixes, examine_people
from workers.doctor.log import examine_log
from workers.doctor.models import examine_model
from workers.doctor.store import examine_store
from workers.doctor.tables import absent_columns, examine_described, examine_table
from workers.doctor.unwatched import examine_unwatched
from workers.doctor.witnesses import examine_witnesses
from workers.environment import clock
from workers.environment.settings import read_settings, surroundings
from workers.logging_coverage.examine import examine_logging
from workers.scaffold.first import init
from workers.sources.engines.files import kept_open
from workers.sources.engines.source import Source
from workers.trackers.kind import TRACKERS

__all__ = ["Advice", "check", "init"]


@kept_open()
def check(
    path: str | Path,
    *,
    environment: Mapping[str, str] | None = None,
    at: datetime | None = None,
) -> list[Advice]:
    """
    Everything that can be checked about the declaration at `path`, compared with what it names.

    Reads the sources, never writes to them; a deployer is asked whether it answers, not to do anything.

    Args:
        environment: `workers.environment.settings.surroundings` if not given. at: now, if not given.
    """
    env = surroundings() if environment is None else environment
    try:
        recommender = load(path, env)
    except ConfigurationError as error:
        return [
            Advice(level="error", where=str(path), says=line, fix="fix the file") for line in _lines(error)
        ]
    opened: dict[str, Source] = {}  # by table, for the questions that follow
    return [
        *_of_tables(recommender, opened, at),
        *_of_models(recommender, opened, at),
        *_of_what_is_shown(recommender, opened),
        *_of_checks(recommender, opened),
        *_of_targets(recommender, env),
        *examine_hotfixes(recommender),
        *examine_follow_ups(recommender),
        *examine_bundle(recommender, opened),
        *examine_people(recommender, env),
        *examine_store(env),
        *examine_witnesses(recommender, env),
        *_broker(env),
        *examine_log(recommender, env, at or clock.now()),
    ]


def _of_tables(recommender: Recommender, opened: dict[str, Source], at: datetime | None) -> Iterator[Advice]:
    for name in recommender.tables:
        now = at or clock.now()  # anew for each table: reading the ones before may take a minute
        yield from _examined(f"tables.{name}", partial(examine_table, recommender, name, now, opened))
    if recommender.items is not None:
        yield from _examined("items", lambda: examine_described(recommender, "items", opened))
    if recommender.members is not None:
        yield from _examined("members", lambda: examine_described(recommender, "members", opened))


def _of_models(recommender: Recommender, opened: dict[str, Source], at: datetime | None) -> Iterator[Advice]:
    for model in recommender.models.values():
        now = at or clock.now()
        yield from _examined(f"models.{model.name}", partial(examine_model, recommender, model, opened, now))
        if model.inclusion is not None or model.logging is not None:
            where = f"models.{model.name}.logging"
            yield from _examined(where, partial(examine_logging, model, opened, at or clock.now()))


def _of_what_is_shown(recommender: Recommender, opened: dict[str, Source]) -> Iterator[Advice]:
    if recommender.launches is not None:
        yield from _examined("launches", lambda: _launches(recommender, opened))
    if recommender.exposure is not None or recommender.objective.measure is not None:
        yield from _examined("exposure", lambda: examine_exposure(recommender, opened))


def _of_checks(recommender: Recommender, opened: dict[str, Source]) -> Iterator[Advice]:
    yield from _checks(recommender)
    yield from _examined("checks", lambda: examine_checks(recommender, opened))
    if opened:
        yield from examine_unwatched(recommender, opened)


def _of_targets(recommender: Recommender, env: Mapping[str, str]) -> Iterator[Advice]:
    """Everything that is called from here: deployers and trackers."""
    for deployer in recommender.deployers.values():
        yield from _examined(f"deployers.{deployer.name}", partial(examine_deployer, deployer, env))
    for tracker in recommender.trackers.values():
        look = partial(TRACKERS.find(tracker.kind).examine, tracker, env)
        yield from _examined(f"trackers.{tracker.name}", look)


def _lines(error: ConfigurationError) -> list[str]:
    return str(error).splitlines()


def _examined(where: str, look: Callable[[], Iterable[Advice]]) -> list[Advice]:
    """What `look` says; if the source fails, that error. If all is well, a line that says so."""
    try:
        said = list(look())
    except SourceError as error:
        return [Advice(level="error", where=where, says=str(error), fix="fix the source, or the declaration")]
    bad = any(a.level in {"warning", "error"} for a in said)
    return said if bad else [*said, Advice(level="ok", where=where, says="as declared")]


def _launches(recommender: Recommender, opened: Mapping[str, Source]) -> Iterator[Advice]:
    if launches := recommender.launches:
        asked = (launches.snapshot, launches.launch, launches.item, launches.outcome, *launches.features)
        yield from absent_columns("launches", asked, opened.get(launches.table))


def _checks(recommender: Recommender) -> Iterator[Advice]:
    for declared in recommender.checks.values():
        where = f"checks.{declared.name}"
        if declared.kind == LAUNCH_FORECAST.name:
            if recommender.launches is None:
                yield Advice(
                    level="error", where=where, says="no [launches] is declared", fix="add [launches]"
                )
            continue
        table = plan(recommender, declared).table
        if declared.table is None:
            says = f'names no table; it looks at "{table.name}"'
            yield Advice(level="warning", where=where, says=says, fix="add table = …")
        kind = found(declared.kind)
        if kind and kind.only_slices and not (declared.dimensions or table.dimensions):
            says = f'table "{table.name}" declares no dimensions to slice by'
            yield Advice(level="error", where=where, says=says, fix="add dimensions, or use kind volume")


def _broker(environment: Mapping[str, str]) -> Iterator[Advice]:
    from workers.environment.broker import Broker  # noqa: PLC0415 - Celery takes a third of a second

    try:
        named = read_settings(environment)
        if named.broker_url is None:
            return  # `recsysops up` starts one
        carrier = Broker(named.broker(), named.broker_queue)
    except ConfigurationError as error:
        yield Advice(level="error", where="broker", says=str(error), fix="correct that variable")
        return
    trouble = carrier.trouble()
    carrier.close()
    if trouble:
        yield Advice(
            level="error", where="broker", says=trouble, fix="start it, or correct BROKER_URL or REDIS_URL"
        )
    else:
        yield Advice(level="ok", where="broker", says="takes jobs")
