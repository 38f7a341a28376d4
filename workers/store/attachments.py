"""
Pictures named by their content: storing the same one twice keeps it once.

Whoever can write to the store can put other bytes under a name; these are not shown, and give way to what is
drawn again.
"""

from __future__ import annotations

from hashlib import sha256

import structlog
from sqlalchemy import Connection, Engine, delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DBAPIError

from domain.errors import LogError, sanitized
from workers.environment import clock
from workers.store.tables import AttachmentRow

_ATTACHMENTS = AttachmentRow.__table__  # type: ignore[attr-defined]
_REPLACED = "SELECT digest FROM attachments WHERE digest <> encode(sha256(bytes), 'hex') ORDER BY digest"

_log = structlog.get_logger(__name__)


def keep(log: Engine, content: bytes, media_type: str = "image/png") -> str:
    """
    Store a picture and return its digest (64 hexadecimal digits).

    Raises:
        LogError: PostgreSQL does not take it, the disk is full for instance; nothing is kept.
    """
    digest = sha256(content).hexdigest()
    row = {"digest": digest, "media_type": media_type, "bytes": content, "kept_at": clock.now()}
    statement = insert(_ATTACHMENTS).values(row)
    replaced = _ATTACHMENTS.c.bytes != statement.excluded.bytes
    anew = {"bytes": statement.excluded.bytes}
    try:
        with log.begin() as connection:
            connection.execute(
                statement.on_conflict_do_update(constraint="attachments_pkey", set_=anew, where=replaced)
            )
    except DBAPIError as error:
        raise LogError(f"the picture could not be kept: {sanitized(error)}") from error
    return digest


def find(log: Engine, digest: str) -> tuple[bytes, str] | None:
    """The picture with this digest and its media type, or None."""
    query = select(_ATTACHMENTS.c.bytes, _ATTACHMENTS.c.media_type).where(_ATTACHMENTS.c.digest == digest)
    with log.begin() as connection:
        row = connection.execute(query).first()
        if row is None:
            return None
        if sha256(row.bytes).hexdigest() == digest:
            return bytes(row.bytes), row.media_type
        connection.execute(delete(_ATTACHMENTS).where(_ATTACHMENTS.c.digest == digest))
    _log.error("picture_replaced_by_hand", digest=digest)
    return None


def replaced(connection: Connection) -> list[str]:
    """The digests of the pictures whose bytes are others."""
    return list(connection.exec_driver_sql(_REPLACED).scalars())
