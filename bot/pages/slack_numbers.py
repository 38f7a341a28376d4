"""Metrics about what is shown in Slack, for Prometheus."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from workers.door import OwedMessage


def slack_numbers(
    owed: Mapping[str, OwedMessage], refuses: bool, routes_lost: int, at: datetime | None = None
) -> str:
    """
    Messages that are not in Slack yet at `at` (now, if not given), whether Slack accepts anything at all, and
    declared channels that cannot be written to.

    >>> print(slack_numbers({}, refuses=True, routes_lost=0), end="")
    # HELP recsysops_slack_refuses 1 while Slack takes nothing from the bot's token.
    # TYPE recsysops_slack_refuses gauge
    recsysops_slack_refuses 1
    # HELP recsysops_slack_owed Incidents whose message or thread is not in Slack as it should be.
    # TYPE recsysops_slack_owed gauge
    recsysops_slack_owed 0
    # HELP recsysops_slack_owed_in_trouble Of these, those whose last try failed.
    # TYPE recsysops_slack_owed_in_trouble gauge
    recsysops_slack_owed_in_trouble 0
    # HELP recsysops_slack_owed_oldest_seconds How long the oldest of them has waited.
    # TYPE recsysops_slack_owed_oldest_seconds gauge
    recsysops_slack_owed_oldest_seconds 0.0
    # HELP recsysops_slack_routes_lost Declared channels that cannot be written into.
    # TYPE recsysops_slack_routes_lost gauge
    recsysops_slack_routes_lost 0
    """
    now = at or datetime.now(UTC)
    oldest = max(((now - one.since).total_seconds() for one in owed.values()), default=0.0)
    gauges = (
        ("refuses", "1 while Slack takes nothing from the bot's token.", int(refuses)),
        ("owed", "Incidents whose message or thread is not in Slack as it should be.", len(owed)),
        (
            "owed_in_trouble",
            "Of these, those whose last try failed.",
            sum(one.trouble is not None for one in owed.values()),
        ),
        ("owed_oldest_seconds", "How long the oldest of them has waited.", f"{max(0.0, oldest):.1f}"),
        ("routes_lost", "Declared channels that cannot be written into.", routes_lost),
    )
    return "".join(
        f"# HELP recsysops_slack_{name} {says}\n# TYPE recsysops_slack_{name} gauge\n"
        f"recsysops_slack_{name} {value}\n"
        for name, says, value in gauges
    )
