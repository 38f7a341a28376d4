"""How each process writes its own log: a line for what happened, and of an error where it came from."""

from __future__ import annotations

import sys

import structlog


def write_plainly() -> None:
    """
    Tracebacks without the values of variables, for every process that imports `workers`.

    Where rich is installed structlog would show them, and among them are the passwords of addresses and the
    tokens of clients; and a database that is away for a moment would fill a thousand lines.
    """
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.StackInfoRenderer(),
            structlog.dev.set_exc_info,
            structlog.processors.TimeStamper(fmt="%Y-%m-%d %H:%M:%S", utc=True),
            structlog.dev.ConsoleRenderer(
                colors=sys.stdout.isatty(), exception_formatter=structlog.dev.plain_traceback
            ),
        ]
    )
