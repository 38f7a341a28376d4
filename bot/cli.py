"""
`recsysops`: everything that Slack does, in a terminal, and the operator's verbs.

Whoever has a terminal and the store's address is an operator: `terminal:<login>`, in all declared groups.
"""

from __future__ import annotations

import sys

import psycopg
import structlog
import typer
from sqlalchemy.exc import OperationalError, ProgrammingError

from bot import (
    cli_audit,
    cli_bundle,
    cli_burn_in,
    cli_correct,
    cli_debts,
    cli_follow_up,
    cli_followers,
    cli_hotfix,
    cli_incident,
    cli_item,
    cli_link,
    cli_log,
    cli_logging,
    cli_people,
    cli_recommender,
    cli_record,
    cli_rehearse,
    cli_run,
    cli_scorecard,
    cli_slack,
)
from domain.errors import ConfigurationError, RecsysopsError
from workers import ledger
from workers.door import redacted

app = typer.Typer(
    name="recsysops",
    help="Incidents of a recommender: detected, explained, repaired, learned from.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
ROOMS = (
    cli_run,
    cli_recommender,
    cli_burn_in,
    cli_item,
    cli_record,
    cli_rehearse,
    cli_scorecard,
    cli_incident,
    cli_correct,
    cli_people,
    cli_log,
    cli_link,
    cli_slack,
)
for room in ROOMS:
    room.register(app)
app.add_typer(cli_recommender.checks, name="check")
app.add_typer(cli_audit.app, name="audit")
app.add_typer(cli_hotfix.app, name="hotfix")
app.add_typer(cli_bundle.app, name="bundle")
app.add_typer(cli_follow_up.app, name="follow-up")
app.add_typer(cli_log.app, name="events")
app.add_typer(cli_logging.app, name="logging")
app.add_typer(cli_followers.app, name="followers")
app.add_typer(cli_debts.app, name="debts")


def main() -> None:
    """
    The command. Exit codes: 0 done, 1 refused or failed, 2 wrongly asked or configured, 130 interrupted.
    """
    # What a program reads is on the standard output alone.
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    try:
        app()
    except ConfigurationError as error:
        _fail(str(error), 2)
    except RecsysopsError as error:
        _fail(str(error), 1)
    except (OperationalError, psycopg.OperationalError) as error:
        reason = str(getattr(error, "orig", error)).splitlines()[0]
        _fail(_unfit() or f"PostgreSQL does not answer: {reason}", 1)
    except (ProgrammingError, psycopg.ProgrammingError):
        # Most often a store that was not migrated; what is none of that is a fault of ours, and shown whole.
        if why := _unfit():
            _fail(why, 2)
        raise
    except OSError as error:
        _fail(f"{error.filename or 'a file'}: {error.strerror or error}", 1)


def _unfit() -> str | None:
    try:
        return ledger.unfit()
    except (ConfigurationError, psycopg.OperationalError):
        return None


def _fail(message: str, code: int) -> None:
    sys.stderr.write(f"{redacted(message)}\n")
    raise SystemExit(code)


if __name__ == "__main__":
    main()
