"""
Events are numbered after they commit; each workspace is a log of its own; the program runs under a role
that can add to the log and not change it.

A writer inserts its events and their ids into `pending`. Whoever reads next calls `number_events`, which
moves what is pending, and so committed, into `log` under the next positions and chains it there. What has no
number is not visible to followers, so no gap can fill later, and writers never wait for one another.
"""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

OURS = "current_setting('recsysops.workspace')"
RULE = f"(workspace = {OURS})"
KEPT = ("cards", "followers", "attachments", "memory", "attempts")

# Asked first: who may not create roles may still find it made by somebody who may.
ROLE = """
DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'recsysops_app') THEN
        CREATE ROLE recsysops_app NOLOGIN;
    END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
END $$
"""

EVENTS = (
    "ALTER TABLE events RENAME COLUMN position TO id",
    "ALTER TABLE events ADD COLUMN workspace text NOT NULL DEFAULT 'main'",
    "ALTER TABLE events DROP CONSTRAINT events_stream_version_key, DROP CONSTRAINT events_key_part_key",
    """ALTER TABLE events
        ADD CONSTRAINT events_stream_version_key UNIQUE (workspace, stream, version),
        ADD CONSTRAINT events_key_part_key UNIQUE (workspace, key, part)""",
)

LOG = (
    """CREATE TABLE log (
        workspace text, position bigint, event_id bigint NOT NULL, hash bytea NOT NULL,
        CONSTRAINT log_pkey PRIMARY KEY (workspace, position))""",
    f"""CREATE TABLE pending (workspace text NOT NULL DEFAULT {OURS}, event_id bigint NOT NULL)
        WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000)""",
    """CREATE TRIGGER the_log_is_never_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON log
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_events()""",
)

CHAIN = (
    """CREATE FUNCTION chain_link(so_far bytea, before bytea, link bytea) RETURNS bytea
        LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT sha256(coalesce(so_far, before) || link) $$""",
    "CREATE AGGREGATE chain(before bytea, link bytea) (sfunc = chain_link, stype = bytea)",
)

# The lock is tried, not waited for: whoever holds it is doing this very work.
NUMBER = """
CREATE FUNCTION number_events(most integer DEFAULT 10000) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    ours   text := current_setting('recsysops.workspace');
    newest log%ROWTYPE;
    moved  integer;
BEGIN
    IF NOT pg_try_advisory_xact_lock(5270001, hashtext(ours)) THEN
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
    FROM taken JOIN events ON events.id = taken.event_id
    WINDOW in_order AS (ORDER BY taken.event_id);
    GET DIAGNOSTICS moved = ROW_COUNT;
    RETURN moved;
END $$
"""

NUMBER_WHAT_THERE_IS = (
    """INSERT INTO log (workspace, position, event_id, hash)
        SELECT workspace, row_number() OVER in_order, id, chain('', hash) OVER in_order
        FROM events WINDOW in_order AS (ORDER BY id)""",
    # The old positions had gaps where a transaction had been rolled back.
    "UPDATE followers SET position = (SELECT count(*) FROM events WHERE id <= followers.position)",
)

CARDS = (
    "ALTER TABLE cards DROP CONSTRAINT cards_pkey, DROP CONSTRAINT cards_number_key",
    """ALTER TABLE cards ADD CONSTRAINT cards_pkey PRIMARY KEY (workspace, stream),
        ADD CONSTRAINT cards_number_key UNIQUE (workspace, number)""",
    """ALTER TABLE cards ADD COLUMN shape text NOT NULL DEFAULT '',
        ADD COLUMN unscored boolean NOT NULL DEFAULT false""",
    """UPDATE cards SET unscored = true
        WHERE incident::jsonb ->> 'kind' = 'predicted' AND incident::jsonb ->> 'score' IS NULL""",
    "ALTER TABLE cards ALTER COLUMN shape DROP DEFAULT, ALTER COLUMN unscored DROP DEFAULT",
    "DROP INDEX cards_fingerprint, cards_status, cards_to_remind",
    "CREATE INDEX cards_fingerprint ON cards (workspace, fingerprint, number)",
    "CREATE INDEX cards_status ON cards (workspace, status, number)",
    "CREATE INDEX cards_severity ON cards (workspace, severity, number)",
    "CREATE INDEX cards_to_remind ON cards (workspace, number) WHERE owes OR expires_at IS NOT NULL",
    "CREATE INDEX cards_unscored ON cards (workspace, number) WHERE unscored",
)

KEYS = {
    "followers": "name",
    "attachments": "digest",
    "memory": "name",
    "attempts": "event_id, kind",
}

GRANTS = (
    "GRANT SELECT, INSERT ON events, pending TO recsysops_app",
    "GRANT SELECT ON log, alembic_version TO recsysops_app",
    f"GRANT SELECT, INSERT, UPDATE, DELETE ON {', '.join(KEPT)} TO recsysops_app",
    "REVOKE ALL ON FUNCTION number_events FROM PUBLIC",
    "GRANT EXECUTE ON FUNCTION number_events TO recsysops_app",
)


def upgrade() -> None:
    for statement in (ROLE, *EVENTS, *LOG, *CHAIN, *NUMBER_WHAT_THERE_IS, NUMBER):
        op.execute(statement)
    for table in KEPT:
        op.execute(f"ALTER TABLE {table} ADD COLUMN workspace text NOT NULL DEFAULT 'main'")
    for statement in CARDS:
        op.execute(statement)
    for table, key in KEYS.items():
        op.execute(f"ALTER TABLE {table} DROP CONSTRAINT {table}_pkey")
        op.execute(f"ALTER TABLE {table} ADD PRIMARY KEY (workspace, {key})")
    for table in ("events", *KEPT):
        op.execute(f"ALTER TABLE {table} ALTER COLUMN workspace SET DEFAULT {OURS}")
    for table in ("events", "log", "pending", *KEPT):
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(
            f"CREATE POLICY ours ON {table} USING (workspace = {OURS}) WITH CHECK (workspace = {OURS})"
        )
    for statement in GRANTS:
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("the log is never taken away; restore a backup instead")
