"""
The log, its cards, and what is kept beside them.

The trigger is what makes the log append-only for everyone who may write to it, this program included.
"""

from __future__ import annotations

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

EVENTS = """
CREATE TABLE events (
    position       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    stream         text NOT NULL,
    version        integer NOT NULL CHECK (version > 0),
    wire_name      text NOT NULL,
    schema_version integer NOT NULL,
    data           text NOT NULL,
    actor_kind     text NOT NULL,
    actor          text NOT NULL,
    cause          text,
    at             timestamptz NOT NULL,
    key            text NOT NULL,
    part           integer NOT NULL,
    hash           bytea NOT NULL,
    CONSTRAINT events_stream_version_key UNIQUE (stream, version),
    CONSTRAINT events_key_part_key UNIQUE (key, part)
)
"""

REFUSAL = """
CREATE FUNCTION refuse_change_of_events() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'events are never changed: % refused; append a correcting event instead', TG_OP
        USING ERRCODE = 'insufficient_privilege';
END
$$
"""

TRIGGER = """
CREATE TRIGGER events_are_never_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON events
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_events()
"""

CARDS = """
CREATE TABLE cards (
    stream      text CONSTRAINT cards_pkey PRIMARY KEY,
    number      integer NOT NULL CONSTRAINT cards_number_key UNIQUE,
    status      text NOT NULL,
    severity    text NOT NULL,
    fingerprint text NOT NULL,
    opened_at   timestamptz NOT NULL,
    owes        boolean NOT NULL,
    expires_at  timestamptz,
    version     integer NOT NULL,
    incident    text NOT NULL
)
"""

BESIDE = (
    "CREATE INDEX cards_fingerprint ON cards (fingerprint, number)",
    "CREATE INDEX cards_status ON cards (status)",
    "CREATE INDEX cards_to_remind ON cards (number) WHERE owes OR expires_at IS NOT NULL",
    "CREATE TABLE followers (name text PRIMARY KEY, position bigint NOT NULL)",
    """CREATE TABLE attachments (
        digest text PRIMARY KEY, media_type text NOT NULL, bytes bytea NOT NULL,
        kept_at timestamptz NOT NULL)""",
    "CREATE TABLE memory (name text PRIMARY KEY, value text NOT NULL, kept_at timestamptz NOT NULL)",
    """CREATE TABLE attempts (
        event_id text, kind text, stream text NOT NULL, issued integer NOT NULL, begun integer NOT NULL,
        next_at timestamptz NOT NULL, trouble text, PRIMARY KEY (event_id, kind))""",
)


def upgrade() -> None:
    for statement in (EVENTS, REFUSAL, TRIGGER, CARDS, *BESIDE):
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("the log is never taken away; restore a backup instead")
