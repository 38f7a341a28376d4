"""
Each incident's card: a fold of its events, with what is sorted, summed or searched in columns of its own, so
that nobody has to read a card for it.

`due_at` is when the clock looks at a card next, `obligations` what is outstanding, as the text that
PostgreSQL makes of such a value; what a step took is in microseconds. `found_by` is made by PostgreSQL from
the card's JSON, which the seal covers, so nobody can write one that does not follow from it.
"""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

OURS = "workspace_in_force()"
STEPS = ("to_detect", "to_acknowledge", "to_diagnose", "to_mitigate", "to_resolve")

# Immutable, though PostgreSQL cannot know it of times in general: these are in UTC and say so.
# What is no card is found by nothing: anybody may write such a row, and no query may fail because of it.
FOUND_BY = r"""
CREATE FUNCTION card_found_by(incident text) RETURNS jsonb
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    card    jsonb;
    opening jsonb;
    latest  jsonb;
    cause   jsonb;
    fix     jsonb;
    joined  jsonb;
BEGIN
    card := replace(incident, '\u0000', '\ufffd')::jsonb;
    opening := card -> 'first_finding';
    latest := card -> 'finding';
    cause := card -> 'diagnosis';
    IF card -> 'hotfix' ->> 'stage' IN (
        'approved', 'applied', 'widening', 'verified', 'refuted', 'reverting', 'revert_failed')
    THEN
        fix := jsonb_path_query_first(
            card, '$.menu[*] ? (@.key == $key)', jsonb_build_object('key', card -> 'hotfix' -> 'option'));
    END IF;
    IF card ? 'also' THEN
        SELECT jsonb_agg(left(encode(sha256(convert_to(
            (one ->> 'check') || E'\x1f' || (one ->> 'table')
            || coalesce((
                SELECT string_agg(E'\x1f' || (pair ->> 0) || '=' || (pair ->> 1), '' ORDER BY place)
                FROM jsonb_array_elements(one -> 'slice') WITH ORDINALITY AS pairs (pair, place)), '')
            || E'\x1f' || coalesce(one ->> 'subject', ''), 'UTF8')), 'hex'), 16))
        INTO joined FROM jsonb_array_elements(card -> 'also') AS one;
    END IF;
    RETURN jsonb_strip_nulls(jsonb_build_object(
        'joined', joined,
        'finding', CASE WHEN opening IS NOT NULL AND latest IS NOT NULL THEN jsonb_build_object(
            'kind', coalesce(opening ->> 'kind', 'detected'),
            'table', opening -> 'table',
            'unit', coalesce(opening ->> 'unit', 'rows'),
            'subject', opening -> 'subject',
            'slice', coalesce(opening -> 'slice', '[]'),
            'lacks', coalesce((latest ->> 'unit') = 'seconds'
                OR (latest ->> 'observed')::float8 / nullif((latest ->> 'expected')::float8, 0) < 1, false),
            'began', extract(epoch FROM (opening ->> 'window_start')::timestamptz),
            'from', extract(epoch FROM (latest ->> 'window_start')::timestamptz),
            'until', extract(epoch FROM (latest ->> 'window_end')::timestamptz)) END,
        'cause', CASE WHEN cause ->> 'object' IS NOT NULL THEN jsonb_build_object(
            'kind', coalesce(cause ->> 'cause_kind', 'unknown'),
            'object', cause -> 'object',
            'place', coalesce(cause -> 'place', '[]')) END,
        'hotfix', CASE WHEN fix IS NOT NULL THEN jsonb_build_object(
            'deployer', fix -> 'deployer',
            'name', fix -> 'hotfix',
            'version', coalesce(fix -> 'parameters' ? 'version', false),
            'feature', fix -> 'parameters' -> 'feature',
            'items', CASE WHEN jsonb_typeof(fix -> 'parameters' -> 'items') = 'array'
                THEN fix -> 'parameters' -> 'items' END) END));
EXCEPTION WHEN OTHERS THEN
    RETURN NULL;
END $$
"""

# Beyond these no program could read them, and one such row would keep a whole table from being read.
READABLE = "CHECK ({0} > '0001-01-02 UTC' AND {0} < '9999-12-30 UTC')"

TABLE = f"""
CREATE TABLE cards (
    workspace text NOT NULL DEFAULT {OURS}, stream text, number integer NOT NULL CHECK (number > 0),
    status text NOT NULL, severity text NOT NULL, fingerprint text NOT NULL,
    opened_at timestamptz NOT NULL {READABLE.format("opened_at")}, owes boolean NOT NULL,
    expires_at timestamptz {READABLE.format("expires_at")},
    follow_up_due timestamptz {READABLE.format("follow_up_due")}, version integer NOT NULL,
    incident text NOT NULL, shape text NOT NULL, unscored boolean NOT NULL,
    due_at timestamptz {READABLE.format("due_at")},
    obligations text NOT NULL DEFAULT '{{}}' CHECK (jsonb_typeof(obligations::jsonb) = 'object'),
    {", ".join(f"{step} bigint" for step in STEPS)}, seal bytea,
    found_by jsonb GENERATED ALWAYS AS (card_found_by(incident)) STORED,
    CONSTRAINT cards_pkey PRIMARY KEY (workspace, stream),
    CONSTRAINT cards_number_key UNIQUE (workspace, number))
"""

INDEXES = (
    "CREATE INDEX cards_fingerprint ON cards (workspace, fingerprint, number)",
    "CREATE INDEX cards_to_remind ON cards (workspace, number) WHERE owes OR expires_at IS NOT NULL",
    "CREATE INDEX cards_unscored ON cards (workspace, number) WHERE unscored",
    "CREATE INDEX cards_by_page ON cards (workspace, status, severity, number)",
    "CREATE INDEX cards_due ON cards (workspace, due_at) WHERE due_at IS NOT NULL",
    f"CREATE INDEX cards_took ON cards (workspace, opened_at) INCLUDE ({', '.join(STEPS)})",
    "CREATE INDEX cards_in_force ON cards (workspace, expires_at, number) WHERE expires_at IS NOT NULL",
    "CREATE INDEX cards_to_follow_up ON cards (workspace, follow_up_due, number DESC) "
    "WHERE follow_up_due IS NOT NULL",
    "CREATE INDEX cards_with_a_hotfix ON cards (workspace, number) WHERE found_by ? 'hotfix'",
)

RIGHTS = (
    "ALTER TABLE cards ENABLE ROW LEVEL SECURITY",
    f"CREATE POLICY ours ON cards USING (workspace = {OURS}) WITH CHECK (workspace = {OURS})",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON cards TO recsysops_app",
)


def upgrade() -> None:
    for statement in (FOUND_BY, TABLE, *INDEXES, *RIGHTS):
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP TABLE cards")
    op.execute("DROP FUNCTION card_found_by")
