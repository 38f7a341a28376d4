"""
The log: append-only for everyone who may write to it, this program included.

A writer appends through `append_event` or `append_events`, the only way into `events` and `pending`: they
make the hash again from the columns, want it to follow the previous hash in its stream, and queue the event
for its number exactly once. Whoever reads next calls `number_events`, which moves what is pending, and so
committed, into `log` under the next positions and chains it there. What has no number is not visible to
followers, so no gap can fill later, and writers never wait for one another.

What the functions cannot know is whether a rule decided an event; `seal` says so, made with a key that the
database does not hold. `rules` is the revision of the rules that decided. `known_keys` holds the public
halves of the keys that an installation seals with.

A workspace is a role, not a setting: whoever is let into `recsysops_app_shop` works in the workspace shop,
and nothing that a client can say takes it into another one. The setting `role` is the one thing a client says
that PostgreSQL checks, by membership; it also stays what it was inside a function that runs with its owner's
rights, where `current_user` is the owner.
"""

from __future__ import annotations

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

OURS = "workspace_in_force()"

# Asked first: who may not create roles may still find it made by somebody who may.
ROLE = """
DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'recsysops_app') THEN
        CREATE ROLE recsysops_app NOLOGIN;
    END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
END $$
"""

# One expression, so that PostgreSQL puts it into the statements that ask: a call for each row would be felt.
# Put in there it is read by the search path of whoever asks, hence each name in full.
WORKSPACE = """
CREATE FUNCTION workspace_in_force() RETURNS text LANGUAGE sql STABLE PARALLEL SAFE
    AS $$ SELECT CASE WHEN pg_catalog.starts_with(pg_catalog.current_setting('role'), 'recsysops_app_')
                      THEN pg_catalog.substr(pg_catalog.current_setting('role'), 15) END $$
"""

# The unique indexes do not begin with the workspace where the rest of the key tells more: a connection that
# planned `append_event` while the log was new would look for the previous event by the wrong one.
TABLES = (
    f"""CREATE TABLE events (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, workspace text NOT NULL DEFAULT {OURS},
        stream text NOT NULL, version integer NOT NULL CHECK (version > 0), wire_name text NOT NULL,
        schema_version integer NOT NULL, data text NOT NULL, actor_kind text NOT NULL, actor text NOT NULL,
        cause text, at timestamptz NOT NULL, key text NOT NULL, part integer NOT NULL, hash bytea NOT NULL,
        rules integer, seal bytea,
        CONSTRAINT events_stream_version_key UNIQUE (workspace, stream, version),
        CONSTRAINT events_key_part_key UNIQUE (key, part, workspace))""",
    f"""CREATE TABLE pending (
        workspace text NOT NULL DEFAULT {OURS}, event_id bigint CONSTRAINT pending_pkey PRIMARY KEY)
        WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000)""",
    # An owner has no workspace of its own and has to name the one that is meant.
    """CREATE TABLE log (
        workspace text, position bigint, event_id bigint NOT NULL, hash bytea NOT NULL,
        CONSTRAINT log_pkey PRIMARY KEY (workspace, position))""",
    f"""CREATE TABLE known_keys (
        workspace text NOT NULL DEFAULT {OURS}, public_key text,
        known_since timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT known_keys_pkey PRIMARY KEY (workspace, public_key))""",
    "CREATE INDEX events_opened ON events (workspace, id) WHERE wire_name = 'incident.opened'",
)

REFUSAL = """
CREATE FUNCTION refuse_change_of_events() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'events are never changed: % refused; append a correcting event instead', TG_OP
        USING ERRCODE = 'insufficient_privilege';
END
$$
"""

TRIGGERS = (
    """CREATE TRIGGER events_are_never_changed BEFORE UPDATE OR TRUNCATE ON events
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_events()""",
    """CREATE TRIGGER the_log_is_never_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON log
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_events()""",
)

CHAIN = (
    """CREATE FUNCTION chain_link(so_far bytea, before bytea, link bytea) RETURNS bytea
        LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT sha256(coalesce(so_far, before) || link) $$""",
    "CREATE AGGREGATE chain(before bytea, link bytea) (sfunc = chain_link, stype = bytea)",
)

# Byte for byte what `workers.store.log.chain` hashes: a test holds the two against each other.
HASH = """
CREATE FUNCTION event_hash(
    before bytea, actor text, actor_kind text, at timestamptz, cause text, data text, key text, part integer,
    schema_version integer, stream text, version integer, wire_name text) RETURNS bytea
    LANGUAGE sql STABLE PARALLEL SAFE AS $$
SELECT sha256(before || convert_to(
    '{"actor":' || to_json(actor)::text || ',"actor_kind":' || to_json(actor_kind)::text
    || ',"at":"' || to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US') || '+00:00"'
    || ',"cause":' || coalesce(to_json(cause)::text, 'null') || ',"data":' || to_json(data)::text
    || ',"key":' || to_json(key)::text || ',"part":' || part || ',"schema_version":' || schema_version
    || ',"stream":' || to_json(stream)::text || ',"version":' || version
    || ',"wire_name":' || to_json(wire_name)::text || '}', 'UTF8'))
$$
"""

# A version or a key that is taken is a conflict, by the constraint that says so; all else is refused.
ONE = """
CREATE FUNCTION append_event(
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

# The lock is tried, not waited for: whoever holds it is doing this very work.
NUMBER = """
CREATE FUNCTION number_events(most integer DEFAULT 10000) RETURNS integer
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

# Which schema is ours is settled now, and a session's own temporary tables come last: whoever calls a
# function with its owner's rights must not be able to put tables of their own in the way.
PINNED = """
DO $$ BEGIN
    EXECUTE format('ALTER FUNCTION append_event SET search_path = %I, pg_temp', current_schema());
    EXECUTE format('ALTER FUNCTION append_events SET search_path = %I, pg_temp', current_schema());
    EXECUTE format('ALTER FUNCTION number_events SET search_path = %I, pg_temp', current_schema());
    EXECUTE format('GRANT SELECT ON SEQUENCE %s TO recsysops_app', pg_get_serial_sequence('events', 'id'));
END $$
"""

RIGHTS = (
    "GRANT SELECT ON events, pending, log, known_keys, alembic_version TO recsysops_app",
    "REVOKE ALL ON FUNCTION append_event, append_events, number_events FROM PUBLIC",
    "GRANT EXECUTE ON FUNCTION append_event, append_events, number_events TO recsysops_app",
)


def upgrade() -> None:
    for statement in (
        ROLE,
        WORKSPACE,
        *TABLES,
        REFUSAL,
        *TRIGGERS,
        *CHAIN,
        HASH,
        ONE,
        SEVERAL,
        NUMBER,
        PINNED,
    ):
        op.execute(statement)
    for statement in RIGHTS:
        op.execute(statement)
    for table in ("events", "pending", "log", "known_keys"):
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(
            f"CREATE POLICY ours ON {table} USING (workspace = {OURS}) WITH CHECK (workspace = {OURS})"
        )


def downgrade() -> None:
    raise NotImplementedError("the log is never taken away; restore a backup instead")
