"""
Logged scores that the model's own file does not reproduce from the logged features.

What was logged beside a score is everything it was computed from. If the declared file gives another score,
serving did something that nobody declared: another file serves under the same version, a score is adjusted,
capped or boosted after the model, a feature is logged differently than it was fed. No row is missing then,
and no column looks odd.

How a log holds scores (as a probability, in 32 bits, to four decimals) is detected, and the last digits may
differ. A former version and a canary are held to their own files where these are `kept`; rows of other
versions are left out, and so is what was logged without a score.

Source:
    Offline and online scores compared before and after a launch: Zinkevich, "Rules of Machine
    Learning", rules 29 and 37.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from domain.detection.data.tally import Tally
from domain.detection.expect.usual_proportion import LEAST_WINDOWS
from domain.detection.judge.judging import by_check
from domain.detection.judge.state import CheckState, Verdict
from domain.detection.judge.wrong_rows import Words, judge_rows, judging
from domain.detection.kind import Kind
from domain.detection.needs import RecomputedScores
from domain.detection.suited import Suited, logged
from domain.recommender.check import Check
from domain.recommender.options import LeastShare
from domain.recommender.recommender import Recommender

WINDOWS = 12
"""Windows to learn from if nothing is declared: the recomputed rows are divided among them."""

NEARLY = 0.9  # share of each window's scores that came from another file
ANOTHER = (
    "the model's file computes hardly any of the logged scores, now or before: it is not the model that "
    "serves, or its features are in another order"
)

WORDS = Words(
    says=lambda columns, share: f"{columns} is not what the model computes in {share} of the rows",
    unit=lambda column: f"rows with another {column} than the model computes",
    least_share=0.01,
)


def judge_parity(
    check: Check, tally: Tally, state: CheckState, looks_per_week: float | None = None
) -> Verdict:
    """Whether more scores than usual are not the model's, in all or in a slice. See `judge_rows`."""
    if not state.excluded and _of_another_model(tally):
        return Verdict(state=state, judged=False, note=ANOTHER)
    return judge_rows(check, tally, state, looks_per_week, WORDS)


def _of_another_model(tally: Tally) -> bool:
    """Whether hardly any score ever came from the file: then there is nothing that could become wrong."""
    rows, other = tally.rows[:, 0], tally.bad[:, 0].max(axis=-1, initial=0.0)
    there = rows > 0
    return bool(there.sum() >= LEAST_WINDOWS) and bool((other[there] >= NEARLY * rows[there]).all())


def history_of(window: timedelta) -> timedelta:
    """How far back to learn from if nothing is declared."""
    return WINDOWS * window


def _suits(recommender: Recommender) -> Iterator[Suited]:
    for model, table in logged(recommender):
        if model.score is not None:
            yield Suited(table)


KIND = Kind(
    name="score_parity",
    purpose="logged scores that the model's own file does not compute",
    options=LeastShare,
    needs=RecomputedScores(),
    judging=replace(judging(WORDS), verdict=by_check(judge_parity)),
    sliced="always",
    history=history_of,
    evidences=("monitor-3",),
    fault="serving",
    suits=_suits,
)
