"""
The tables, as typed rows. Alembic creates them (migrations/); these classes only read and write them.

`data` and `incident` are JSON kept as text: the hash covers exactly these bytes, and decoding text with
orjson is nearly twice as fast as the driver's own jsonb.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import BigInteger, DateTime, Identity, LargeBinary, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel


def _moment(**options: Any) -> Any:
    return Field(sa_type=DateTime(timezone=True), **options)


def _workspace(**options: Any) -> Any:
    """Filled in by the database from the connection, which cannot see other workspaces' rows."""
    ours = text("workspace_in_force()")
    return Field(default=None, nullable=False, sa_column_kwargs={"server_default": ours}, **options)


class EventRow(SQLModel, table=True):
    """One fact. Never updated or deleted: the database itself refuses. `rules` is the revision of the
    rules that decided it, `seal` proves that they did; without both, this program did not write it."""

    __tablename__: ClassVar[str] = "events"

    id: int | None = Field(
        default=None, primary_key=True, sa_type=BigInteger, sa_column_args=[Identity(always=True)]
    )
    workspace: str | None = _workspace()
    stream: str
    version: int
    wire_name: str
    schema_version: int
    data: str = Field(sa_type=Text)
    actor_kind: str
    actor: str
    cause: str | None = None
    at: datetime = _moment()
    key: str
    part: int
    hash: bytes = Field(sa_type=LargeBinary)
    rules: int | None = None
    seal: bytes | None = Field(default=None, sa_type=LargeBinary)


class LogRow(SQLModel, table=True):
    """The order of the events, written only by PostgreSQL's `number_events`, once they are committed."""

    __tablename__: ClassVar[str] = "log"

    workspace: str | None = _workspace(primary_key=True)
    position: int = Field(primary_key=True, sa_type=BigInteger)
    event_id: int = Field(sa_type=BigInteger)
    hash: bytes = Field(sa_type=LargeBinary)


class ArchiveRow(SQLModel, table=True):
    """A file that closed incidents' events were moved into. `manifest`: what was signed for it, as JSON."""

    __tablename__: ClassVar[str] = "archives"

    workspace: str | None = _workspace(primary_key=True)
    name: str = Field(primary_key=True)
    manifest: str = Field(sa_type=Text)


class ArchivedRow(SQLModel, table=True):
    """What replaces an event in the log that was moved away: its place and its hash."""

    __tablename__: ClassVar[str] = "archived"

    workspace: str | None = _workspace(primary_key=True)
    position: int = Field(primary_key=True, sa_type=BigInteger)
    event_id: int = Field(sa_type=BigInteger)
    stream: str
    version: int
    hash: bytes = Field(sa_type=LargeBinary)
    archive: str


class CardRow(SQLModel, table=True):
    """
    The fold of a stream, written in the transaction of its events.

    The summed values have columns of their own: `obligations` (kind → event, since), `to_…` in microseconds.
    `due_at` is when the clock checks it next, `follow_up_due` when the follow-up is to be done. PostgreSQL
    makes `found_by` from `incident`, for `workers.store.related`; nobody can write it.
    """

    __tablename__: ClassVar[str] = "cards"

    workspace: str | None = _workspace(primary_key=True)
    stream: str = Field(primary_key=True)
    number: int
    status: str
    severity: str
    fingerprint: str
    opened_at: datetime = _moment()
    owes: bool
    expires_at: datetime | None = _moment(default=None)
    follow_up_due: datetime | None = _moment(default=None)
    version: int
    incident: str = Field(sa_type=Text)
    shape: str
    unscored: bool
    due_at: datetime | None = _moment(default=None)
    obligations: str = Field(sa_type=Text)
    to_detect: int | None = Field(default=None, sa_type=BigInteger)
    to_acknowledge: int | None = Field(default=None, sa_type=BigInteger)
    to_diagnose: int | None = Field(default=None, sa_type=BigInteger)
    to_mitigate: int | None = Field(default=None, sa_type=BigInteger)
    to_resolve: int | None = Field(default=None, sa_type=BigInteger)
    found_by: dict[str, Any] | None = Field(default=None, sa_type=JSONB)
    seal: bytes | None = Field(default=None, sa_type=LargeBinary)


class FollowerRow(SQLModel, table=True):
    """How far a follower has come; sealed, so that nobody else can move it."""

    __tablename__: ClassVar[str] = "followers"

    workspace: str | None = _workspace(primary_key=True)
    name: str = Field(primary_key=True)
    position: int = Field(sa_type=BigInteger)
    paused: bool = False
    failures: int = 0
    trouble: str | None = Field(default=None, sa_type=Text)
    moved_at: datetime = _moment()
    seal: bytes | None = Field(default=None, sa_type=LargeBinary)


class SetAsideRow(SQLModel, table=True):
    """An event that a follower could not handle. `again`: somebody asked for another try."""

    __tablename__: ClassVar[str] = "set_aside"

    workspace: str | None = _workspace(primary_key=True)
    follower: str = Field(primary_key=True)
    position: int = Field(primary_key=True, sa_type=BigInteger)
    trouble: str = Field(sa_type=Text)
    set_aside_at: datetime = _moment()
    incident: str
    again: bool = False


class AttachmentRow(SQLModel, table=True):
    """A picture, named by the SHA-256 of its bytes."""

    __tablename__: ClassVar[str] = "attachments"

    workspace: str | None = _workspace(primary_key=True)
    digest: str = Field(primary_key=True)
    media_type: str
    bytes: bytes
    kept_at: datetime = _moment()


class MemoryRow(SQLModel, table=True):
    """What a job remembers between two runs, as JSON under a name."""

    __tablename__: ClassVar[str] = "memory"

    workspace: str | None = _workspace(primary_key=True)
    name: str = Field(primary_key=True)
    value: str = Field(sa_type=Text)
    kept_at: datetime = _moment()


class AttemptRow(SQLModel, table=True):
    """
    An obligation's progress.

    `issued` counts how often it was handed to the workers, `begun` how often one began since it last came to
    an end (so one that nobody heard of again counts too), `next_at` is when to hand it over again; `seal`
    covers `begun` and `trouble`.
    """

    __tablename__: ClassVar[str] = "attempts"

    workspace: str | None = _workspace(primary_key=True)
    event_id: str = Field(primary_key=True)
    kind: str = Field(primary_key=True)
    stream: str
    issued: int
    begun: int
    next_at: datetime = _moment()
    trouble: str | None = Field(default=None, sa_type=Text)
    seal: bytes | None = Field(default=None, sa_type=LargeBinary)


class PersonRow(SQLModel, table=True):
    """Who is behind a pseudonym: their outside id (`slack:U123`)."""

    __tablename__: ClassVar[str] = "people"

    workspace: str | None = _workspace(primary_key=True)
    person: str = Field(primary_key=True)
    known_as: str
