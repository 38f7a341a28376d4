"""Incidents by status and severity, one page at a time: one index in place of two."""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("CREATE INDEX cards_by_page ON cards (workspace, status, severity, number)")
    op.execute("DROP INDEX cards_status, cards_severity")


def downgrade() -> None:
    op.execute("CREATE INDEX cards_status ON cards (workspace, status, number)")
    op.execute("CREATE INDEX cards_severity ON cards (workspace, severity, number)")
    op.execute("DROP INDEX cards_by_page")
