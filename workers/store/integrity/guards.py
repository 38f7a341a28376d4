"""
What keeps the log from being changed, compared with what this release's migrations create: triggers and the
functions they call, row security and its policies, grants, the program's roles, the event id sequence.

The reference picture is `guards.json` (`workers.store.integrity.protection`).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

import orjson
import psycopg
from sqlalchemy import Connection

from domain.errors import Tampered
from workers.store.connection import ROLE
from workers.store.integrity.protection import (
    MANIFEST,
    OF_WORKSPACES,
    OWNER,
    Facts,
    Picture,
    as_any_workspace,
    read_picture,
)

AGAIN = "create it again as the migrations do, or bring the store back from a backup"
ENABLED = {"O": "is on", "A": "is on", "R": "works on replicas only", "D": "is switched off"}
ATTRIBUTES = {
    "superuser": "SUPERUSER",
    "create role": "CREATEROLE",
    "create database": "CREATEDB",
    "bypass row security": "BYPASSRLS",
    "replication": "REPLICATION",
    "login": "LOGIN",
}
MAY_READ = {"SELECT"}
"""Privileges on a table that may be granted to other roles without being reported here."""

_READABLE = """
SELECT has_table_privilege('log', 'SELECT') AND has_table_privilege('events', 'SELECT')
    AND has_sequence_privilege(pg_get_serial_sequence('events', 'id'), 'SELECT')
"""
_SEQUENCE = """
SELECT sequence, pg_sequence_last_value(sequence::regclass),
    greatest((SELECT max(event_id) FROM log), (SELECT max(id) FROM events))
FROM pg_get_serial_sequence('events', 'id') AS sequence
"""


class Difference(NamedTuple):
    """A deviation from what the migrations create, in words, and what to do."""

    says: str
    fix: str


def differences(driver: psycopg.Connection[Any]) -> list[Difference]:
    """Everything that deviates from what the migrations create; empty if all guards are in place."""
    general = manifest()
    found = read_picture(driver, _tables(general))
    expected = {key: facts for key, facts in general.items() if key != f"role {OF_WORKSPACES}"}
    expected |= {key: general[as_any_workspace(key)] for key in found if as_any_workspace(key) != key}
    ours = {key: facts for key, facts in found.items() if key in expected or _concerns(key, facts, expected)}
    said = [one for key in sorted({*expected, *ours}) for one in _of(key, expected.get(key), ours.get(key))]
    return [*said, *_sequence(driver)]


def require_guards(connection: Connection) -> None:
    """
    Raises:
        Tampered: an owner of the tables removed a guard, or changed one.
    """
    driver = connection.connection.driver_connection
    if driver is None or not (wrong := differences(driver)):
        return
    said = "\n".join(f"  {one.says} → {one.fix}" for one in wrong)
    raise Tampered(
        f"The log's guards are not what this release makes:\n{said}\nOnly who owns the tables can do that; "
        "whatever was written since could have been changed. Fix it, and ask who did it."
    )


@lru_cache(maxsize=1)
def manifest() -> Picture:
    """The reference picture of a freshly migrated database."""
    return dict(orjson.loads(MANIFEST.read_bytes()))


def _tables(picture: Picture) -> list[str]:
    return [key.removeprefix("table ") for key in picture if key.startswith("table ")]


def _concerns(key: str, facts: Facts, expected: Picture) -> bool:
    """
    Whether something that no migration made concerns the log. A function does if named like one of ours,
    or runs with the rights of its creator.
    """
    kind, _, name = key.partition(" ")
    if kind == "function":
        called = {one.partition("(")[0] for one in expected if one.startswith("function ")}
        return bool(facts["security definer"]) or key.partition("(")[0] in called
    return not (kind == "grants" and name.startswith("on function "))


def _of(key: str, expected: Facts | None, found: Facts | None) -> Iterator[Difference]:
    kind, _, name = key.partition(" ")
    if kind == "grants":
        yield from _grants(name.removeprefix("on "), expected or {}, found or {})
    elif kind == "role":
        yield from _role(name, expected or {}, found or {})
    elif found is None:
        yield Difference(f"the {key} is missing", AGAIN)
    elif expected is None:
        yield Difference(f"no migration made the {key}", _drop(kind, name))
    else:
        changed = {
            fact: found.get(fact) for fact in {*expected, *found} if expected.get(fact) != found.get(fact)
        }
        if kind == "trigger" and changed.get("enabled") == "A":
            del changed["enabled"]  # enabled on replicas, too
        yield from _changed(kind, name, expected, changed)


def _changed(kind: str, name: str, expected: Facts, changed: Facts) -> Iterator[Difference]:
    thing, _, table = name.rpartition(" of ")
    for fact, value in sorted(changed.items()):
        match kind, fact:
            case "trigger", "enabled":
                says = f"the trigger {name} {ENABLED.get(str(value), 'is off')}"
                yield Difference(says, f"ALTER TABLE {table} ENABLE TRIGGER {thing}")
            case "table", "row security":
                says = f"the row security of {name} is switched off"
                yield Difference(says, f"ALTER TABLE {name} ENABLE ROW LEVEL SECURITY")
            case "table", "forced":
                fix = f"ALTER TABLE {name} NO FORCE ROW LEVEL SECURITY"
                yield Difference(f"the row security of {name} is forced on its owner", fix)
            case "policy", ("using" | "check"):
                says = f"the policy {name} lets in {value or 'everything'} ({fact})"
                fix = f"ALTER POLICY {thing} ON {table} USING {expected.get('using')}"
                yield Difference(says, f"{fix} WITH CHECK {expected.get('check')}")
            case "function", "body":
                yield Difference(f"the body of the function {name} is not what the migrations wrote", AGAIN)
            case "function", "security definer":
                whose = "whoever made it" if value else "whoever calls it"
                yield Difference(f"the function {name} works with the rights of {whose}", AGAIN)
            case _, "owner":
                says = f"the {kind} {name} is owned by {value or 'nobody'}, and not by {OWNER} of the others"
                yield Difference(says, "give it back (ALTER … OWNER TO …)")
            case _:
                says = f"the {kind} {name} has another {fact}: {value!r} in place of {expected.get(fact)!r}"
                yield Difference(says, AGAIN)


def _grants(thing: str, expected: Facts, found: Facts) -> Iterator[Difference]:
    for who in sorted({*expected, *found}):
        wanted, given = set(expected.get(who, ())), set(found.get(who, ()))
        tolerated = set() if _is_programs(who) else MAY_READ
        for privilege in sorted(given - wanted - tolerated):
            revoked = _granted(thing, privilege.partition(" WITH ")[0])
            yield Difference(f"{who} may {privilege} on the {thing}", f"REVOKE {revoked} FROM {who} CASCADE")
        for privilege in sorted(wanted - given):
            says = f"{who} may not {privilege} on the {thing}"
            yield Difference(says, f"GRANT {_granted(thing, privilege)} TO {who}")


def _granted(thing: str, privilege: str) -> str:
    """The part between GRANT and TO."""
    kind, _, name = thing.partition(" ")
    if kind == "column":
        column, _, table = name.rpartition(" of ")
        return f"{privilege} ({column}) ON {table}"
    return f"{privilege} ON {kind.upper()} {name}"


def _is_programs(who: str) -> bool:
    return who == "PUBLIC" or who.startswith(ROLE)


def _role(name: str, expected: Facts, found: Facts) -> Iterator[Difference]:
    for fact in sorted({*expected, *found}):
        wanted, given = expected.get(fact), found.get(fact)
        if wanted == given or fact == "name":  # one picture stands for all workspaces' roles
            continue
        match fact:
            case "member of":
                for one in sorted({*(given or ())} - {*(wanted or ())}):
                    yield Difference(f"the role {name} is a member of {one}", f"REVOKE {one} FROM {name}")
                for one in sorted({*(wanted or ())} - {*(given or ())}):
                    yield Difference(f"the role {name} is no member of {one}", f"GRANT {one} TO {name}")
            case "settings":
                yield Difference(
                    f"the role {name} is given settings: {given}", f"ALTER ROLE {name} RESET ALL"
                )
            case _:
                says = f"the role {name} {'has' if given else 'lacks'} the attribute {fact}"
                yield Difference(
                    says, f"ALTER ROLE {name} {'NO' if given else ''}{ATTRIBUTES.get(fact, fact)}"
                )


def _drop(kind: str, name: str) -> str:
    thing, _, table = name.rpartition(" of ")
    view = name.partition(" over ")[0]
    return {
        "trigger": f"DROP TRIGGER {thing} ON {table}",
        "policy": f"DROP POLICY {thing} ON {table}",
        "rule": f"DROP RULE {thing} ON {table}",
        "view": f"DROP VIEW {view}, or ALTER VIEW {view} SET (security_invoker = true)",
        "function": f"DROP FUNCTION {name}",
        "column": f"ALTER TABLE {table} DROP COLUMN {thing}",
        "constraint": f"ALTER TABLE {table} DROP CONSTRAINT {thing}",
        "publication": f"ALTER PUBLICATION {thing} DROP TABLE {table}, or DROP PUBLICATION {thing}",
        "event-trigger": f"DROP EVENT TRIGGER {name}",
        "child-table": f"ALTER TABLE {thing} NO INHERIT {table}",
        "setting": "reset it where it was set (ALTER DATABASE or ALTER ROLE … RESET)",
    }.get(kind, "take it away")


def _sequence(driver: psycopg.Connection[Any]) -> Iterator[Difference]:
    readable = driver.execute(_READABLE).fetchone()
    row = driver.execute(_SEQUENCE).fetchone() if readable and readable[0] else None
    if row is None:
        return  # it may not be read, which is reported with the grants
    name, last, newest = row
    if newest is not None and (last is None or last < newest):
        says = f"the sequence of event ids stands at {last or 0}, and the newest event has the id {newest}"
        yield Difference(says, f"SELECT setval('{name}', {newest})")
