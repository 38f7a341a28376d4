"""
A statement that everything waits for, executed by the name under which a connection has prepared it.

It uses libpq, the layer below psycopg, directly: what `execute` does around a small INSERT takes longer than
PostgreSQL needs to write the row. `benchmarks/store` shows the gain, as *bare through libpq*. In return,
signals do not interrupt it: they are handled when the statement has ended, normally or at its timeout.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from operator import itemgetter
from typing import Any, Final

import psycopg
from psycopg import errors, pq
from sqlalchemy import Connection

from workers.store.connection import driver

_PARAMETER = re.compile(r"%\((\w+)\)([sb])")
_DONE: Final = (pq.ExecStatus.COMMAND_OK, pq.ExecStatus.TUPLES_OK)
IDLE: Final = pq.TransactionStatus.IDLE
"""No transaction was begun, and none failed."""


@contextmanager
def together(connection: Connection, first: str) -> Iterator[None]:
    """
    Run the block as one transaction, from the statement `first` on, on a connection where each statement is
    otherwise one of its own; rolled back if the block raises.

    Raises:
        psycopg.Error: PostgreSQL rejects its beginning or its end.
    """
    under = driver(connection)
    libpq = under.cursor.connection.pgconn
    _expect(libpq, libpq.exec_(b"BEGIN; " + first.encode()))
    try:
        yield
        ended = libpq.exec_(b"COMMIT")
        _expect(libpq, ended)
        if ended.command_status != b"COMMIT":  # PostgreSQL reports ROLLBACK, and does not call it an error
            raise psycopg.OperationalError("a statement in it had failed, and all was taken back")
    except BaseException:
        under.known.clear()  # it may hold what is now rolled back
        libpq.exec_(b"ROLLBACK")
        raise


class Statement:
    """
    A statement that returns nothing.

    Args:
        text: `%(name)b` stands for text or bytes, which are sent as is; `%(name)s` for what is spelled: a
            number, a time, true or false. So no text is cut at a zero byte: PostgreSQL refuses it.
    """

    def __init__(self, text: str) -> None:
        asked = dict(_PARAMETER.findall(text))
        places = {name: f"${place}" for place, name in enumerate(asked, 1)}
        numbered = _PARAMETER.sub(lambda found: places[found[1]], text).encode()
        self._text, self._numbered = text, numbered
        self._name = sha256(numbered).hexdigest()[:16].encode()
        self._values = itemgetter(*asked)
        self._formats = [pq.Format.BINARY if kind == "b" else pq.Format.TEXT for kind in asked.values()]

    def run(self, connection: Connection, values: Mapping[str, Any]) -> None:
        """
        Run it in the connection's transaction, unless each statement is one of its own.

        Raises:
            psycopg.Error: PostgreSQL rejects it, or is gone.
        """
        under, prepared, _ = driver(connection)
        libpq = under.connection.pgconn
        if not under.connection.autocommit:
            # psycopg begins the transaction, and forgets all prepared statements when one is rolled back.
            under.execute(self._text, values)
            return
        # Inline: there are two dozen for each event.
        encoded = [
            v.encode() if type(v) is str else v if v is None or type(v) is bytes else str(v).encode()
            for v in self._values(values)
        ]
        try:
            self._ask(libpq, encoded, prepared)
        except errors.InvalidSqlStatementName as error:  # it was forgotten: nothing was done
            if libpq.transaction_status != IDLE:
                raise psycopg.OperationalError("the transaction failed at a forgotten statement") from error
            # Only this one: others may have been prepared after everything was forgotten, and are known.
            prepared.discard(self._name)
            self._ask(libpq, encoded, prepared)

    def _ask(self, libpq: pq.abc.PGconn, encoded: list[bytes | None], prepared: set[bytes]) -> None:
        if self._name not in prepared:
            _expect(libpq, libpq.prepare(self._name, self._numbered))
            prepared.add(self._name)
        # The protocol's annotation knows no NULL; the method does.
        _expect(libpq, libpq.exec_prepared(self._name, encoded, self._formats))  # type: ignore[arg-type]


def _expect(libpq: pq.abc.PGconn, result: pq.abc.PGresult) -> None:
    if result.status in _DONE:
        return
    if libpq.status == pq.ConnStatus.BAD:
        raise psycopg.OperationalError(result.get_error_message())
    raise errors.error_from_result(result)
