"""
What is drafted together is appended together: `append_events` looks up the event before once, compares the
hashes and writes. It accepts what `append_event` accepts, to which an archive is restored event by event.

`append_event` reads no more of the event before than it compares.
"""

from __future__ import annotations

from alembic import op

revision = "0016"
down_revision = "0014"
branch_labels = None
depends_on = None

# A version or a key that is taken is a conflict, by the constraint that says so; all else is refused.
ONE = """
CREATE OR REPLACE FUNCTION append_event(
    new_stream text, new_version integer, new_wire_name text, new_schema_version integer, new_data text,
    new_actor_kind text, new_actor text, new_cause text, new_at timestamptz, new_key text, new_part integer,
    new_hash bytea, new_rules integer, new_seal bytea) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER AS $$
#variable_conflict use_column
DECLARE
    ours        text := workspace_in_force();
    before_hash bytea;
    before_key  text;
    before_part integer;
    new_id      bigint;
BEGIN
    IF ours IS NULL THEN
        RAISE EXCEPTION 'no workspace is in force: SET ROLE to that of one'
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF new_version > 1 THEN
        SELECT hash, key, part INTO before_hash, before_key, before_part FROM events
            WHERE workspace = ours AND stream = new_stream AND version = new_version - 1;
        IF NOT FOUND THEN
            RAISE EXCEPTION '% has no version % for this event to follow', new_stream, new_version - 1
                USING ERRCODE = 'check_violation';
        END IF;
    ELSIF EXISTS (SELECT FROM archived WHERE workspace = ours AND stream = new_stream) THEN
        RAISE EXCEPTION 'the events of % are in an archive', new_stream USING ERRCODE = 'check_violation';
    END IF;
    IF new_part <> 0 AND (new_part < 0 OR (before_key, before_part) IS DISTINCT FROM (new_key, new_part - 1))
    THEN
        RAISE EXCEPTION 'part % of what was written under one key does not follow the one before', new_part
            USING ERRCODE = 'check_violation';
    END IF;
    IF new_hash IS DISTINCT FROM event_hash(
        coalesce(before_hash, ''), new_actor, new_actor_kind, new_at, new_cause, new_data, new_key, new_part,
        new_schema_version, new_stream, new_version, new_wire_name)
    THEN
        RAISE EXCEPTION 'the hash of version % of % does not follow from its content and the hash before it',
            new_version, new_stream USING ERRCODE = 'check_violation';
    END IF;
    INSERT INTO events (workspace, stream, version, wire_name, schema_version, data, actor_kind, actor, cause,
                        at, key, part, hash, rules, seal)
    VALUES (ours, new_stream, new_version, new_wire_name, new_schema_version, new_data, new_actor_kind,
            new_actor, new_cause, new_at, new_key, new_part, new_hash, new_rules, new_seal)
    RETURNING id INTO new_id;
    INSERT INTO pending (workspace, event_id) VALUES (ours, new_id);
    RETURN new_id;
END $$
"""

# The first is appended as one event, the others follow it: what was compared of it, they need no more.
SEVERAL = """
CREATE FUNCTION append_events(
    new_stream text, first_version integer, new_wire_names text[], new_schema_versions integer[],
    new_data text[], new_actor_kind text, new_actor text, new_cause text, new_at timestamptz, new_key text,
    new_hashes bytea, new_rules integer, new_seals bytea) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER AS $$
#variable_conflict use_column
DECLARE
    ours    text := workspace_in_force();
    written integer;
BEGIN
    PERFORM append_event(
        new_stream, first_version, new_wire_names[1], new_schema_versions[1], new_data[1], new_actor_kind,
        new_actor, new_cause, new_at, new_key, 0, substr(new_hashes, 1, 32), new_rules,
        substr(new_seals, 1, 32));
    WITH made AS (
        INSERT INTO events (workspace, stream, version, wire_name, schema_version, data, actor_kind, actor,
                            cause, at, key, part, hash, rules, seal)
        SELECT ours, new_stream, first_version + part, wire_name, schema_version, data, new_actor_kind,
               new_actor, new_cause, new_at, new_key, part, hash, new_rules,
               substr(new_seals, part * 32 + 1, 32)
        FROM unnest(new_wire_names, new_schema_versions, new_data)
                WITH ORDINALITY AS given (wire_name, schema_version, data, n),
            LATERAL (SELECT n::integer - 1, substr(new_hashes, (n::integer - 1) * 32 + 1, 32))
                AS placed (part, hash)
        WHERE part > 0 AND hash = event_hash(
            substr(new_hashes, (part - 1) * 32 + 1, 32), new_actor, new_actor_kind, new_at, new_cause, data,
            new_key, part, schema_version, new_stream, first_version + part, wire_name)
        RETURNING id)
    INSERT INTO pending (workspace, event_id) SELECT ours, id FROM made;
    GET DIAGNOSTICS written = ROW_COUNT;
    IF written + 1 <> cardinality(new_data) THEN
        RAISE EXCEPTION 'a hash of what was to follow version % of % does not follow from its content',
            first_version, new_stream USING ERRCODE = 'check_violation';
    END IF;
    RETURN written + 1;
END $$
"""

PINNED = """
DO $$ BEGIN
    EXECUTE format('ALTER FUNCTION append_event SET search_path = %I, pg_temp', current_schema());
    EXECUTE format('ALTER FUNCTION append_events SET search_path = %I, pg_temp', current_schema());
END $$
"""

RIGHTS = (
    "REVOKE ALL ON FUNCTION append_events FROM PUBLIC",
    "GRANT EXECUTE ON FUNCTION append_events TO recsysops_app",
)


def upgrade() -> None:
    for statement in (ONE, SEVERAL, PINNED, *RIGHTS):
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("the log is never taken away; restore a backup instead")
