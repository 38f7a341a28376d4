"""
Who is behind a pseudonym, beside the log, so that it can be forgotten while the log stays as it is.

Events that were written before keep the ids that people have outside.
"""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

OURS = "current_setting('recsysops.workspace')"

PEOPLE = (
    f"""CREATE TABLE people (
        workspace text NOT NULL DEFAULT {OURS}, person text, known_as text NOT NULL,
        CONSTRAINT people_pkey PRIMARY KEY (workspace, person),
        CONSTRAINT people_known_as_key UNIQUE (workspace, known_as))""",
    "ALTER TABLE people ENABLE ROW LEVEL SECURITY",
    f"CREATE POLICY ours ON people USING (workspace = {OURS}) WITH CHECK (workspace = {OURS})",
    "GRANT SELECT, INSERT, DELETE ON people TO recsysops_app",
)


def upgrade() -> None:
    for statement in PEOPLE:
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("who is behind a pseudonym is kept nowhere else; restore a backup instead")
