"""
What the processes remember: how far each follower has come and what it set aside, how often an obligation was
tried, pictures, what the checks learned, and who is behind a pseudonym.

That is not in the log, so that it can be forgotten while the log stays as it is.
"""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

OURS = "workspace_in_force()"
# Beyond these no program could read them, and one such row would keep a whole table from being read.
READABLE = "CHECK ({0} > '0001-01-02 UTC' AND {0} < '9999-12-30 UTC')"

TABLES = {
    "followers": f"""
        name text, position bigint NOT NULL, paused boolean NOT NULL DEFAULT false,
        failures integer NOT NULL DEFAULT 0, trouble text,
        moved_at timestamptz NOT NULL DEFAULT now() {READABLE.format("moved_at")}, seal bytea,
        PRIMARY KEY (workspace, name)""",
    "set_aside": f"""
        follower text, position bigint, trouble text NOT NULL,
        set_aside_at timestamptz NOT NULL {READABLE.format("set_aside_at")}, incident text NOT NULL,
        again boolean NOT NULL DEFAULT false, PRIMARY KEY (workspace, follower, position)""",
    "attempts": f"""
        event_id text, kind text, stream text NOT NULL, issued integer NOT NULL, begun integer NOT NULL,
        next_at timestamptz NOT NULL {READABLE.format("next_at")}, trouble text, seal bytea,
        PRIMARY KEY (workspace, event_id, kind)""",
    "attachments": f"""
        digest text, media_type text NOT NULL, bytes bytea NOT NULL,
        kept_at timestamptz NOT NULL {READABLE.format("kept_at")}, PRIMARY KEY (workspace, digest)""",
    "memory": f"""
        name text, value text NOT NULL, kept_at timestamptz NOT NULL {READABLE.format("kept_at")},
        PRIMARY KEY (workspace, name)""",
    "people": """
        person text, known_as text NOT NULL, PRIMARY KEY (workspace, person),
        CONSTRAINT people_known_as_key UNIQUE (workspace, known_as)""",
}


def upgrade() -> None:
    for table, columns in TABLES.items():
        op.execute(f"CREATE TABLE {table} (workspace text NOT NULL DEFAULT {OURS}, {columns})")
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(
            f"CREATE POLICY ours ON {table} USING (workspace = {OURS}) WITH CHECK (workspace = {OURS})"
        )
        # A pseudonym is given once, and can only be forgotten.
        may = "SELECT, INSERT, DELETE" if table == "people" else "SELECT, INSERT, UPDATE, DELETE"
        op.execute(f"GRANT {may} ON {table} TO recsysops_app")


def downgrade() -> None:
    raise NotImplementedError("who is behind a pseudonym is kept nowhere else; restore a backup instead")
