"""
Up to which event nothing is sealed is itself sealed: by `recsysops migrate`, with the key that the database
does not hold.
"""

from __future__ import annotations

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE before_seals ADD COLUMN seal bytea")


def downgrade() -> None:
    op.execute("ALTER TABLE before_seals DROP COLUMN seal")
