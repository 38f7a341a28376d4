"""
`recsysops`: everything that Slack does, in a terminal, and the operator's commands.

Anyone with a terminal and the store's address is an operator: `terminal:<login>`, in all declared groups.
"""

from __future__ import annotations

import os
import sys

import psycopg
import structlog
import typer
from sqlalchemy.exc import OperationalError, ProgrammingError

from bot.cli import (
    bundle,
    checks,
    docs,
    events,
    follow_up,
    followers,
    hotfix,
    incident,
    item,
    logging_coverage,
    practice,
    recommender,
    run,
)
from bot.cli.terminal import warn
from domain.errors import ConfigurationError, RecsysopsError, sanitized
from workers.door import log_administration, redacted, why_not

app = typer.Typer(
    name="recsysops",
    help="Incidents of a recommender: detected, explained, repaired, learned from.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
for module in (run, recommender, item, practice, incident, events, followers, docs):
    app.add_typer(module.app)
for name, group in (
    ("check", checks),
    ("hotfix", hotfix),
    ("bundle", bundle),
    ("follow-up", follow_up),
    ("logging", logging_coverage),
):
    app.add_typer(group.app, name=name)


def main() -> None:
    """
    Run the command line. Exit codes: 0 done, 1 refused or failed, 2 invalid arguments or configuration,
    130 interrupted.
    """
    # Standard output holds only what a program is to read.
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    try:
        app()
    except ConfigurationError as error:
        _fail(str(error), 2)
    except RecsysopsError as error:
        _fail(str(error), 1)
    except (OperationalError, psycopg.OperationalError) as error:
        _fail(_unfit() or f"PostgreSQL does not answer: {why_not(error)} ({sanitized(error)})", 1)
    except (ProgrammingError, psycopg.ProgrammingError):
        # Usually a store that was not migrated; anything else is a bug of ours, and shown in full.
        if why := _unfit():
            _fail(why, 2)
        raise
    except OSError as error:
        why = os.strerror(error.errno) if error.errno else sanitized(error)
        _fail(f"{error.filename or 'a file'}: {why}", 1)


def _unfit() -> str | None:
    try:
        return log_administration.unfit()
    except (ConfigurationError, psycopg.OperationalError):
        return None


def _fail(message: str, code: int) -> None:
    warn(redacted(message))
    raise SystemExit(code)


if __name__ == "__main__":
    main()
