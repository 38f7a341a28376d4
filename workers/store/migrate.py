"""Bring a database to the newest shape. Several processes may ask at once; one does it."""

from __future__ import annotations

from pathlib import Path

import psycopg
from alembic import command
from alembic.config import Config
from psycopg import sql
from sqlalchemy import make_url
from sqlalchemy.exc import ProgrammingError

import migrations
from domain.errors import ConfigurationError
from workers.store.connection import CONNECT_SECONDS, ROLE, driver_address, spell
from workers.store.fit import never


def migrate(url: str, program_url: str | None = None) -> None:
    """
    Run all migrations that this database has not had yet.

    Args:
        url: names the login that owns the tables, or will.
        program_url: names the login that the program itself uses; it is let into the program's role.

    Raises:
        ConfigurationError: a login may not do what is needed, or the database is another program's or of a
            later release; says what to do.
    """
    if found := never(url):
        raise ConfigurationError(str(found))
    try:
        command.upgrade(configuration(url), "head")
    except ProgrammingError as error:
        if not isinstance(error.orig, psycopg.errors.InsufficientPrivilege):
            raise
        raise ConfigurationError(_refused(make_url(url).username or "", str(error.orig))) from error
    if program_url is not None:
        _admit(url, program_url)


def configuration(url: str) -> Config:
    """Alembic's settings, made here so that there is no second file to keep in step."""
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    config.set_main_option("sqlalchemy.url", spell(url).replace("%", "%%"))
    return config


def _admit(owner_url: str, program_url: str) -> None:
    """The program's login has to be able to take the program's role."""
    with psycopg.connect(driver_address(program_url), connect_timeout=CONNECT_SECONDS) as program:
        try:
            program.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(ROLE)))
            return
        except psycopg.errors.InsufficientPrivilege:
            program.rollback()
            login = program.info.user
    grant = sql.SQL("GRANT {} TO {}").format(sql.Identifier(ROLE), sql.Identifier(login))
    with psycopg.connect(driver_address(owner_url), connect_timeout=CONNECT_SECONDS) as owner:
        try:
            owner.execute(grant)
        except psycopg.errors.InsufficientPrivilege as error:
            raise ConfigurationError(
                f"The store is in its newest shape, but the program's login “{login}” may not take the role "
                f"{ROLE}. Let an administrator run, once:\n  {grant.as_string(owner)};"
            ) from error


def _refused(login: str, reason: str) -> str:
    said = reason.splitlines()[0]
    if "create role" in said:
        return (
            f"The login “{login}” may not create the role that the program works under. Let an administrator "
            f"run, once:\n  CREATE ROLE {ROLE} NOLOGIN;\nand then `recsysops migrate` again."
        )
    if "schema" in said:
        return (
            f"PostgreSQL says to the login “{login}”: {said}. Let an administrator run, once:\n"
            f'  GRANT CREATE ON SCHEMA public TO "{login}";\nand then `recsysops migrate` again.'
        )
    return (
        f"PostgreSQL says to the login “{login}”: {said}. Migrations run as the login that owns the tables; "
        "name it in DATABASE_OWNER_URL."
    )
