"""
The door's other half: what operators and auditors may ask about the log itself.

Each function imports what it needs when called, so that the terminal's other commands start at once.
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
    Upgrade the store to the newest schema, as the login that owns its tables; returns the revision.

    Raises:
        ConfigurationError: no PostgreSQL is named, or a login lacks a right that is needed.
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
    """This installation's public key, in hexadecimal; a key is made if there is none yet."""
    from workers.store.signature import signing_key, spell_public  # noqa: PLC0415

    return spell_public(signing_key(environment()))


def check(file: Path, key: str | None = None) -> Checked:
    """
    Check an exported file for consistency with itself. Needs no database.

    Raises:
        Tampered: names the first line that does not fit.
    """
    from workers.store.exports.check import check as walk  # noqa: PLC0415

    return walk(file, _trusted(key))


def restore(file: Path, key: str | None = None, progress: Progress | None = None) -> Restored:
    """Load an exported file into an empty store. See `workers.log.restore`."""
    from workers.log.restore import restore as put  # noqa: PLC0415

    return put(_log(environment()), file, _trusted(key), progress)


def rebuild(progress: Progress | None = None) -> Rebuilt:
    """Rebuild the cards from the events. See `workers.store.integrity.rebuild`."""
    from workers.store.integrity.rebuild import rebuild as again  # noqa: PLC0415

    return again(_log(environment()), progress)


def verify(key: str | None = None) -> Verified:
    """
    Check hash chains, cards, followers and guards against the events.

    Raises:
        Tampered: names the first thing that does not fit.
    """
    from workers.store.integrity.verify import verify as walk  # noqa: PLC0415

    return walk(_log(environment()), _trusted(key))


def vouched(files: Iterable[Path], key: str | None = None, chat: InTheChat | None = None) -> Vouched:
    """
    Compare the log with checkpoints from files and from the declared witnesses, and all of these with each
    other. See `workers.witnesses.held`.

    Args:
        chat: reads a witness in the chat, which is impossible on this side of the door.

    Raises:
        Tampered: says what does not fit. Refused: the files hold no checkpoint of this workspace.
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
    """The checkpoints to post now for witnesses in the chat. See `workers.witnesses.hand`."""
    from workers.store.connection import own  # noqa: PLC0415
    from workers.witnesses.hand import to_post as waiting  # noqa: PLC0415

    return waiting(own(), _witnesses(environment()))


def posted(post: Post) -> None:
    """Record that a witness in the chat has this checkpoint."""
    from workers.store.connection import own  # noqa: PLC0415
    from workers.witnesses.hand import took  # noqa: PLC0415

    took(own(), post.witness, post.position)


def not_posted(post: Post, trouble: str) -> None:
    """Record that a witness in the chat did not take this checkpoint; it will be offered again."""
    from workers.store.connection import own  # noqa: PLC0415
    from workers.witnesses.hand import failed  # noqa: PLC0415

    failed(own(), post.witness, trouble)


def archive(folder: Path, before: datetime | None = None) -> list[Written]:
    """Write events of closed incidents into a folder. See `workers.store.exports.archive`."""
    from workers.store.exports.archive import archive as write  # noqa: PLC0415

    return write(_log(environment()), folder, before)


def hold(folder: Path, key: str | None = None) -> Held:
    """Compare an archive with what the log holds in its place. See `workers.store.retention`."""
    from workers.store.retention import hold as against  # noqa: PLC0415

    return against(_log(environment()), folder, _trusted(key))


def forget(before: datetime) -> Forgotten:
    """
    Remove what is not part of the log, for incidents closed before. See `workers.store.retention`, and
    `workers.bundle.sweep` for the files of bundles.
    """
    from workers.bundle.objects import declared_objects  # noqa: PLC0415
    from workers.bundle.sweep import sweep  # noqa: PLC0415
    from workers.store.retention import forget as take_away  # noqa: PLC0415

    named = environment()
    log = _log(named)
    forgotten = take_away(log, before)
    return forgotten.model_copy(update={"files": sweep(log, declared_objects(named), before)})


def drop(folder: Path, before: datetime) -> Dropped:
    """Drop archived events of incidents closed before, as the owner. See `workers.store.retention`."""
    from workers.store.retention import drop as move  # noqa: PLC0415
    from workers.store.signature import signing_key  # noqa: PLC0415

    named = environment()
    owner = owner_engine(named.owner())
    try:
        return move(_log(named), owner, folder, before, signing_key(named))
    finally:
        owner.dispose()


def unfit() -> str | None:
    """Why this release cannot work with the named store, in a sentence; None if it can."""
    from workers.store.connection import role_of  # noqa: PLC0415
    from workers.store.fit import unfit as of  # noqa: PLC0415

    named = environment()
    found = of(named.database(), role_of(named.workspace))
    return str(found) if found else None


def _witnesses(named: Settings) -> Mapping[str, Witness]:
    """The witnesses declared here; none if there is no declaration, as on an auditor's machine."""
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
