"""
Followers that can be seen, paused and told to go over an event again; events that one could not do are set
aside, and stay there until it could.
"""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

OURS = "current_setting('recsysops.workspace')"

STATEMENTS = (
    """ALTER TABLE followers
        ADD COLUMN paused boolean NOT NULL DEFAULT false,
        ADD COLUMN failures integer NOT NULL DEFAULT 0,
        ADD COLUMN trouble text,
        ADD COLUMN moved_at timestamptz NOT NULL DEFAULT now()""",
    f"""CREATE TABLE set_aside (
        workspace text NOT NULL DEFAULT {OURS}, follower text NOT NULL, position bigint NOT NULL,
        trouble text NOT NULL, set_aside_at timestamptz NOT NULL, incident text NOT NULL,
        again boolean NOT NULL DEFAULT false, PRIMARY KEY (workspace, follower, position))""",
    "ALTER TABLE set_aside ENABLE ROW LEVEL SECURITY",
    f"CREATE POLICY ours ON set_aside USING (workspace = {OURS}) WITH CHECK (workspace = {OURS})",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON set_aside TO recsysops_app",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("the log is never taken away; restore a backup instead")
