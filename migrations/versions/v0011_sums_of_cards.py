"""
What is summed over cards, and when the clock looks at one next, in columns: nobody has to read a card for it.

`debts` is the text that PostgreSQL makes of such a value, as the program writes it too; what a step took is
in microseconds.
"""

from __future__ import annotations

from alembic import op

revision = "0011"
down_revision = "0009"
branch_labels = None
depends_on = None

STEPS = {
    "to_detect": "onset_at",
    "to_acknowledge": "acknowledged_at",
    "to_diagnose": "diagnosed_at",
    "to_mitigate": "mitigated_at",
    "to_resolve": "resolved_at",
}

COLUMNS = (
    "ALTER TABLE cards ADD COLUMN due_at timestamptz "
    "CHECK (due_at > '0001-01-02 UTC' AND due_at < '9999-12-30 UTC'), "
    "ADD COLUMN debts text NOT NULL DEFAULT '{}', "
    + ", ".join(f"ADD COLUMN {name} bigint" for name in STEPS),
)

DEBTS = """
UPDATE cards SET
    due_at = CASE WHEN owes OR expires_at IS NOT NULL THEN now() END,
    debts = (coalesce(card -> 'awaits', '{}') || CASE WHEN cards.expires_at IS NULL THEN '{}' ELSE
        jsonb_build_object('expire', jsonb_build_array(
            card -> 'hotfix' -> 'event_id', card -> 'hotfix' -> 'expires_at')) END)::text
FROM (SELECT workspace, stream, incident::jsonb AS card FROM cards) AS kept
WHERE kept.workspace = cards.workspace AND kept.stream = cards.stream
"""


def _took(step: str, moment: str) -> str:
    """From the onset to the opening, and from there to each other step; none for a false alarm."""
    first, last = ("moment", "opened_at") if step == "to_detect" else ("opened_at", "moment")
    return f"""
UPDATE cards SET {step} = greatest(0, (1000000 * extract(epoch FROM {last} - {first}))::bigint)
FROM (
    SELECT workspace, stream, (incident::jsonb ->> '{moment}')::timestamptz AS moment FROM cards
    WHERE coalesce(incident::jsonb ->> 'resolved_how', '') <> 'false_alarm'
) AS kept
WHERE kept.workspace = cards.workspace AND kept.stream = cards.stream AND moment IS NOT NULL
"""  # noqa: S608 - constants


INDEXES = (
    "CREATE INDEX cards_due ON cards (workspace, due_at) WHERE due_at IS NOT NULL",
    f"CREATE INDEX cards_took ON cards (workspace, opened_at) INCLUDE ({', '.join(STEPS)})",
)


def upgrade() -> None:
    for statement in (*COLUMNS, DEBTS, *(_took(*step) for step in STEPS.items()), *INDEXES):
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP INDEX cards_due, cards_took")
    dropped = ", ".join(f"DROP COLUMN {name}" for name in ("due_at", "debts", *STEPS))
    op.execute(f"ALTER TABLE cards {dropped}")
