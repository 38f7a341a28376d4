"""
What a fashion shop's other policy was worth, from each policy's own log: the other log says what is right.

Source:
    Saito, Aihara, Matsutani & Narita (2021), Open Bandit Dataset and Pipeline, NeurIPS Datasets and
    Benchmarks.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.table import Row, Rows
from domain.diagnosis.replay import CandidateColumns, Floats, load_traffic
from domain.errors import SourceError
from domain.resolution.completeness import require_candidates
from domain.resolution.off_policy import LEAST_SHARE, Choices, effective_share, value
from domain.resolution.resample import HIGH, LOW, resample

DATA = Path(os.environ.get("OPEN_BANDIT_DATA", Path(__file__).parents[3] / "shared/data/open_bandit"))


class Unscored:
    """No model was logged; none is asked."""

    kind = "number"

    def score(self, features: pd.DataFrame) -> Floats:
        """(rows,) nothing."""
        return np.zeros(len(features))


def rows(table: Rows) -> Iterator[Row]:
    """A row a direction, and what is said of a replay of such a log."""
    if not DATA.is_dir():
        yield table.not_run("Open Bandit", f"{DATA} is not there")
        return
    logs = {name: pd.read_csv(DATA / f"all/{name}.csv", index_col=0) for name in ("random", "bts")}
    for name, other in (("random", "bts"), ("bts", "random")):
        yield _direction(table, name, logs[name], other, logs[other])
    columns = CandidateColumns(
        "row", "item_id", "score", (), propensity="propensity_score", shown="put", top=1
    )
    shown = logs["random"].assign(row=range(len(logs["random"])), score=0.0, put=True)
    try:
        require_candidates(load_traffic(shown, columns, Unscored()))
        refused = 0.0
    except SourceError:
        refused = 1.0
    yield table.above("Open Bandit: a replay of a log of what was shown, refused", refused, "of 1", 1.0)


def _direction(table: Rows, name: str, log: pd.DataFrame, other: str, truth: pd.DataFrame) -> Row:
    """
    The log's word on the other policy, whose chances are the means of what its own log says of item and
    place.
    """
    work = f"Open Bandit: clicks under `{other}`, from the log of `{name}`"
    cells = ["item_id", "position"]
    chances = truth.groupby(cells)["propensity_score"].mean()
    target = chances.reindex(pd.MultiIndex.from_frame(log[cells])).fillna(0.0).to_numpy(np.float64)
    logged = log["propensity_score"].to_numpy(np.float64)
    choices = Choices(np.ones(len(log)), log["click"].to_numpy(np.float64), logged, np.arange(len(log)))
    share = effective_share(choices, target - logged)
    right, seen = float(truth["click"].mean()), int(truth["click"].sum())
    said = f"its own log: {1000 * right:.2f} per 1,000 ({seen} clicks); effective share {share:.1%}"
    if share < LEAST_SHARE:
        return table.above(f"{work}: refused", 1.0, "of 1", 1.0, said)
    weights = resample(pd.Series(range(len(log))), np.ones(len(log)), 0)
    # Of a place only the item shown is logged: what the place is worth is a share of its chance.
    mass = weights @ target / weights.sum(axis=1)
    found = 1000 * value(choices, target, np.zeros(len(log)), weights) / mass
    low, high = np.percentile(found[1:], [LOW, HIGH])
    holds = float(low <= 1000 * right <= high)
    beside = f"{found[0]:.2f} [{low:.2f}–{high:.2f}] per 1,000; {said}; {_plain(log, target)}"
    return table.above(f"{work}: its interval holds what that log says", holds, "of 1", 1.0, beside)


def _plain(log: pd.DataFrame, target: Floats) -> str:
    """Self-normalised IPS as it is written in textbooks, with the error of its linearisation."""
    ratio = target / log["propensity_score"].to_numpy(np.float64)
    clicks = log["click"].to_numpy(np.float64)
    mean = float((ratio * clicks).sum() / ratio.sum())
    error = float(np.sqrt((ratio**2 * (clicks - mean) ** 2).sum()) / ratio.sum())
    return f"by the textbook {1000 * mean:.2f} ± {1000 * 1.645 * error:.2f}"
