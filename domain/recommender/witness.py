"""Who keeps checkpoints of the log outside the database, so that its owner cannot change it unseen."""

from __future__ import annotations

from datetime import timedelta

from domain.recommender.keys.duration import Duration
from domain.values import Value


class Witness(Value):
    """
    What every kind of witness has; each kind adds where it is (`workers.witnesses`).

    It is handed a checkpoint when the log has grown, at most once per `every`; `timeout` is how long that may
    take altogether.
    """

    name: str
    kind: str
    """Where checkpoints are kept."""
    every: Duration = timedelta(hours=1)
    """Shortest time between two checkpoints; one is made when the log has grown."""
    timeout: Duration = timedelta(seconds=20)
    """Longest time that handing one over may take."""
