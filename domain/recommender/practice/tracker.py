"""Where the team plans its work, so that what an incident leaves to do becomes a ticket there."""

from __future__ import annotations

from datetime import timedelta

from pydantic import ConfigDict

from domain.recommender.keys.duration import Duration
from domain.values import Value


class Tracker(Value):
    """
    What every kind of tracker has; each kind adds its address and how it is reached (`workers.trackers`).

    Its open tickets are looked at once per `every`; `timeout` covers everything that one question takes.
    Secrets stay in the environment: a key that ends in `_env` holds the name of a variable.
    """

    name: str
    kind: str
    """Where tickets are: a kind of ours or an installed one."""
    every: Duration = timedelta(minutes=5)
    """How often its open tickets are looked at."""
    timeout: Duration = timedelta(seconds=20)
    """Longest time that one question may take."""


class UnreadTracker(Tracker):
    """One of a third-party kind, as written: whoever does not use it need not import that kind."""

    model_config = ConfigDict(extra="allow")
