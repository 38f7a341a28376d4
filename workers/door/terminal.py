"""
The door's terminal: what a terminal needs and a click does not. `workers.door` re-exports all of it.

Each function imports what it needs when called, so that other commands, and the web process, start at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from domain.errors import ConfigurationError, SourceError
from domain.recommender.route import NEEDS
from workers.environment import clock, redaction
from workers.environment.settings import settings as environment
from workers.log import open_obligations
from workers.store import followers
from workers.store.log.events import last_position, number

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import AbstractContextManager
    from datetime import datetime, timedelta
    from pathlib import Path

    from domain.answer import Advice, BurnIn, ItemAnswer, Miss
    from domain.bundle import BundleAnswer, RerunAnswer
    from domain.covered import LoggingCoverage
    from domain.incident.events import HotfixRehearsed
    from domain.incident.state import Incident
    from domain.recommender.check import Check
    from domain.replayed import ReplayAnswer
    from domain.values import Finding, Slice
    from workers.bundle.open import Opened
    from workers.checks.backtest import BacktestResult
    from workers.detect.record import Alarm, Record
    from workers.door import Door
    from workers.embedded import Servers
    from workers.log.open_obligations import OpenObligation
    from workers.scaffold.new_check import Written


def embedded(folder: Path) -> AbstractContextManager[Servers]:
    """PostgreSQL and Valkey from their wheels, running during the block. See `workers.embedded.started`."""
    from workers.embedded import started  # noqa: PLC0415

    return started(folder)


def fallen_embedded(folder: Path) -> tuple[str, ...]:
    """Which of the two servers started under a folder are down. See `workers.embedded.fallen`."""
    from workers.embedded import fallen  # noqa: PLC0415

    return fallen(folder)


def left_embedded(folder: Path) -> bool:
    """Whether servers were started under a folder and not stopped since."""
    from workers.embedded import running  # noqa: PLC0415

    return running(folder) is not None


def stop_embedded(folder: Path) -> None:
    """Stop what a killed process left running under a folder, unless somebody else still needs it."""
    if left_embedded(folder):
        with embedded(folder):
            pass  # the last one to leave stops them


def installation_key(purpose: str) -> bytes:
    """A key (32 bytes) of this installation for one purpose, if no store is at hand; see `Door.key`."""
    from workers.environment.settings import settings  # noqa: PLC0415
    from workers.store.signature import derived_key  # noqa: PLC0415

    return derived_key(settings(), purpose)


def migrate(owner_url: str, program_url: str | None = None) -> None:
    """Upgrade the store to the newest schema. See `workers.store.migrate`."""
    from workers.store.migrate import migrate as newest  # noqa: PLC0415

    newest(owner_url, program_url, environment().workspace)


def misdeclared(path: Path) -> str | None:
    """Everything that is wrong with the declaration, in words; None if it can be read."""
    from workers.declaration.current import recommender  # noqa: PLC0415 - reads every kind

    try:
        recommender(path)
    except ConfigurationError as error:
        return str(error)
    return None


def doctor(path: Path) -> list[Advice]:
    """Compare the declaration with the real sources. See `workers.doctor.doctor.check`."""
    from workers.doctor.doctor import check  # noqa: PLC0415 - opens every engine

    return [
        one.model_copy(update={"where": redaction.prose(one.where), "says": redaction.prose(one.says)})
        for one in check(path)
    ]


def announced(path: Path) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The channels and user groups (or people) that a declaration names; empty if it cannot be read."""
    from workers.declaration.current import recommender  # noqa: PLC0415

    try:
        declared = recommender(path, own=False)
    except ConfigurationError:
        return (), ()
    routes = [one for one in declared.routes.model_dump().values() if one]
    channels = [*routes, *(one.channel for one in declared.stakeholders.values())]
    allowed = (name for need in NEEDS for name in getattr(declared.permissions, need))
    return tuple(dict.fromkeys(channels)), tuple(dict.fromkeys(allowed))


def init(folder: Path) -> str:
    """
    The text of a first declaration for a folder of tables.

    Raises:
        SourceError: the folder contains no table.
    """
    from workers.scaffold.first import init as first  # noqa: PLC0415

    return first(folder)


def suggest(path: Path) -> str:
    """
    Checks that could be added to a declaration, as TOML. See `workers.doctor.unwatched.suggest`.

    Raises:
        ConfigurationError: the declaration is wrong.
    """
    from workers.doctor.unwatched import suggest as suggested  # noqa: PLC0415 - opens every engine

    return suggested(path)


def burn_in(path: Path, table: str, at: datetime | None = None) -> BurnIn:
    """
    What is odd about a table, what is new in it, and what will be watched from when on.

    Raises:
        ConfigurationError: the declaration is wrong. SourceError: the table cannot be read, or has no row.
    """
    from workers.burn_in.burn_in import burn_in as looked_through  # noqa: PLC0415
    from workers.declaration.current import recommender  # noqa: PLC0415

    return looked_through(recommender(path), table, at or clock.now())


def rehearse(
    path: Path,
    only: str | None = None,
    at: datetime | None = None,
    progress: Callable[[int, int], None] = lambda _done, _in_all: None,
) -> tuple[HotfixRehearsed, ...]:
    """
    What the declared hotfixes do in a rehearsal. Nothing is deployed or written to the log.

    Raises:
        ConfigurationError: the declaration is wrong, or there is no such hotfix.
    """
    from workers.declaration.current import recommender  # noqa: PLC0415
    from workers.environment.settings import surroundings  # noqa: PLC0415
    from workers.rehearse.rehearse import rehearse as tried  # noqa: PLC0415

    return tried(recommender(path), at or clock.now(), surroundings(), only, progress)


def logging_coverage(
    path: Path,
    model: str | None,
    asked: Mapping[str, object],
    span: timedelta,
    at: datetime | None = None,
    *,
    planned: bool = False,
) -> LoggingCoverage:
    """What the log holds, or would hold, for each slice. See `workers.logging_coverage.coverage`."""
    from workers.declaration.current import recommender  # noqa: PLC0415
    from workers.logging_coverage.coverage import logging_coverage as covered  # noqa: PLC0415

    return covered(recommender(path), at or clock.now(), span, model, asked, planned=planned)


def checks(path: Path) -> tuple[Check, ...]:
    """
    The declared checks.

    Raises:
        ConfigurationError: the declaration is wrong.
    """
    from workers.declaration.current import recommender  # noqa: PLC0415

    return tuple(recommender(path).checks.values())


def evidence(path: Path) -> dict[str, tuple[str, ...]]:
    """Check → the tests of the ML Test Score that it is evidence for."""
    from domain.improvement.evidenced import evidenced_by  # noqa: PLC0415
    from workers.declaration.current import recommender  # noqa: PLC0415
    from workers.declaration.kind_facts import facts  # noqa: PLC0415

    declared = recommender(path)
    return {check.name: evidenced_by(declared, check, facts()) for check in declared.checks.values()}


def new_check(name: str, needs: str, folder: Path) -> Written:
    """
    A new check of a team's own, to start from. See `workers.scaffold.new_check.new_check`.

    Raises:
        Refused: the name is invalid or taken, or something is in its place already.
    """
    from workers.scaffold.new_check import new_check as write  # noqa: PLC0415

    return write(name, needs, folder)


class Looked(NamedTuple):
    """What checks found, notes of those that could not judge, and which ones could not even look."""

    findings: list[Finding]
    notes: dict[str, str]
    blind: tuple[str, ...]


def run_check(path: Path, name: str | None, at: datetime | None = None) -> Looked:
    """
    What one check (or all) finds in its newest complete window, now or as of `at`. Nothing is written to the
    log, and asking again gives the same answer.

    Raises:
        ConfigurationError: the declaration is wrong, or has no such check.
    """
    from domain.recommender.keys.nearest import nearest  # noqa: PLC0415
    from workers.checks.again import look_at  # noqa: PLC0415
    from workers.checks.run import FAULT  # noqa: PLC0415
    from workers.declaration.current import recommender  # noqa: PLC0415
    from workers.predict.launch import forecast  # noqa: PLC0415
    from workers.sources.launches import launch_check  # noqa: PLC0415

    declared, moment = recommender(path), at or clock.now()
    if name is not None and name not in declared.checks:
        raise ConfigurationError(f'no check is called "{name}"; {nearest(name, declared.checks)}')
    chosen = declared.checks if name is None else {name: declared.checks[name]}
    result = look_at(declared.model_copy(update={"checks": chosen}), moment)
    findings = list(result.findings)
    launch = launch_check(declared)
    if launch is not None and launch.name in chosen:
        findings += forecast(declared, moment)
    blind = tuple(finding.check for finding in findings if finding.subject == FAULT)
    return Looked(findings, result.notes, blind)


def backtest(
    path: Path,
    start: datetime,
    end: datetime,
    progress: Callable[[int, int], None] | None = None,
    jobs: int = 1,
    resume: Path | None = None,
    pictured: bool = False,
) -> BacktestResult:
    """
    Run the checks over the past as if it were live. See `workers.checks.backtest.backtest`.

    Raises:
        ConfigurationError: the declaration is wrong, or `end` is not after `start`.
        SourceError: a table that is looked at cannot be read as declared, a line each; or no look could be
            taken.
    """
    from workers.checks.backtest import backtest as walk  # noqa: PLC0415
    from workers.checks.backtest_check import unreadable  # noqa: PLC0415
    from workers.checks.plan import plans_of  # noqa: PLC0415
    from workers.declaration.declare import load, place  # noqa: PLC0415

    recommender = load(path)
    if broken := unreadable(recommender, plans_of(recommender)):
        said = (f"{place(path, ('tables', name))}: {error}" for name, error in broken.items())
        raise SourceError("\n".join(said))
    return walk(recommender, start, end, progress, jobs, resume, pictured)


def backtest_picture(path: Path, result: BacktestResult) -> tuple[bytes | None, dict[str, str]]:
    """
    The picture (PNG) of a backtest that was run with `pictured`, None if there is nothing to draw; and
    check → why it is not in the picture. See `workers.checks.backtest_picture`.
    """
    from workers.checks.backtest_picture import draw_backtest  # noqa: PLC0415
    from workers.checks.backtest_series import not_drawn, series_of  # noqa: PLC0415
    from workers.declaration.declare import load  # noqa: PLC0415

    recommender = load(path)
    checks = [recommender.checks[name] for name in result.comparisons]
    series = series_of(result, {check.name: str(check.table) for check in checks})
    picture = draw_backtest(result, series, recommender.zone) if series else None
    return picture, not_drawn(result, {check.name: check.kind for check in checks})


def item(path: Path, key: str, at: datetime | None = None) -> tuple[ItemAnswer, bytes]:
    """
    A look at one item, and its picture (PNG). See `workers.items.look`.

    Raises:
        Refused: there is no such item. SourceError: a table cannot be read, or nothing is declared.
    """
    from workers.declaration.current import recommender  # noqa: PLC0415
    from workers.items.ask import item_answer  # noqa: PLC0415

    return item_answer(recommender(path), key, at)


def misses(path: Path, since: datetime | None, where: Slice, limit: int) -> list[Miss]:
    """
    The `limit` lowest-ranked choices since then, from the tables. See `workers.items.misses.read_misses`.

    Raises:
        ConfigurationError: no check of kind misses is declared. SourceError: a table cannot be read.
    """
    from workers.declaration.current import recommender  # noqa: PLC0415
    from workers.environment import clock  # noqa: PLC0415
    from workers.items.misses import read_misses  # noqa: PLC0415

    return read_misses(recommender(path), clock.now(), since, where, limit)


def kept_misses(door: Door) -> tuple[Miss, ...]:
    """The worst low-ranked choices of the last days, with everything that was known about them."""
    from workers.items.misses import kept_misses as kept  # noqa: PLC0415 - science

    return kept(door.log)


def pause(door: Door, follower: str, paused: bool) -> None:
    """
    Pause a follower, or let it continue.

    Raises:
        Refused: there is no such follower.
    """
    with door.log.begin() as connection:
        followers.pause(connection, follower, paused)


def replay(door: Door, follower: str, position: int | None) -> int:
    """
    Have a follower redo everything after `position`, or (None) what it set aside; returns how many events.

    Raises:
        Refused: there is no such follower, or no such position.
    """
    number(door.log)
    with door.log.begin() as connection:
        if position is None:
            return followers.try_again(connection, follower)
        followers.replay_from(connection, follower, position)
        return last_position(connection) - position


def retry(door: Door, incident: Incident, kind: str | None = None) -> list[OpenObligation]:
    """
    Have the workers retry at once what is owed for an incident. See `workers.log.open_obligations.retry`.

    Raises:
        Refused: nothing is owed, or nothing of this kind.
    """
    with door.log.begin() as connection:
        return open_obligations.retry(connection, incident, kind, clock.now())


def bundle(door: Door, incident: Incident, event: int | None = None) -> BundleAnswer:
    """
    What was kept of an incident's newest diagnosis, or of that of an `event`, checked against the log.

    Raises:
        Refused: there is none; says why. BundleError: its manifest is not the one that the log names.
    """
    from workers.bundle.open import answer  # noqa: PLC0415

    return answer(_opened(door, incident, event))


def bundle_again(door: Door, incident: Incident, event: int | None = None) -> RerunAnswer:
    """
    Repeat the diagnosis from its bundle, and compare it with the original.

    Raises:
        Refused, BundleError: as `bundle`; or a file differs from what was kept.
    """
    from workers.bundle.again import diagnose_again  # noqa: PLC0415 - science

    return diagnose_again(_opened(door, incident, event))


def replay_incidents(
    door: Door,
    path: Path,
    numbers: Sequence[int] | None = None,
    progress: Callable[[int, int], None] = lambda _done, _in_all: None,
) -> ReplayAnswer:
    """
    Replay past incidents, all or those with these numbers, under the declaration at `path`. Writes nothing.

    Raises:
        ConfigurationError: the declaration is wrong. Refused: there is no incident of a number.
    """
    from workers.declaration.current import recommender  # noqa: PLC0415
    from workers.replay.again import replay as replayed  # noqa: PLC0415 - science

    return replayed(door.log, recommender(path), environment(), clock.now(), numbers, progress)


def export_bundle(door: Door, incident: Incident, folder: Path, event: int | None = None) -> list[Path]:
    """
    Write a bundle's files into a folder, under their names.

    Raises:
        Refused, BundleError: as `bundle`; or the folder is not empty, or a file differs from what was kept.
    """
    from workers.bundle.open import export  # noqa: PLC0415

    return export(_opened(door, incident, event), folder)


def _opened(door: Door, incident: Incident, event: int | None) -> Opened:
    from workers.bundle.objects import declared_objects  # noqa: PLC0415
    from workers.bundle.open import open_bundle  # noqa: PLC0415

    return open_bundle(door.log, declared_objects(environment()), incident, event)


def records(door: Door, path: Path) -> tuple[Record, ...]:
    """The record of each declared check. See `domain.improvement.record`."""
    from workers.declaration.current import recommender  # noqa: PLC0415
    from workers.detect.record import read_records  # noqa: PLC0415

    return read_records(door.log, recommender(path), clock.now())


def alarms(door: Door, path: Path) -> list[tuple[str, Alarm]]:
    """(check, alarm) for each finding that alerted nobody, newest first."""
    from workers.declaration.current import recommender  # noqa: PLC0415
    from workers.detect.record import read_alarms  # noqa: PLC0415

    return read_alarms(door.log, recommender(path))
