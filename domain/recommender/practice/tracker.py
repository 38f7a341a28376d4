"""Where the team plans its work, so that what an incident leaves to do is a ticket there."""

from __future__ import annotations

from datetime import timedelta

from pydantic import ConfigDict

from domain.recommender.keys.duration import Duration
from domain.values import Value


class Tracker(Value):
    """
    What every kind of tracker has; each kind adds where it is and how it is reached (`workers.trackers`).

    Its open tickets are looked at once in `every`; `timeout` is for all that one question takes. Secrets stay
    in the environment: a key that ends in `_env` has the name of a variable.
    """

    name: str
    kind: str
    """Where tickets are: a kind of ours or an installed one."""
    every: Duration = timedelta(minutes=5)
    """How often its open tickets are looked at."""
    timeout: Duration = timedelta(seconds=20)
    """Longest time that one question may take."""


class UnreadTracker(Tracker):
    """One of a stranger's kind, as it is written: whoever asks it nothing does not import that kind."""

    model_config = ConfigDict(extra="allow")
