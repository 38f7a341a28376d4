"""
Whether an installation knows the key that this process seals with.

A process that seals with another key distrusts all that the others write, and they all that it writes. So a
process whose key was not made known by the owner of the tables does no work.
"""

from __future__ import annotations

from typing import Any

import psycopg

from workers.store.seal import public_keys

MAKE_KNOWN = (
    "give every process of the installation the same RECSYSOPS_SIGNING_KEY (unset, it is the key under "
    "RECSYSOPS_VAR), or make this one known with `recsysops migrate`"
)


def make_known(owner: psycopg.Connection[Any], workspace: str) -> None:
    """Make the keys of the migrating process those of the installation."""
    statement = "INSERT INTO known_keys (workspace, public_key) VALUES (%s, %s) ON CONFLICT DO NOTHING"
    for key in public_keys():
        owner.execute(statement, [workspace, key])


def not_held(connection: psycopg.Connection[Any], workspace: str) -> list[str]:
    """The keys that are known to the installation although this process holds none of them."""
    held = public_keys()
    return sorted(key for key in _known(connection, workspace) if key not in held)


def key_unknown(connection: psycopg.Connection[Any], workspace: str) -> str | None:
    """Why nobody would act on what this process seals, in words; None if the installation knows its
    key."""
    known = _known(connection, workspace)
    if not connection.autocommit:
        connection.rollback()
    own, *_ = public_keys()
    if own in known:
        return None
    return f"its workspace “{workspace}” does not know the key {own}, with which this process seals"


def _known(connection: psycopg.Connection[Any], workspace: str) -> set[str]:
    query = "SELECT public_key FROM known_keys WHERE workspace = %s"
    return {row[0] for row in connection.execute(query, [workspace])}
