"""How each process writes its own log: a line for what happened, and of an error where it came from."""

from __future__ import annotations

import logging
import sys
import threading
import traceback
from types import TracebackType
from typing import Any

import structlog

from workers.environment import redaction

_make = logging.getLogRecordFactory()


def write_plainly() -> None:
    """
    Tracebacks without the values of variables and lines without secrets, for every process that imports
    `workers`, whichever library writes them.

    Where rich is installed structlog would show the variables, and among them are the passwords of addresses
    and the tokens of clients; and a database that is away for a moment would fill a thousand lines.
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
            _line,
        ]
    )
    logging.setLogRecordFactory(_record)
    sys.excepthook = _uncaught
    threading.excepthook = lambda args: _uncaught(
        args.exc_type, args.exc_value or args.exc_type(), args.exc_traceback
    )


def _line(_: Any, __: str, line: Any) -> str:
    """The last of structlog's processors: what is written."""
    return redaction.prose(str(line))


def _record(*given: Any, **more: Any) -> logging.LogRecord:
    """A record of the standard library's logging, without secrets."""
    record = _make(*given, **more)
    record.msg = _clean(record.msg) if record.args else redaction.prose(str(record.msg))
    if isinstance(record.args, dict):
        record.args = {name: _clean(value) for name, value in record.args.items()}
    elif record.args:
        record.args = tuple(map(_clean, record.args))
    if record.exc_info and record.exc_info[0] is not None:
        trace = "".join(traceback.format_exception(*record.exc_info)).rstrip("\n")
        record.exc_text = redaction.prose(trace)  # formatters write this instead of making their own
    return record


def _clean(value: object) -> object:
    """What a line is made of: texts, and errors that become text in it."""
    if isinstance(value, str | BaseException):
        return redaction.prose(str(value))
    return value


def _uncaught(kind: type[BaseException], error: BaseException, where: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, where)
        return
    sys.stderr.write(redaction.prose("".join(traceback.format_exception(kind, error, where))))
