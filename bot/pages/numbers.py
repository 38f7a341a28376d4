"""Metrics for Prometheus, in its text format."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime

from domain.incident.times import MeanTimes
from workers.door import Following, ObligationSum


def numbers(
    counts: Mapping[tuple[str, str], int],
    means: MeanTimes,
    followers: Sequence[Following],
    owed: Sequence[ObligationSum],
    at: datetime,
    undecided: int = 0,
) -> str:
    """
    Incidents by status and severity, what is owed at `at` by kind, the mean times, how far each follower of
    the log is behind, and how many events of the log are `undecided`: they carry no seal.

    >>> print(numbers({}, {}, [], [], datetime(2026, 5, 4)), end="")
    # HELP recsysops_incidents Incidents by status and severity.
    # TYPE recsysops_incidents gauge
    # HELP recsysops_owed Open obligations: answers that the log still waits for.
    # TYPE recsysops_owed gauge
    recsysops_owed 0
    # HELP recsysops_owed_in_trouble Of these, those whose last try failed.
    # TYPE recsysops_owed_in_trouble gauge
    recsysops_owed_in_trouble 0
    # HELP recsysops_owed_oldest_seconds How long the oldest of each kind has been open.
    # TYPE recsysops_owed_oldest_seconds gauge
    # HELP recsysops_mean_seconds Mean time to each step, in seconds.
    # TYPE recsysops_mean_seconds gauge
    # HELP recsysops_follower_behind Events that a follower of the log has not seen.
    # TYPE recsysops_follower_behind gauge
    # HELP recsysops_follower_lag_seconds How long the oldest of them has waited.
    # TYPE recsysops_follower_lag_seconds gauge
    # HELP recsysops_follower_set_aside Events that a follower could not do.
    # TYPE recsysops_follower_set_aside gauge
    # HELP recsysops_events_undecided Events that no rule decided: somebody forged them, nobody acts on them.
    # TYPE recsysops_events_undecided gauge
    recsysops_events_undecided 0
    """
    lines = [
        "# HELP recsysops_incidents Incidents by status and severity.",
        "# TYPE recsysops_incidents gauge",
        *(
            f'recsysops_incidents{{status="{status}",severity="{severity}"}} {count}'
            for (status, severity), count in sorted(counts.items())
        ),
        *_of_owed(owed, at),
        "# HELP recsysops_mean_seconds Mean time to each step, in seconds.",
        "# TYPE recsysops_mean_seconds gauge",
        *(
            f'recsysops_mean_seconds{{step="{step}"}} {mean.total_seconds():.1f}'
            for step, (mean, _) in means.items()
        ),
        *_of_followers(followers),
        "# HELP recsysops_events_undecided "
        "Events that no rule decided: somebody forged them, nobody acts on them.",
        "# TYPE recsysops_events_undecided gauge",
        f"recsysops_events_undecided {undecided}",
    ]
    return "\n".join(lines) + "\n"


def _of_owed(owed: Sequence[ObligationSum], at: datetime) -> Iterator[str]:
    yield "# HELP recsysops_owed Open obligations: answers that the log still waits for."
    yield "# TYPE recsysops_owed gauge"
    yield f"recsysops_owed {sum(one.count for one in owed)}"
    yield "# HELP recsysops_owed_in_trouble Of these, those whose last try failed."
    yield "# TYPE recsysops_owed_in_trouble gauge"
    yield f"recsysops_owed_in_trouble {sum(one.in_trouble for one in owed)}"
    yield "# HELP recsysops_owed_oldest_seconds How long the oldest of each kind has been open."
    yield "# TYPE recsysops_owed_oldest_seconds gauge"
    for one in owed:
        seconds = max(0.0, (at - one.oldest).total_seconds())
        yield f'recsysops_owed_oldest_seconds{{kind="{one.kind}"}} {seconds:.1f}'


def _of_followers(followers: Sequence[Following]) -> Iterator[str]:
    for name, says, value in _FOLLOWED:
        yield f"# HELP recsysops_follower_{name} {says}"
        yield f"# TYPE recsysops_follower_{name} gauge"
        yield from (f'recsysops_follower_{name}{{follower="{one.name}"}} {value(one)}' for one in followers)


_FOLLOWED: tuple[tuple[str, str, Callable[[Following], object]], ...] = (
    ("behind", "Events that a follower of the log has not seen.", lambda one: one.behind),
    ("lag_seconds", "How long the oldest of them has waited.", lambda one: f"{one.lag.total_seconds():.1f}"),
    ("set_aside", "Events that a follower could not do.", lambda one: len(one.aside)),
)
