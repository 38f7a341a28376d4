"""
The unique index on keys no longer begins with the workspace, as the one on streams does.

A connection that planned `append_event` while the log was new knew nothing about what either would find, and
used the one on keys to look for the previous event: it read every event of the workspace for each appended
event until statistics were gathered.
"""

from __future__ import annotations

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_AGAIN = """
ALTER TABLE events DROP CONSTRAINT events_key_part_key,
    ADD CONSTRAINT events_key_part_key UNIQUE ({columns})
"""


def upgrade() -> None:
    op.execute(_AGAIN.format(columns="key, part, workspace"))


def downgrade() -> None:
    op.execute(_AGAIN.format(columns="workspace, key, part"))
