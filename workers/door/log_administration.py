"""
The door's other half: what an operator and an auditor may ask of the log itself.

Each function imports what it needs when it is called, so that a terminal's other verbs start at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from domain.errors import ConfigurationError
from workers.environment.settings import Settings
from workers.environment.settings import settings as environment
from workers.store.connection import engine, owner_engine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from datetime import datetime
    from pathlib import Path

    from sqlalchemy import Engine

    from domain.recommender.witness import Witness
    from workers.log.restore import Restored
    from workers.store.exports.archive import Written
    from workers.store.exports.check import Checked
    from workers.store.integrity.rebuild import Rebuilt
    from workers.store.integrity.verify import Verified
    from workers.store.retention import Dropped, Forgotten, Held
    from workers.witnesses.hand import Post as Post  # noqa: PLC0414 - handed on
    from workers.witnesses.held import InTheChat as InTheChat  # noqa: PLC0414 - handed on
    from workers.witnesses.held import Standing as Standing  # noqa: PLC0414 - handed on
    from workers.witnesses.held import Vouched as Vouched  # noqa: PLC0414 - handed on
    from workers.witnesses.kind import Surroundings

    Progress = Callable[[int, int], None]


def migrate() -> str:
    """
    Bring the store to the newest shape, as the login that owns its tables; returns the revision.

    Raises:
        ConfigurationError: no PostgreSQL is named, or a login may not do what is needed.
    """
    from workers.store.fit import newest  # noqa: PLC0415
    from workers.store.migrate import migrate as upgrade  # noqa: PLC0415

    named = environment()
    upgrade(named.owner(), named.database(), named.workspace)
    return newest()


def export(after: int = 0, *, signed: bool = False) -> Iterator[bytes]:
    """The log as lines of JSON, with a signed checkpoint at the end. See `workers.store.exports.export`."""
    from workers.store.exports.export import export as lines  # noqa: PLC0415
    from workers.store.signature import signing_key  # noqa: PLC0415

    named = environment()
    return lines(_log(named), after, signing_key(named) if signed else None)


def public_key() -> str:
    """The public key of this installation, in hexadecimal; made where there is none yet."""
    from workers.store.signature import signing_key, spell_public  # noqa: PLC0415

    return spell_public(signing_key(environment()))


def check(file: Path, key: str | None = None) -> Checked:
    """
    An exported file held against itself. Asks no database.

    Raises:
        Tampered: names the first line that does not fit.
    """
    from workers.store.exports.check import check as walk  # noqa: PLC0415

    return walk(file, _trusted(key))


def restore(file: Path, key: str | None = None, progress: Progress | None = None) -> Restored:
    """An exported file put into an empty store. See `workers.log.restore`."""
    from workers.log.restore import restore as put  # noqa: PLC0415

    named = environment()
    owner = owner_engine(named.owner())
    try:
        return put(_log(named), file, _trusted(key), progress, owner)
    finally:
        owner.dispose()


def rebuild(progress: Progress | None = None) -> Rebuilt:
    """The cards made again from the events. See `workers.store.integrity.rebuild`."""
    from workers.store.integrity.rebuild import rebuild as again  # noqa: PLC0415

    return again(_log(environment()), progress)


def verify(key: str | None = None) -> Verified:
    """
    Hash chains, cards, followers and guards held against the events.

    Raises:
        Tampered: names the first that does not fit.
    """
    from workers.store.integrity.verify import verify as walk  # noqa: PLC0415

    return walk(_log(environment()), _trusted(key))


def vouched(files: Iterable[Path], key: str | None = None, chat: InTheChat | None = None) -> Vouched:
    """
    The log held against checkpoints in files and those that the declared witnesses hold, and all of these
    against each other. See `workers.witnesses.held`.

    Args:
        chat: reads a witness in the chat, which nobody on this side of the door can.

    Raises:
        Tampered: says what does not fit. Refused: there is no checkpoint of this workspace in the files.
    """
    from workers.store.log.checkpoint import read_file  # noqa: PLC0415
    from workers.witnesses.held import vouched as against  # noqa: PLC0415

    named = environment()
    in_files = [one for file in files for one in read_file(file)]
    return against(_log(named), _witnesses(named), _around(named), in_files, _trusted(key), chat)


def witnesses() -> list[Standing]:
    """How each declared witness is doing."""
    from workers.witnesses.held import standings  # noqa: PLC0415

    named = environment()
    return standings(_log(named), _witnesses(named))


def to_post() -> list[Post]:
    """The checkpoints that witnesses in the chat are to take now. See `workers.witnesses.hand`."""
    from workers.store.connection import own  # noqa: PLC0415
    from workers.witnesses.hand import to_post as waiting  # noqa: PLC0415

    return waiting(own(), _witnesses(environment()))


def posted(post: Post) -> None:
    """A witness in the chat has this checkpoint."""
    from workers.store.connection import own  # noqa: PLC0415
    from workers.witnesses.hand import took  # noqa: PLC0415

    took(own(), post.witness, post.position)


def not_posted(post: Post, trouble: str) -> None:
    """A witness in the chat did not take this checkpoint, and is offered it again."""
    from workers.store.connection import own  # noqa: PLC0415
    from workers.witnesses.hand import failed  # noqa: PLC0415

    failed(own(), post.witness, trouble)


def archive(folder: Path, before: datetime | None = None) -> list[Written]:
    """Events of closed incidents written into a folder. See `workers.store.exports.archive`."""
    from workers.store.exports.archive import archive as write  # noqa: PLC0415

    return write(_log(environment()), folder, before)


def hold(folder: Path, key: str | None = None) -> Held:
    """An archive held against what stands in the log for it. See `workers.store.retention`."""
    from workers.store.retention import hold as against  # noqa: PLC0415

    return against(_log(environment()), folder, _trusted(key))


def forget(before: datetime) -> Forgotten:
    """
    What is not the log, taken away of incidents closed before. See `workers.store.retention`, and for the
    files of bundles `workers.bundle.sweep`.
    """
    from workers.bundle.objects import declared_objects  # noqa: PLC0415
    from workers.bundle.sweep import sweep  # noqa: PLC0415
    from workers.store.retention import forget as take_away  # noqa: PLC0415

    named = environment()
    log = _log(named)
    forgotten = take_away(log, before)
    return forgotten.model_copy(update={"files": sweep(log, declared_objects(named), before)})


def drop(folder: Path, before: datetime) -> Dropped:
    """Archived events of incidents closed before dropped, as the owner. See `workers.store.retention`."""
    from workers.store.retention import drop as move  # noqa: PLC0415
    from workers.store.signature import signing_key  # noqa: PLC0415

    named = environment()
    owner = owner_engine(named.owner())
    try:
        return move(_log(named), owner, folder, before, signing_key(named))
    finally:
        owner.dispose()


def unfit() -> str | None:
    """Why the named store cannot be worked with by this release, in a sentence; None where it can."""
    from workers.store.connection import role_of  # noqa: PLC0415
    from workers.store.fit import unfit as of  # noqa: PLC0415

    named = environment()
    found = of(named.database(), role_of(named.workspace))
    return str(found) if found else None


def _witnesses(named: Settings) -> Mapping[str, Witness]:
    """Those that are declared here; none where nothing is, as at an auditor's."""
    from workers.declaration.current import recommender  # noqa: PLC0415

    return recommender(named.config, own=False).witness if named.config.exists() else {}


def _around(named: Settings) -> Surroundings:
    from workers.environment.settings import surroundings  # noqa: PLC0415
    from workers.witnesses.kind import Surroundings  # noqa: PLC0415

    return Surroundings(surroundings(), named.var)


def _log(named: Settings) -> Engine:
    if why := unfit():
        raise ConfigurationError(why)
    return engine(named.database(), named.workspace)


def _trusted(key: str | None) -> str | None:
    from workers.store.signature import read_public  # noqa: PLC0415

    return None if key is None else read_public(key)
