"""
The log grows through one function, and what a rule decided is sealed.

`append_event` is the only way into `events` and `pending`: it makes the hash again from the columns, wants it
to follow the hash before it in its stream, and puts the event in line for its number exactly once. What it
cannot know is whether a rule decided the event; `seal` says so, made with a key that the database does not
hold. `rules` is the revision of the rules that decided.

What was written before is unsealed up to the id in `before_seals`, which only the owner of the tables writes.
So does a follower stand where it stood then. `known_keys` holds the public halves of the keys that an
installation seals with.
"""

from __future__ import annotations

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

OURS = "workspace_in_force()"

COLUMNS = (
    "ALTER TABLE events ADD COLUMN rules integer, ADD COLUMN seal bytea",
    "ALTER TABLE cards ADD COLUMN seal bytea",
    "ALTER TABLE followers ADD COLUMN seal bytea",
    f"""CREATE TABLE before_seals (
        workspace text NOT NULL DEFAULT {OURS}, last_id bigint NOT NULL,
        CONSTRAINT before_seals_pkey PRIMARY KEY (workspace))""",
    f"""CREATE TABLE known_keys (
        workspace text NOT NULL DEFAULT {OURS}, public_key text,
        known_since timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT known_keys_pkey PRIMARY KEY (workspace, public_key))""",
    "INSERT INTO before_seals SELECT workspace, max(id) FROM events GROUP BY workspace",
    f"""CREATE TABLE followers_before_seals (
        workspace text NOT NULL DEFAULT {OURS}, name text, position bigint NOT NULL,
        CONSTRAINT followers_before_seals_pkey PRIMARY KEY (workspace, name))""",
    "INSERT INTO followers_before_seals SELECT workspace, name, position FROM followers",
)

# What stood in line twice, or was numbered already, would be numbered twice, and nothing could mend that.
ONCE = (
    """DELETE FROM pending AS one USING pending AS other
        WHERE one.event_id = other.event_id AND one.ctid > other.ctid""",
    "DELETE FROM pending USING log WHERE log.event_id = pending.event_id",
    "ALTER TABLE pending ADD CONSTRAINT pending_pkey PRIMARY KEY (event_id)",
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
APPEND = """
CREATE FUNCTION append_event(
    new_stream text, new_version integer, new_wire_name text, new_schema_version integer, new_data text,
    new_actor_kind text, new_actor text, new_cause text, new_at timestamptz, new_key text, new_part integer,
    new_hash bytea, new_rules integer, new_seal bytea) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER AS $$
#variable_conflict use_column
DECLARE
    ours   text := workspace_in_force();
    before events%ROWTYPE;
    new_id bigint;
BEGIN
    IF ours IS NULL THEN
        RAISE EXCEPTION 'no workspace is in force: SET ROLE to that of one'
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF new_version > 1 THEN
        SELECT * INTO before FROM events
            WHERE workspace = ours AND stream = new_stream AND version = new_version - 1;
        IF NOT FOUND THEN
            RAISE EXCEPTION '% has no version % for this event to follow', new_stream, new_version - 1
                USING ERRCODE = 'check_violation';
        END IF;
    ELSIF EXISTS (SELECT FROM archived WHERE workspace = ours AND stream = new_stream) THEN
        RAISE EXCEPTION 'the events of % are in an archive', new_stream USING ERRCODE = 'check_violation';
    END IF;
    IF new_part < 0
        OR new_part > 0 AND (before.key, before.part) IS DISTINCT FROM (new_key, new_part - 1)
    THEN
        RAISE EXCEPTION 'part % of what was written under one key does not follow the one before', new_part
            USING ERRCODE = 'check_violation';
    END IF;
    IF new_hash IS DISTINCT FROM event_hash(
        coalesce(before.hash, ''), new_actor, new_actor_kind, new_at, new_cause, new_data, new_key, new_part,
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

# Beyond these no program could read them, and one such row would keep a whole table from being read.
READABLE = {
    "cards": ("opened_at", "expires_at"),
    "followers": ("moved_at",),
    "set_aside": ("set_aside_at",),
    "attempts": ("next_at",),
    "memory": ("kept_at",),
    "attachments": ("kept_at",),
}

PINNED = """
DO $$ BEGIN
    EXECUTE format('ALTER FUNCTION append_event SET search_path = %I, pg_temp', current_schema());
END $$
"""

RIGHTS = (
    "REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON events, pending, log FROM recsysops_app",
    "REVOKE ALL ON FUNCTION append_event FROM PUBLIC",
    "GRANT EXECUTE ON FUNCTION append_event TO recsysops_app",
    "GRANT SELECT ON before_seals, followers_before_seals, known_keys TO recsysops_app",
)


def upgrade() -> None:
    for statement in (*COLUMNS, *ONCE, HASH, APPEND, PINNED):
        op.execute(statement)
    for table, moments in READABLE.items():
        for moment in moments:
            op.execute(
                f"ALTER TABLE {table} ADD CHECK ({moment} > '0001-01-02 UTC' AND {moment} < '9999-12-30 UTC')"
            )
    for table in ("before_seals", "followers_before_seals", "known_keys"):
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(
            f"CREATE POLICY ours ON {table} USING (workspace = {OURS}) WITH CHECK (workspace = {OURS})"
        )
    for statement in RIGHTS:
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("the log is never taken away; restore a backup instead")
