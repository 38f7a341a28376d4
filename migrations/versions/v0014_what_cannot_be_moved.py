"""
What the program's role or the owner of the tables could have moved.

Up to which event nothing is sealed, and what was remembered so far, is sealed by `recsysops migrate`, with
the key that the database does not hold; the incident opened last is found by its event, not by a card.
"""

from __future__ import annotations

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

STATEMENTS = (
    "ALTER TABLE before_seals ADD COLUMN seal bytea",
    "ALTER TABLE attempts ADD COLUMN seal bytea",
    # Only the owner may look at it: what the program's role writes from now on is not among it.
    """CREATE TABLE memory_before_seals (
        workspace text NOT NULL, name text, value text NOT NULL,
        CONSTRAINT memory_before_seals_pkey PRIMARY KEY (workspace, name))""",
    "INSERT INTO memory_before_seals SELECT workspace, name, value FROM memory",
    "ALTER TABLE memory_before_seals ENABLE ROW LEVEL SECURITY",
    """CREATE POLICY ours ON memory_before_seals
        USING (workspace = workspace_in_force()) WITH CHECK (workspace = workspace_in_force())""",
    "DELETE FROM cards WHERE number < 1",  # of no incident
    "ALTER TABLE cards ADD CHECK (number > 0)",
    # Whatever somebody wrote before must not keep this from being added: such a card is made again.
    "ALTER TABLE cards ADD CHECK (jsonb_typeof(debts::jsonb) = 'object') NOT VALID",
    "CREATE INDEX events_opened ON events (workspace, id) WHERE wire_name = 'incident.opened'",
)

PLAIN = """
UPDATE memory SET value = (value::jsonb -> 'said')::text
WHERE name <> 'slack.groups' AND name NOT LIKE 'people.%'
"""


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    for table in ("before_seals", "attempts"):
        op.execute(f"ALTER TABLE {table} DROP COLUMN seal")
    op.execute("ALTER TABLE cards DROP CONSTRAINT cards_number_check, DROP CONSTRAINT cards_debts_check")
    op.execute("DROP INDEX events_opened")
    op.execute("DROP TABLE memory_before_seals")
    op.execute(PLAIN)
