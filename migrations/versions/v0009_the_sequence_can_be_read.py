"""The program may see where the sequence of event ids stands, to tell that somebody set it back."""

from __future__ import annotations

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

READABLE = """
DO $$ BEGIN
    EXECUTE format('GRANT SELECT ON SEQUENCE %s TO recsysops_app', pg_get_serial_sequence('events', 'id'));
END $$
"""


def upgrade() -> None:
    op.execute(READABLE)


def downgrade() -> None:
    raise NotImplementedError("the log is never taken away; restore a backup instead")
