"""
A workspace is a role, not a setting: whoever is let into `recsysops_app_shop` works in the workspace shop,
and nothing that a client can say takes it into another one.

The setting `role` is the one thing a client says that PostgreSQL checks, by membership; it also stays what it
was inside of a function that runs with its owner's rights, where `current_user` is the owner.
"""

from __future__ import annotations

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

OURS = "workspace_in_force()"
TABLES = (
    *("events", "log", "pending", "archives", "archived", "cards", "followers", "set_aside"),
    *("people", "attachments", "memory", "attempts"),
)

# One expression, so that PostgreSQL puts it into the statements that ask: a call for each row would be felt.
# Put in there it is read by the search path of whoever asks, hence each name in full.
WORKSPACE = """
CREATE FUNCTION workspace_in_force() RETURNS text LANGUAGE sql STABLE PARALLEL SAFE
    AS $$ SELECT CASE WHEN pg_catalog.starts_with(pg_catalog.current_setting('role'), 'recsysops_app_')
                      THEN pg_catalog.substr(pg_catalog.current_setting('role'), 15) END $$
"""

# The lock is tried, not waited for: whoever holds it is doing this very work.
NUMBER = """
CREATE OR REPLACE FUNCTION number_events(most integer DEFAULT 10000) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    ours   text := workspace_in_force();
    newest log%ROWTYPE;
    moved  integer;
BEGIN
    IF ours IS NULL OR NOT pg_try_advisory_xact_lock(5270001, hashtext(ours)) THEN
        RETURN 0;
    END IF;
    SELECT * INTO newest FROM log WHERE workspace = ours ORDER BY position DESC LIMIT 1;
    WITH taken AS (
        DELETE FROM pending WHERE ctid = ANY (ARRAY(
            SELECT ctid FROM pending WHERE workspace = ours ORDER BY event_id LIMIT most))
        RETURNING event_id
    )
    INSERT INTO log (workspace, position, event_id, hash)
    SELECT ours, coalesce(newest.position, 0) + row_number() OVER in_order, taken.event_id,
           chain(coalesce(newest.hash, ''), events.hash) OVER in_order
    FROM taken JOIN events ON events.id = taken.event_id AND events.workspace = ours
    WINDOW in_order AS (ORDER BY taken.event_id);
    GET DIAGNOSTICS moved = ROW_COUNT;
    RETURN moved;
END $$
"""

# Replacing a function takes its pinned search_path away.
PINNED = """
DO $$ BEGIN
    EXECUTE format('ALTER FUNCTION number_events(integer) SET search_path = %I, pg_temp', current_schema());
END $$
"""


def upgrade() -> None:
    op.execute(WORKSPACE)
    for table in TABLES:
        op.execute(f"ALTER POLICY ours ON {table} USING (workspace = {OURS}) WITH CHECK (workspace = {OURS})")
    # An owner has no workspace of its own and has to name the one that is meant.
    for table in set(TABLES) - {"log"}:
        op.execute(f"ALTER TABLE {table} ALTER COLUMN workspace SET DEFAULT {OURS}")
    for statement in (NUMBER, PINNED):
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("the log is never taken away; restore a backup instead")
