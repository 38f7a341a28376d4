"""Upgrades a database to the newest schema. Several processes may ask at once; one of them does it."""

from __future__ import annotations

from pathlib import Path

import psycopg
from alembic import command
from alembic.config import Config
from psycopg import sql
from sqlalchemy import make_url
from sqlalchemy.exc import ProgrammingError

import migrations
from domain.errors import ConfigurationError, sanitized
from workers.store.connection import CONNECT_SECONDS, ROLE, driver_address, role_of, spell
from workers.store.fit import never
from workers.store.known import make_known

_MEMBER = """
SELECT EXISTS (SELECT FROM pg_auth_members WHERE member = made.oid AND roleid = %s::regrole)
FROM pg_roles AS made WHERE rolname = %s
"""
_MADE_MEANWHILE = (
    psycopg.errors.DuplicateObject,
    psycopg.errors.UniqueViolation,
    psycopg.errors.InternalError_,
)
"""PostgreSQL's errors if another database on the server is creating the same role at this very moment."""


def migrate(url: str, program_url: str | None = None, workspace: str = "main") -> None:
    """
    Run all migrations that this database has not had yet.

    Args:
        url: names the login that owns the tables, or will own them.
        program_url: names the login that the program itself uses; it is admitted to the workspace's role.
        workspace: gets a role if it has none yet.

    Raises:
        ConfigurationError: a login lacks a right that is needed, or the database is another program's or a
            later release's; says what to do.
    """
    if found := never(url):
        raise ConfigurationError(str(found))
    try:
        command.upgrade(configuration(url), "head")
    except ProgrammingError as error:
        if not isinstance(error.orig, psycopg.errors.InsufficientPrivilege):
            raise
        raise ConfigurationError(_refused(make_url(url).username or "", error)) from error
    _make_role(url, role_of(workspace))
    with psycopg.connect(driver_address(url), connect_timeout=CONNECT_SECONDS) as owner:
        make_known(owner, workspace)
    if program_url is not None:
        _admit(url, program_url, role_of(workspace))


def configuration(url: str) -> Config:
    """Alembic's settings, made here so that there is no second file to keep in step."""
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    config.set_main_option("sqlalchemy.url", spell(url).replace("%", "%%"))
    return config


def _make_role(owner_url: str, role: str) -> None:
    """Create the workspace's role, as a member of the role that tables are granted to."""
    with psycopg.connect(driver_address(owner_url), connect_timeout=CONNECT_SECONDS) as owner:
        found = owner.execute(_MEMBER, [ROLE, role]).fetchone()
        if found and found[0]:
            return
        group, made = sql.Identifier(ROLE), sql.Identifier(role)
        try:
            if found is None:
                owner.execute(sql.SQL("CREATE ROLE {} NOLOGIN IN ROLE {}").format(made, group))
            else:
                owner.execute(sql.SQL("GRANT {} TO {}").format(group, made))
        except _MADE_MEANWHILE:
            return
        except psycopg.errors.InsufficientPrivilege as error:
            raise ConfigurationError(
                f"The store is in its newest shape, but the login “{owner.info.user}” may not make the role "
                f"of this workspace. Let an administrator run, once:\n  CREATE ROLE {role} NOLOGIN IN ROLE "
                f"{ROLE};\nand then `recsysops migrate` again."
            ) from error


def _admit(owner_url: str, program_url: str, role: str) -> None:
    """Make sure that the program's login can assume the role of its workspace."""
    with psycopg.connect(driver_address(program_url), connect_timeout=CONNECT_SECONDS) as program:
        try:
            program.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(role)))
            return
        except psycopg.errors.InsufficientPrivilege:
            program.rollback()
            login = program.info.user
    grant = sql.SQL("GRANT {} TO {}").format(sql.Identifier(role), sql.Identifier(login))
    with psycopg.connect(driver_address(owner_url), connect_timeout=CONNECT_SECONDS) as owner:
        try:
            owner.execute(grant)
        except psycopg.errors.InsufficientPrivilege as error:
            raise ConfigurationError(
                f"The store is in its newest shape, but the program's login “{login}” may not take the role "
                f"{role}. Let an administrator run, once:\n  {grant.as_string(owner)};"
            ) from error


def _refused(login: str, error: ProgrammingError) -> str:
    reason = str(error.orig)
    if "create role" in reason:
        return (
            f"The login “{login}” may not create the role that the program works under. Let an administrator "
            f"run, once:\n  CREATE ROLE {ROLE} NOLOGIN;\nand then `recsysops migrate` again."
        )
    if "schema" in reason:
        return (
            f"The login “{login}” may not create tables in the schema public. Let an administrator run, "
            f"once:\n"
            f'  GRANT CREATE ON SCHEMA public TO "{login}";\nand then `recsysops migrate` again.'
        )
    return (
        f"The login “{login}” may not do that: {sanitized(error)}. Migrations run as the login that owns the "
        "tables; name it in DATABASE_OWNER_URL."
    )
