"""Numbers for Prometheus, in its text format."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from bot.messages.home import mean_times
from domain.incident.state import Incident


def numbers(incidents: Sequence[Incident]) -> str:
    """
    Incidents by status and severity, and the mean times.

    >>> print(numbers([]), end="")
    # HELP recsysops_incidents Incidents by status and severity.
    # TYPE recsysops_incidents gauge
    # HELP recsysops_owed Answers that the log still owes.
    # TYPE recsysops_owed gauge
    recsysops_owed 0
    # HELP recsysops_mean_seconds Mean time to each step, in seconds.
    # TYPE recsysops_mean_seconds gauge
    """
    counted = Counter((one.status, one.severity.value) for one in incidents)
    lines = [
        "# HELP recsysops_incidents Incidents by status and severity.",
        "# TYPE recsysops_incidents gauge",
        *(
            f'recsysops_incidents{{status="{status}",severity="{severity}"}} {count}'
            for (status, severity), count in sorted(counted.items())
        ),
        "# HELP recsysops_owed Answers that the log still owes.",
        "# TYPE recsysops_owed gauge",
        f"recsysops_owed {sum(len(one.awaits) for one in incidents)}",
        "# HELP recsysops_mean_seconds Mean time to each step, in seconds.",
        "# TYPE recsysops_mean_seconds gauge",
        *(
            f'recsysops_mean_seconds{{step="{step}"}} {mean.total_seconds():.1f}'
            for step, (mean, _) in mean_times(incidents).items()
        ),
    ]
    return "\n".join(lines) + "\n"
