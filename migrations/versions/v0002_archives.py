"""
Events of closed incidents may be moved into archives, by the owner alone: their place and their hash stay.

`archived` is what stands in the log for an event whose body is gone. The database takes such a row only for
an event that is there, with its own hash, of an incident that is closed; and lets an event go only where such
a row stands for it.
"""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

OURS = "workspace_in_force()"

TABLES = (
    f"""CREATE TABLE archives (
        workspace text NOT NULL DEFAULT {OURS}, name text, manifest text NOT NULL,
        CONSTRAINT archives_pkey PRIMARY KEY (workspace, name))""",
    f"""CREATE TABLE archived (
        workspace text NOT NULL DEFAULT {OURS}, position bigint, event_id bigint NOT NULL,
        stream text NOT NULL, version integer NOT NULL, hash bytea NOT NULL, archive text NOT NULL,
        CONSTRAINT archived_pkey PRIMARY KEY (workspace, position),
        CONSTRAINT archived_stream_version_key UNIQUE (workspace, stream, version),
        CONSTRAINT archived_archive_fkey FOREIGN KEY (workspace, archive) REFERENCES archives)""",
)

PINNED = """
DO $$ BEGIN
    EXECUTE format('ALTER FUNCTION require_archivable() SET search_path = %I, pg_temp', current_schema());
    EXECUTE format('ALTER FUNCTION refuse_unless_archived() SET search_path = %I, pg_temp', current_schema());
END $$
"""

GUARDS = (
    """CREATE FUNCTION require_archivable() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM FROM events JOIN log ON log.workspace = events.workspace AND log.event_id = events.id
            WHERE log.workspace = NEW.workspace AND log.position = NEW.position AND events.id = NEW.event_id
            AND (events.stream, events.version, events.hash) = (NEW.stream, NEW.version, NEW.hash);
        IF NOT FOUND THEN
            RAISE EXCEPTION 'there is no such event at position % of the log', NEW.position
                USING ERRCODE = 'insufficient_privilege';
        END IF;
        IF 'incident.closed' IS DISTINCT FROM (
            SELECT wire_name FROM events WHERE workspace = NEW.workspace AND stream = NEW.stream
            AND wire_name IN ('incident.opened', 'incident.reopened', 'incident.closed')
            ORDER BY version DESC LIMIT 1)
        THEN
            RAISE EXCEPTION 'events of an incident that is not closed are never dropped: %', NEW.stream
                USING ERRCODE = 'insufficient_privilege';
        END IF;
        RETURN NEW;
    END $$""",
    """CREATE TRIGGER only_what_is_closed_is_archived BEFORE INSERT ON archived
        FOR EACH ROW EXECUTE FUNCTION require_archivable()""",
    """CREATE FUNCTION refuse_unless_archived() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM FROM archived WHERE workspace = OLD.workspace AND event_id = OLD.id
            AND (stream, version, hash) = (OLD.stream, OLD.version, OLD.hash);
        IF NOT FOUND THEN
            RAISE EXCEPTION 'events are never changed: DELETE refused; append a correcting event instead'
                USING ERRCODE = 'insufficient_privilege';
        END IF;
        RETURN OLD;
    END $$""",
    """CREATE TRIGGER events_go_only_into_archives BEFORE DELETE ON events
        FOR EACH ROW EXECUTE FUNCTION refuse_unless_archived()""",
    """CREATE TRIGGER archived_is_never_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON archived
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_events()""",
    """CREATE TRIGGER archives_are_never_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON archives
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_events()""",
)


def upgrade() -> None:
    for statement in (*TABLES, *GUARDS, PINNED):
        op.execute(statement)
    for table in ("archives", "archived"):
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(
            f"CREATE POLICY ours ON {table} USING (workspace = {OURS}) WITH CHECK (workspace = {OURS})"
        )
        op.execute(f"GRANT SELECT ON {table} TO recsysops_app")


def downgrade() -> None:
    raise NotImplementedError("the log is never taken away; restore a backup instead")
