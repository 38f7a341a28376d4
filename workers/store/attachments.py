"""Pictures named by their content: storing the same one twice keeps it once."""

from __future__ import annotations

from hashlib import sha256

from sqlalchemy import Engine, select
from sqlalchemy.dialects.postgresql import insert

from workers.environment import clock
from workers.store.tables import AttachmentRow

_ATTACHMENTS = AttachmentRow.__table__  # type: ignore[attr-defined]


def keep(log: Engine, content: bytes, media_type: str = "image/png") -> str:
    """Store a picture and return its digest (64 hexadecimal digits)."""
    digest = sha256(content).hexdigest()
    row = {"digest": digest, "media_type": media_type, "bytes": content, "kept_at": clock.now()}
    with log.begin() as connection:
        connection.execute(insert(_ATTACHMENTS).values(row).on_conflict_do_nothing())
    return digest


def find(log: Engine, digest: str) -> tuple[bytes, str] | None:
    """The picture with this digest and its media type, or None."""
    query = select(_ATTACHMENTS.c.bytes, _ATTACHMENTS.c.media_type).where(_ATTACHMENTS.c.digest == digest)
    with log.connect() as connection:
        row = connection.execute(query).first()
    return (bytes(row.bytes), row.media_type) if row else None
