"""
The time to detect by its second definition: where no onset was dated, from the start of the first window that
was found; none for predicted incidents.
"""

from __future__ import annotations

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_TOOK = """
UPDATE cards SET to_detect = greatest(0, (1000000 * extract(epoch FROM opened_at - began))::bigint)
FROM (
    SELECT workspace, stream, {began} AS began FROM (
        SELECT workspace, stream, incident::jsonb AS card FROM cards
    ) AS every WHERE coalesce(card ->> 'resolved_how', '') <> 'false_alarm' {only}
) AS kept
WHERE kept.workspace = cards.workspace AND kept.stream = cards.stream AND began IS NOT NULL
"""
ONSET = "(card ->> 'onset_at')::timestamptz"
FORGET = "UPDATE cards SET to_detect = NULL"
NOW = _TOOK.format(
    began=f"coalesce({ONSET}, (card -> 'first_finding' ->> 'window_start')::timestamptz)",
    only="AND card ->> 'kind' <> 'predicted'",
)
BEFORE = _TOOK.format(began=ONSET, only="")


def upgrade() -> None:
    for statement in (FORGET, NOW):
        op.execute(statement)


def downgrade() -> None:
    for statement in (FORGET, BEFORE):
        op.execute(statement)
