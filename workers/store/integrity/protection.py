"""
What protects the log, read from PostgreSQL's catalogue: functions, triggers, policies, grants, roles.

`guards.json` is this picture for a freshly migrated database: `python -m workers.store.integrity.protection`
writes it, and a test compares it with the migrations. It names no schema, owner or workspace, and
uses catalogue columns where PostgreSQL would spell out a definition, so that it fits other servers.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson
import psycopg
from psycopg.rows import dict_row

from workers.store.connection import ROLE

MANIFEST = Path(__file__).with_name("guards.json")
OWNER = "the owner"
OF_WORKSPACES = f"{ROLE}_*"
"""The workspaces' roles: what is true of one has to be true of each."""

Facts = dict[str, Any]
Picture = dict[str, Facts]

_WORKSPACE_ROLE = re.compile(rf"{ROLE}_[a-z][a-z0-9_]*")
_PLACE = """
SELECT relnamespace AS schema, quote_ident(nspname) AS name, pg_get_userbyid(relowner) AS owner
FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace WHERE pg_class.oid = to_regclass('events')
"""
_OURS = """
WITH ours AS (
    SELECT oid, relname FROM pg_class WHERE relnamespace = %(schema)s AND relkind IN ('r', 'p')
    AND (%(tables)s::text[] IS NULL OR relname = ANY (%(tables)s::text[])))
"""
_TABLES = """
SELECT relname AS name, relkind AS kind, relpersistence AS persistence, relrowsecurity AS "row security",
    relforcerowsecurity AS forced, pg_get_userbyid(relowner) AS owner
FROM pg_class WHERE oid IN (SELECT oid FROM ours)
"""
_CHILDREN = """
SELECT relname || ' of ' || (SELECT relname FROM ours WHERE oid = inhparent) AS name
FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid WHERE inhparent IN (SELECT oid FROM ours)
"""
_COLUMNS = """
SELECT attname || ' of ' || relname AS name, format_type(atttypid, atttypmod) AS type,
    attnotnull AS "not null", pg_get_expr(adbin, adrelid) AS "default", attidentity AS identity,
    attgenerated AS generated
FROM pg_attribute JOIN ours ON ours.oid = attrelid
LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
WHERE attnum > 0 AND NOT attisdropped
"""
_CONSTRAINTS = """
SELECT conname || ' of ' || relname AS name, pg_get_constraintdef(pg_constraint.oid) AS definition,
    convalidated AS validated, condeferrable AS deferrable, coalesce(indisvalid AND indisunique, true) AS kept
FROM pg_constraint JOIN ours ON ours.oid = conrelid
LEFT JOIN pg_index ON indexrelid = conindid AND contype IN ('p', 'u')
WHERE contype <> 'n'
"""
_TRIGGERS = """
SELECT CASE WHEN tgisinternal THEN conname || ' (' || tgfoid::regproc || ')' ELSE tgname END
        || ' of ' || relname AS name,
    tgfoid::regprocedure::text AS function, tgtype AS moment, tgenabled AS enabled,
    tgattr::text AS columns, encode(tgargs, 'hex') AS arguments,
    CASE WHEN tgqual IS NOT NULL
        THEN substring(pg_get_triggerdef(pg_trigger.oid) FROM 'WHEN .*EXECUTE') END AS "when"
FROM pg_trigger JOIN ours ON ours.oid = tgrelid LEFT JOIN pg_constraint ON pg_constraint.oid = tgconstraint
"""
_POLICIES = """
SELECT polname || ' of ' || relname AS name, polcmd AS command, polpermissive AS permissive,
    (SELECT array_agg(CASE role WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(role) END)
        FROM unnest(polroles) AS role) AS roles,
    pg_get_expr(polqual, polrelid) AS "using", pg_get_expr(polwithcheck, polrelid) AS "check"
FROM pg_policy JOIN ours ON ours.oid = polrelid
"""
_RULES = """
SELECT rulename || ' of ' || relname AS name, ev_type AS event, ev_enabled AS enabled
FROM pg_rewrite JOIN ours ON ours.oid = ev_class
"""
# A view that runs with the caller's rights shows nobody more than the tables do.
_VIEWS = """
SELECT DISTINCT view.oid::regclass || ' over ' || ours.relname AS name, view.relkind AS kind
FROM pg_depend JOIN ours ON ours.oid = refobjid AND refclassid = 'pg_class'::regclass
JOIN pg_rewrite ON pg_rewrite.oid = objid AND classid = 'pg_rewrite'::regclass
JOIN pg_class AS view ON view.oid = ev_class AND view.relkind IN ('v', 'm')
WHERE NOT coalesce(view.reloptions && ARRAY['security_invoker=true', 'security_invoker=on'], false)
"""
_FUNCTIONS = """
SELECT proname || '(' || pg_get_function_identity_arguments(pg_proc.oid) || ')' AS name, prosrc AS body,
    pg_get_function_sqlbody(pg_proc.oid) AS parsed, lanname AS language, prosecdef AS "security definer",
    proconfig AS settings, pg_get_userbyid(proowner) AS owner, prokind AS kind, provolatile AS volatile,
    proisstrict AS strict, proleakproof AS leakproof, format_type(prorettype, NULL) AS returns,
    aggtransfn::regprocedure::text AS step, agginitval AS beginning
FROM pg_proc JOIN pg_language ON pg_language.oid = prolang LEFT JOIN pg_aggregate ON aggfnoid = pg_proc.oid
WHERE pronamespace = %(schema)s AND NOT EXISTS (
    SELECT FROM pg_depend WHERE classid = 'pg_proc'::regclass AND objid = pg_proc.oid AND deptype = 'e')
"""
_SEQUENCES = """
SELECT sequence.relname AS name, seqincrement AS increment, seqcycle AS cycle, seqmin AS least,
    sequence.relpersistence AS persistence, attname || ' of ' || ours.relname AS owner
FROM pg_sequence JOIN pg_class AS sequence ON sequence.oid = seqrelid
JOIN pg_depend ON objid = seqrelid AND refclassid = 'pg_class'::regclass AND deptype IN ('a', 'i')
JOIN ours ON ours.oid = refobjid JOIN pg_attribute ON attrelid = refobjid AND attnum = refobjsubid
"""
_GRANTS = """
SELECT name, CASE grantee WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(grantee) END AS grantee,
    privilege_type AS privilege, is_grantable AS passed_on
FROM (
    SELECT 'table ' || relname AS name, coalesce(relacl, acldefault('r', relowner)) AS acl, relowner AS owner
    FROM pg_class WHERE oid IN (SELECT oid FROM ours)
    UNION ALL
    SELECT 'column ' || attname || ' of ' || relname, attacl, relowner
    FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
    WHERE attrelid IN (SELECT oid FROM ours) AND attacl IS NOT NULL
    UNION ALL
    SELECT 'sequence ' || sequence.relname, coalesce(relacl, acldefault('s', relowner)), relowner
    FROM pg_class AS sequence JOIN pg_depend ON objid = sequence.oid AND deptype IN ('a', 'i')
    WHERE sequence.relkind = 'S' AND refobjid IN (SELECT oid FROM ours)
    UNION ALL
    SELECT 'function ' || proname || '(' || pg_get_function_identity_arguments(oid) || ')',
        coalesce(proacl, acldefault('f', proowner)), proowner
    FROM pg_proc WHERE pronamespace = %(schema)s
) AS granted, aclexplode(acl) WHERE grantee <> owner
"""
_ROLES = """
SELECT rolname AS name, rolsuper AS superuser, rolcreaterole AS "create role",
    rolcreatedb AS "create database", rolbypassrls AS "bypass row security", rolreplication AS replication,
    rolcanlogin AS login,
    (SELECT array_agg(DISTINCT pg_get_userbyid(roleid)::text) FROM pg_auth_members
        WHERE member = pg_roles.oid) AS "member of",
    (SELECT array_agg(setting ORDER BY setting) FROM pg_db_role_setting, unnest(setconfig) AS setting
        WHERE setrole = pg_roles.oid AND setdatabase IN (0, (
            SELECT oid FROM pg_database WHERE datname = current_database()))) AS settings
FROM pg_roles WHERE rolname = %(role)s OR rolname LIKE %(of_workspaces)s
"""
# What decides on the meaning of a statement, or loads code, for everybody or whoever may be the program.
_SETTINGS = r"""
SELECT given || coalesce(' of ' || rolname, '') AS name
FROM pg_db_role_setting LEFT JOIN pg_roles ON pg_roles.oid = setrole
CROSS JOIN unnest(setconfig) AS given
CROSS JOIN LATERAL (SELECT split_part(given, '=', 1), split_part(given, '=', 2)) AS set (key, value)
LEFT JOIN pg_settings ON pg_settings.name = key
WHERE setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
AND (setrole = 0 OR pg_has_role(setrole, %(role)s, 'MEMBER') AND NOT starts_with(rolname, %(role)s))
AND value IS DISTINCT FROM boot_val AND key !~ '(timeout|tablespaces?|messages)$'
AND coalesce(category ~ 'Statement Behavior|Preloading|Compatibility|Developer', key !~ '\.')
AND NOT (key = 'search_path' AND value ~ ('^("\$user", *)?' || %(path)s || '(,|$)'))
"""
_EVENT_TRIGGERS = "SELECT evtname AS name FROM pg_event_trigger"
_PUBLICATIONS = """
SELECT pubname || ' of ' || relname AS name FROM pg_publication_tables JOIN ours ON relname = tablename
WHERE schemaname = (SELECT nspname FROM pg_namespace WHERE oid = %(schema)s)
"""
_NAMESAKES = """
SELECT relnamespace::regnamespace || '.' || relname || ' in front of the log''s own' AS name FROM pg_class
WHERE relnamespace <> %(schema)s AND relnamespace::regnamespace::text = ANY (current_schemas(false)::text[])
AND relname IN (SELECT relname FROM ours)
UNION SELECT pronamespace::regnamespace || '.' || proname || ' in front of the log''s own' FROM pg_proc AS one
WHERE pronamespace <> %(schema)s AND pronamespace::regnamespace::text = ANY (current_schemas(false)::text[])
AND EXISTS (SELECT FROM pg_proc AS own WHERE own.pronamespace = %(schema)s AND own.proname = one.proname)
"""
_KINDS: Mapping[str, str] = {
    "table": _OURS + _TABLES,
    "child-table": _OURS + _CHILDREN,
    "column": _OURS + _COLUMNS,
    "constraint": _OURS + _CONSTRAINTS,
    "trigger": _OURS + _TRIGGERS,
    "policy": _OURS + _POLICIES,
    "rule": _OURS + _RULES,
    "view": _OURS + _VIEWS,
    "function": _FUNCTIONS,
    "sequence": _OURS + _SEQUENCES,
    "role": _ROLES,
    "setting": _SETTINGS,
    "event-trigger": _EVENT_TRIGGERS,
    "publication": _OURS + _PUBLICATIONS,
    "namesake": _OURS + _NAMESAKES,
}


def read_picture(connection: psycopg.Connection[Any], tables: Sequence[str] | None = None) -> Picture:
    """
    Kind and name of each thing → its facts.

    Args:
        tables: the tables to read; if None, all in the schema of the table `events`.
    """
    with connection.cursor(row_factory=dict_row) as cursor:
        place = cursor.execute(_PLACE).fetchone() or {"schema": 0, "name": "", "owner": ""}
        asked = {"schema": place["schema"], "tables": list(tables) if tables is not None else None}
        asked |= {"role": ROLE, "of_workspaces": f"{ROLE}\\_%", "path": re.escape(place["name"])}
        plain = _Plain(str(place["name"]), str(place["owner"]))
        found: Picture = {}
        for kind, query in _KINDS.items():
            for row in cursor.execute(query, asked).fetchall():
                found[f"{kind} {plain.text(str(row.pop('name')))}"] = plain.facts(row)
        for row in cursor.execute(_OURS + _GRANTS, asked).fetchall():
            given = found.setdefault(f"grants on {plain.text(row['name'])}", {})
            privilege = f"{row['privilege']}{' WITH GRANT OPTION' if row['passed_on'] else ''}"
            given[row["grantee"]] = sorted({*given.get(row["grantee"], []), privilege})
    return dict(sorted(found.items()))


class _Plain:
    """Removes what differs between equivalent databases: schema, owner, workspaces."""

    def __init__(self, schema: str, owner: str) -> None:
        self._schema = schema
        self._owner = owner

    def role(self, name: str) -> str:
        if name == self._owner:
            return OWNER
        return OF_WORKSPACES if _WORKSPACE_ROLE.fullmatch(name) else name

    def text(self, text: str) -> str:
        return text.replace(f"{self._schema}.", "")

    def facts(self, row: Mapping[str, Any]) -> Facts:
        return {name: self._fact(name, value) for name, value in row.items() if value is not None}

    def _fact(self, name: str, value: Any) -> Any:
        match name, value:
            case "owner", str():
                return self.role(value)
            case (("roles" | "member of"), list()):
                return sorted({self.role(one) for one in value})
            case "settings", list():
                return [self._setting(one) for one in value]
            case "body", str():
                return sha256(value.encode()).hexdigest()
            case _, bytes():
                return value.decode()
            case _, str():
                return self.text(value)
        return value

    def _setting(self, setting: str) -> str:
        name, _, value = setting.partition("=")
        if name != "search_path":
            return setting
        path = ["the schema" if one.strip() == self._schema else one.strip() for one in value.split(",")]
        return f"search_path={', '.join(path)}"


def write_manifest() -> None:
    """Write the picture of a freshly migrated database to the manifest, on a server of its own."""
    from workers.embedded import started  # noqa: PLC0415 - a step of development
    from workers.store.migrate import migrate  # noqa: PLC0415

    with tempfile.TemporaryDirectory(prefix="recsysops-") as folder, started(Path(folder)) as servers:
        migrate(servers.owner_url, servers.database_url)
        with psycopg.connect(servers.owner_url) as connection:
            MANIFEST.write_bytes(spell(read_picture(connection)))


def spell(picture: Picture) -> bytes:
    """A picture as written in the manifest."""
    general = {as_any_workspace(key): _of_any_workspace(key, facts) for key, facts in picture.items()}
    spelled = orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE
    return orjson.dumps(general, option=spelled)


def _of_any_workspace(key: str, facts: Facts) -> Facts:
    return facts if as_any_workspace(key) == key else {**facts, "name": OF_WORKSPACES}


def as_any_workspace(key: str) -> str:
    """The key of a workspace's role as written in the manifest: one for all workspaces."""
    kind, _, name = key.partition(" ")
    return f"role {OF_WORKSPACES}" if kind == "role" and _WORKSPACE_ROLE.fullmatch(name) else key


if __name__ == "__main__":
    write_manifest()
