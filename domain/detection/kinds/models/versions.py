"""
Whether the model version that serves is the right one: a replica left behind, a canary too wide or in one
place.

What should serve is declared, or given by the model's registry, so that nothing is learned: a replica that
has served an old model for weeks is as wrong as on its first day. Shares add up to one, so only what
serves too much is reported: what serves too little is the same rows seen from the other side.

A slice may be off by `LEAST_SHARE`, plus what chance makes of so few rows; rows that were
assigned together (all requests of a member) have to be counted once, by the check's `per`.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from domain.detection.data.check_run import CheckRun
from domain.detection.data.served import Served
from domain.detection.data.tally import Tally
from domain.detection.judge.again.measure import Measurement
from domain.detection.judge.again.proportion import measure_proportion
from domain.detection.judge.judging import Again, Judging
from domain.detection.judge.proportion import TOGETHER, Promise, Proportions, Words, judge_proportions
from domain.detection.judge.state import CheckState, Verdict
from domain.detection.judge.title import percent
from domain.detection.kind import Kind
from domain.detection.needs import ServedVersions
from domain.detection.suited import Suited, logged
from domain.recommender.check import Check
from domain.recommender.options import LeastShare, OfColumns, Per, Serving
from domain.recommender.recommender import Recommender

LEAST_SHARE = 0.02  # by which a version's share may be off, if nothing is declared
LEAST_ROWS = 5.0  # the same for the rows: with a promise each row that breaks it is certain


class Keys(Serving, OfColumns, Per, LeastShare):
    """What should serve, which column says what does, what counts once, and what may be off."""


def _says(version: str, observed: float, due: float) -> str:
    should = f"of {percent(due)}" if due > 0 else "of nothing"
    return f"{version} serves {percent(observed)} instead {should}"


WORDS = Words(says=_says, unit=lambda version: f"rows served by {version}", way="surge")


def settled(_recommender: Recommender, check: Check) -> Check:
    """The check with the number of rows that matter, if that is not declared."""
    declared = "least_rows" in check.model_fields_set
    return check if declared else check.model_copy(update={"least_rows": LEAST_ROWS})


def promise_of(check: Check, columns: tuple[str, ...]) -> Promise:
    """What each of the versions should serve: nothing, if it is not declared."""
    keys = Keys.of(check)
    least = keys.least(LEAST_SHARE)
    share = np.array([keys.versions.get(name, 0.0) for name in columns])
    return Promise(share, np.full(len(columns), least), scatters=False)


def served_of(tally: Tally, steady: bool) -> Proportions:
    """
    The last window of `tally`: of all rows, those that each version served; and if the same was due before,
    those that are judged together with it. Nothing is learned from any of them.
    """
    rows = np.broadcast_to(tally.rows[:, :, None], tally.bad.shape)
    # several are judged only if there is one before them
    start = max(len(rows) - TOGETHER - 1, 0) if steady else len(rows) - 1
    return Proportions(
        tally.grid, tally.cells, tally.columns, rows[start:], tally.bad[start:], tally.first + start
    )


def judge_versions(
    check: Check,
    tally: Tally,
    state: CheckState,
    looks_per_week: float | None = None,
    *,
    steady: bool = True,
) -> Verdict:
    """
    Whether a version serves more than its share, in all or in a slice. See `judge_proportions`.

    Args:
        check: its `versions` say what should serve in the last window.
        steady: they were due in the windows before as well; else only the last one is judged.
    """
    served = served_of(tally, steady)
    return judge_proportions(check, served, state, looks_per_week, WORDS, promise_of(check, served.columns))


def _due(run: CheckRun, served: Served) -> Check:
    """The look's check with what should serve in its window."""
    return run.check.with_options(versions=dict(served.due))


def _verdict(run: CheckRun, served: Served, memory: CheckState) -> Verdict:
    check = _due(run, served)
    return judge_versions(check, served.tally, memory, run.looks_per_week, steady=served.steady)


def measure_versions(run: CheckRun, served: Served, again: Again[Served]) -> Measurement:
    """How many rows the finding's version serves now. See `measure_proportion`."""
    check, parts = _due(run, served), served_of(served.tally, steady=False)
    promise = promise_of(check, parts.columns)
    return measure_proportion(check, again.finding, parts, promise, again.memory)


def _suits(recommender: Recommender) -> Iterator[Suited]:
    for model, table in logged(recommender):
        if model.version is not None and model.registry is not None:
            yield Suited(table)


KIND = Kind(
    name="versions",
    purpose="the model version that serves, where it should be another",
    example={"versions": {"v7": 0.9, "v8": 0.1}},
    options=Keys,
    needs=ServedVersions(),
    judging=Judging(_verdict, measure_versions),
    settled=settled,
    sliced="always",
    fault="model",
    suits=_suits,
)
