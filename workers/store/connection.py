"""
One pool of PostgreSQL connections a process, and the address in the spelling SQLAlchemy wants.

Whatever login an address names, the program works under the role `recsysops_app`, which may add to the log
and not change it, and in one workspace, beyond which the database shows it nothing.
"""

from __future__ import annotations

from functools import lru_cache

from sqlalchemy import Engine, create_engine, make_url

from workers.settings import settings

POOL_CONNECTIONS = 5
POOL_OVERFLOW = 15
CONNECT_SECONDS = 5
STATEMENT_MILLISECONDS = 60_000
ROLE = "recsysops_app"


def spell(url: str) -> str:
    """
    The address with the driver named, whichever way a hosting company writes it.

    >>> spell("postgres://me:secret@db/incidents")
    'postgresql+psycopg://me:secret@db/incidents'
    """
    scheme, separator, rest = url.partition("://")
    plain = scheme.partition("+")[0]
    return f"postgresql+psycopg{separator}{rest}" if plain in {"postgres", "postgresql"} else url


def driver_address(url: str) -> str:
    """The same address as psycopg alone reads it."""
    return make_url(spell(url)).set(drivername="postgresql").render_as_string(hide_password=False)


def own() -> Engine:
    """
    The store that this process's environment names.

    Raises:
        ConfigurationError: no PostgreSQL is named.
    """
    return engine(settings().database(), settings().workspace)


@lru_cache(maxsize=32)
def engine(url: str, workspace: str = "main") -> Engine:
    """
    The pool for this address and workspace; the same one each time in one process.

    A connection that died is noticed before it is used; a statement that hangs is ended by the server.
    """
    options = {
        "statement_timeout": STATEMENT_MILLISECONDS,
        "timezone": "UTC",
        "role": ROLE,
        "recsysops.workspace": workspace,
    }
    return create_engine(
        spell(url),
        pool_size=POOL_CONNECTIONS,
        max_overflow=POOL_OVERFLOW,
        pool_pre_ping=True,
        connect_args={
            "connect_timeout": CONNECT_SECONDS,
            "options": " ".join(f"-c {name}={value}" for name, value in options.items()),
        },
    )


def owner_engine(url: str, workspace: str = "main") -> Engine:
    """
    The same store as the login that owns its tables, for what the program may not do. Dispose of it.

    To an owner the database shows every workspace: name the one that is meant.
    """
    return create_engine(
        spell(url),
        pool_size=1,
        connect_args={
            "connect_timeout": CONNECT_SECONDS,
            "options": f"-c timezone=UTC -c recsysops.workspace={workspace}",
        },
    )
