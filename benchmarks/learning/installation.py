"""
A separate installation: a declaration in a file, a log, and the functions of the workers' processes.

Nothing bypasses the live path: findings open incidents by `handle`, obligations are settled by the code that
settles them live, and what a person does goes through the door. Only the time is set from outside.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from unittest.mock import patch

import psycopg
from psycopg.sql import SQL, Identifier
from sqlalchemy import Engine, make_url

from domain.incident import commands as c
from domain.incident.state import Incident
from domain.values import Actor, Finding
from workers.declaration.addition import SHADOW
from workers.door import open_door
from workers.environment import clock
from workers.environment.settings import settings
from workers.log.handle import handle
from workers.log.obligations import Work, settle
from workers.process.handlers import HANDLERS
from workers.store.connection import engine
from workers.store.migrate import migrate

DETECTOR = Actor(kind="worker", id="worker:detect")
PERSON = Actor(kind="person", id="terminal:oncall", groups=("oncall",))


@contextmanager
def it_is(at: datetime) -> Iterator[None]:
    """Within the block this process's time is `at`, whatever the database's clock says."""
    with patch.object(clock, "now", return_value=at):
        yield


class Installation:
    """Its log and its declaration; see `installed`."""

    def __init__(self, log: Engine, file: Path) -> None:
        self.log, self.file = log, file
        self._door = open_door()

    def opens(self, finding: Finding, at: datetime) -> str:
        """Open an incident for the finding; returns its stream."""
        key = f"{finding.fingerprint}:{finding.window_end.isoformat()}"
        opening = c.OpenIncident(number=0, finding=finding)
        return handle(None, opening, actor=DETECTOR, key=key, at=at, log=self.log).stream

    def settles(self, stream: str, kind: str, at: datetime) -> Incident:
        """Do what is owed of this kind as of that moment; returns the incident afterwards."""

        def handler(work: Work) -> Iterator[c.Command]:
            yield from HANDLERS[kind](replace(work, at=at))

        settle(self.log, {kind: handler}, kind, stream, self.card(stream).awaits[kind][0])
        return self.card(stream)

    def does(self, stream: str, command: c.Command) -> Incident:
        """Do what a person does, through the door; returns the incident afterwards."""
        self._door.submit(stream, command, PERSON, f"{stream}:{type(command).__name__}")
        return self.card(stream)

    def promotes(self, check: str) -> None:
        """Let the check page people from now on, without waiting for its record."""
        header, rest = self.file.read_text().split(f"[checks.{check}]\n")
        self.file.write_text(f"{header}[checks.{check}]\n{rest.replace(SHADOW, '', 1)}")

    def card(self, stream: str) -> Incident:
        """
        The incident as people see it.

        Raises:
            LookupError: there is none.
        """
        found = self._door.incident(stream)
        if found is None:
            raise LookupError(stream)
        return found


@contextmanager
def installed(
    address: str, folder: Path, declared: str, variables: Mapping[str, str]
) -> Iterator[Installation]:
    """
    An installation that lasts as long as the block, and to which this process's environment then points.

    Args:
        address: of an empty database. folder: where declaration and bundles are.
        variables: the values of the declaration's `${NAME}` and `secret_env`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "recsysops.toml"
    file.write_text(declared, encoding="utf-8")
    around = {"DATABASE_URL": address, "RECSYSOPS_CONFIG": str(file), "RECSYSOPS_VAR": str(folder / "var")}
    before = dict(os.environ)
    os.environ.update({**around, **variables})
    settings.cache_clear()
    log = engine(address)
    try:
        migrate(address)
        yield Installation(log, file)
    finally:
        log.dispose()
        os.environ.clear()
        os.environ.update(before)
        settings.cache_clear()


def database(server_address: str, name: str) -> str:
    """The address of a new, empty database of this name."""
    return copied(server_address, "template1", name)


def copied(server_address: str, database: str, name: str) -> str:
    """The address of a new database of this name, with a copy of everything in another one."""
    with psycopg.connect(server_address, autocommit=True) as connection:
        made = SQL("CREATE DATABASE {} TEMPLATE {}").format(Identifier(name), Identifier(database))
        connection.execute(made)
    return make_url(server_address).set(database=name).render_as_string(hide_password=False)
