"""
Cards by what they are about, so that whoever looks for one incident among thousands does not read them all.

`found_by` is made by PostgreSQL from the card's JSON, which the seal covers, so nobody can write one that
does not follow from it. `follow_up_due` is when the follow-up that is not done is due: the last day that the
column can hold if it has no date.
"""

from __future__ import annotations

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

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

COLUMNS = """
ALTER TABLE cards ADD COLUMN follow_up_due timestamptz
    CHECK (follow_up_due > '0001-01-02 UTC' AND follow_up_due < '9999-12-30 UTC'),
    ADD COLUMN found_by jsonb GENERATED ALWAYS AS (card_found_by(incident)) STORED
"""

DUE = """
UPDATE cards SET follow_up_due = coalesce((card -> 'followed' ->> 'due_at')::timestamptz, '9999-12-29 UTC')
FROM (SELECT workspace, stream, incident::jsonb AS card FROM cards WHERE owes) AS kept
WHERE kept.workspace = cards.workspace AND kept.stream = cards.stream
    AND card ->> 'followed' IS NOT NULL AND card ->> 'follow_up_ended_at' IS NULL
"""

INDEXES = (
    "CREATE INDEX cards_in_force ON cards (workspace, expires_at, number) WHERE expires_at IS NOT NULL",
    "CREATE INDEX cards_to_follow_up ON cards (workspace, follow_up_due, number DESC) "
    "WHERE follow_up_due IS NOT NULL",
    "CREATE INDEX cards_with_a_hotfix ON cards (workspace, number) WHERE found_by ? 'hotfix'",
)


def upgrade() -> None:
    for statement in (FOUND_BY, COLUMNS, DUE, *INDEXES):
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP INDEX cards_in_force, cards_to_follow_up, cards_with_a_hotfix")
    op.execute("ALTER TABLE cards DROP COLUMN found_by, DROP COLUMN follow_up_due")
    op.execute("DROP FUNCTION card_found_by")
