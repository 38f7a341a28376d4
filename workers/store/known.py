"""
Whether an installation knows the key that this process seals with.

Whoever seals with another key than the others distrusts all that they write, and they all that it writes. So
a process whose key the owner of the tables did not make known works with nothing.
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
    """The keys of whoever migrates are those of the installation."""
    statement = "INSERT INTO known_keys (workspace, public_key) VALUES (%s, %s) ON CONFLICT DO NOTHING"
    for key in public_keys():
        owner.execute(statement, [workspace, key])


def key_unknown(connection: psycopg.Connection[Any], workspace: str) -> str | None:
    """Why nobody would act on what this process seals, in words; None where the installation knows its
    key."""
    rows = connection.execute(
        "SELECT public_key FROM known_keys WHERE workspace = %s", [workspace]
    ).fetchall()
    if not connection.autocommit:
        connection.rollback()
    own, *_ = public_keys()
    if own in {row[0] for row in rows}:
        return None
    return f"its workspace “{workspace}” does not know the key {own}, with which this process seals"
