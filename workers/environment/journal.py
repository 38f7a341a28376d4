"""How each process writes its own log: a line per event, and for an error also where it came from."""

from __future__ import annotations

import logging
import numbers
import sys
import threading
import traceback
from types import TracebackType
from typing import Any

import structlog

from domain import errors
from domain.inert import lines
from workers.environment import redaction

_make = logging.getLogRecordFactory()
_log = structlog.get_logger(__name__)


def write_plainly() -> None:
    """
    Keep variables' values out of tracebacks and secrets out of log lines, whichever library writes them; for
    every process that imports `workers`.

    Where rich is installed structlog would show variables, which include passwords in addresses
    and client tokens; and a database that is briefly away would fill a thousand lines.
    """
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.StackInfoRenderer(),
            structlog.dev.set_exc_info,
            structlog.processors.TimeStamper(fmt="%Y-%m-%d %H:%M:%S", utc=True),
            structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
            _line,
        ]
    )
    logging.setLogRecordFactory(_record)
    if _foreign not in errors.listeners:
        errors.listeners.append(_foreign)
    sys.excepthook = _uncaught
    threading.excepthook = lambda args: _uncaught(
        args.exc_type, args.exc_value or args.exc_type(), args.exc_traceback
    )


def _foreign(error: BaseException) -> None:
    """Log what a driver or a library said, which is stored and shown nowhere (`domain.errors.sanitized`)."""
    _log.info("foreign_error", says=_words(error))


def _words(error: BaseException) -> str:
    """An error, what was noted on it and what caused it; not where, which whoever handles it may log."""
    said = "".join(traceback.format_exception_only(error)).strip()
    cause = error.__cause__ or error.__context__
    return f"{said} <- {_words(cause)}" if cause is not None else said


def _line(_: Any, __: str, line: Any) -> str:
    """structlog's last processor, which makes the line that is written."""
    return _inert(str(line))


def _inert(text: str) -> str:
    """Without secrets, and without what a terminal would obey."""
    return lines(redaction.foreign(text))


def _record(*given: Any, **more: Any) -> logging.LogRecord:
    """A log record of the standard library, without secrets."""
    record = _make(*given, **more)
    record.msg = _clean(record.msg if record.args else str(record.msg))
    if isinstance(record.args, dict):
        record.args = {name: _clean(value) for name, value in record.args.items()}
    elif record.args:
        record.args = tuple(map(_clean, record.args))
    if record.exc_info and record.exc_info[0] is not None:
        trace = "".join(traceback.format_exception(*record.exc_info)).rstrip("\n")
        record.exc_text = _inert(trace)  # formatters use this instead of making their own
    return record


def _clean(value: object) -> object:
    """The parts of a line without secrets: whatever becomes text in it, as an address or an error does."""
    if value is None or isinstance(value, numbers.Number):
        return value
    return _inert(str(value))


def _uncaught(kind: type[BaseException], error: BaseException, where: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, where)
        return
    sys.stderr.write(_inert("".join(traceback.format_exception(kind, error, where))))
