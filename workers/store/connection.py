"""One pool of PostgreSQL connections a process, and the address in the spelling SQLAlchemy wants."""

from __future__ import annotations

from functools import lru_cache

from sqlalchemy import Engine, create_engine, make_url

POOL_CONNECTIONS = 5
POOL_OVERFLOW = 15
CONNECT_SECONDS = 5
STATEMENT_MILLISECONDS = 60_000


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


@lru_cache(maxsize=32)
def engine(url: str) -> Engine:
    """
    The pool for this address; the same one each time in one process.

    A connection that died is noticed before it is used; a statement that hangs is ended by the server.
    """
    return create_engine(
        spell(url),
        pool_size=POOL_CONNECTIONS,
        max_overflow=POOL_OVERFLOW,
        pool_pre_ping=True,
        connect_args={
            "connect_timeout": CONNECT_SECONDS,
            "options": f"-c statement_timeout={STATEMENT_MILLISECONDS} -c timezone=UTC",
        },
    )
