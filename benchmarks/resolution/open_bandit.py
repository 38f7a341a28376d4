"""
What a fashion shop's other policy was worth, from each policy's own log; the other log gives the truth.
Beside it is the result of `obp`, the pipeline published with the data (`peers.txt`).

Source:
    Saito, Aihara, Matsutani & Narita (2021), Open Bandit Dataset and Pipeline, NeurIPS Datasets and
    Benchmarks.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.detection.stranger import NotThereError, answered
from benchmarks.table import Row, Rows
from domain.diagnosis.replay import CandidateColumns, Floats, load_traffic
from domain.errors import SourceError
from domain.resolution.completeness import require_candidates
from domain.resolution.off_policy import LEAST_SHARE, Choices, effective_share, value
from domain.resolution.resample import HIGH, LOW, resample

PEERS = Path(__file__).with_name("peers.txt")
CELLS = ["item_id", "position"]
NARROWEST = 0.9
"""Least width relative to `obp`'s interval: 500 resamples each leave a percentile width uncertain by 4 %."""
DATA = Path(os.environ.get("OPEN_BANDIT_DATA", Path(__file__).parents[3] / "shared/data/open_bandit"))


class Unscored:
    """No model was logged, and none is asked."""

    kind = "number"

    def score(self, features: pd.DataFrame) -> Floats:
        """(rows,) nothing."""
        return np.zeros(len(features))


def rows(table: Rows) -> Iterator[Row]:
    """A row for each direction, and what is said of a replay of such a log."""
    if not DATA.is_dir():
        yield table.not_run("Open Bandit", f"{DATA} is not there")
        return
    logs = {name: pd.read_csv(DATA / f"all/{name}.csv", index_col=0) for name in ("random", "bts")}
    for name, other in (("random", "bts"), ("bts", "random")):
        yield from _direction(table, name, logs[name], other, logs[other])
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


def _direction(table: Rows, name: str, log: pd.DataFrame, other: str, truth: pd.DataFrame) -> Iterator[Row]:
    """
    What the log says of the other policy. That policy's chances are the mean probabilities by item and place
    in its own log, scaled to add up to one in each place.
    """
    work = f"Open Bandit: clicks under `{other}`, from the log of `{name}`"
    means = truth.groupby(CELLS)["propensity_score"].mean()
    chances = means / means.groupby("position").transform("sum")
    target = chances.reindex(pd.MultiIndex.from_frame(log[CELLS])).fillna(0.0).to_numpy(np.float64)
    logged = log["propensity_score"].to_numpy(np.float64)
    choices = Choices(np.ones(len(log)), log["click"].to_numpy(np.float64), logged, np.arange(len(log)))
    share = effective_share(choices, target - logged)
    right, seen = float(truth["click"].mean()), int(truth["click"].sum())
    said = f"its own log: {1000 * right:.2f} per 1,000 ({seen} clicks); effective share {share:.1%}"
    if share < LEAST_SHARE:
        yield table.above(f"{work}: refused", 1.0, "of 1", 1.0, said)
        return
    weights = resample(pd.Series(range(len(log))), np.ones(len(log)), 0)
    # Of a place only the item shown is logged: what the place is worth is a share of its chance.
    mass = weights @ target / weights.sum(axis=1)
    found = 1000 * value(choices, target, np.zeros(len(log)), weights) / mass
    low, high = np.percentile(found[1:], [LOW, HIGH])
    holds = float(low <= 1000 * right <= high)
    beside = f"{found[0]:.2f} [{low:.2f}–{high:.2f}] per 1,000; {said}; {_plain(log, target)}"
    yield table.above(f"{work}: its interval holds what that log says", holds, "of 1", 1.0, beside)
    yield _beside(table, work, log, chances, float(high - low))


def _beside(table: Rows, work: str, log: pd.DataFrame, chances: pd.Series, width: float) -> Row:
    """The width of our interval relative to that of `obp`'s SNIPS, with what its SNIPS and DR say."""
    work = f"{work}: width of its interval beside that of `obp`'s SNIPS"
    with tempfile.TemporaryDirectory() as made:
        rows, policy = Path(made) / "rows.parquet", Path(made) / "policy.parquet"
        log.filter(regex="^(item_id|position|click|propensity_score|user_feature_)").to_parquet(rows)
        chances.rename("chance").reset_index().to_parquet(policy)
        try:
            theirs = answered(OBP, str(rows), str(policy), requirements=PEERS)
        except NotThereError as error:
            return table.not_run(work, f"obp: {error}")
    said = [f"{name} {1000 * one[0]:.2f} [{_thousand(one[1:])}]" for name, one in theirs["said"].items()]
    low, high = theirs["said"]["SNIPS"][1:]
    beside = f"obp {theirs['version']}: {', '.join(said)} per 1,000"
    return table.above(work, width / (1000 * (high - low)), "times", NARROWEST, beside)


def _thousand(interval: list[float]) -> str:
    return "–".join(f"{1000 * end:.2f}" for end in interval)


def _plain(log: pd.DataFrame, target: Floats) -> str:
    """Self-normalised IPS as in textbooks, with the error of its linearisation."""
    ratio = target / log["propensity_score"].to_numpy(np.float64)
    clicks = log["click"].to_numpy(np.float64)
    mean = float((ratio * clicks).sum() / ratio.sum())
    error = float(np.sqrt((ratio**2 * (clicks - mean) ** 2).sum()) / ratio.sum())
    return f"by the textbook {1000 * mean:.2f} ± {1000 * 1.645 * error:.2f}"


OBP = """
import numpy as np
import obp
from obp.ope import DoublyRobust, RegressionModel, SelfNormalizedInverseProbabilityWeighting
from sklearn.linear_model import LogisticRegression
policy = pd.read_parquet(sys.argv[2])
items, places = int(policy["item_id"].max()) + 1, int(policy["position"].max())
one = np.zeros((items, places))
one[policy["item_id"], policy["position"] - 1] = policy["chance"]
given = {
    "reward": frame["click"].to_numpy(), "action": frame["item_id"].to_numpy(),
    "pscore": frame["propensity_score"].to_numpy(), "position": frame["position"].to_numpy() - 1,
}
context = pd.get_dummies(frame.filter(like="user_feature_")).to_numpy(float)
liked = LogisticRegression(max_iter=1000, C=0.01)
model = RegressionModel(n_actions=items, len_list=places, base_model=liked)
expected = model.fit_predict(context=context, n_folds=3, random_state=0, **given)
given["action_dist"] = np.broadcast_to(one, (len(frame), items, places)).copy()
said = {}
for name, kind, more in (
    ("SNIPS", SelfNormalizedInverseProbabilityWeighting(), {}),
    ("DR", DoublyRobust(), {"estimated_rewards_by_reg_model": expected}),
):
    ends = kind.estimate_interval(alpha=0.1, n_bootstrap_samples=500, random_state=0, **given, **more)
    interval = [float(end) for key, end in ends.items() if key != "mean"]
    said[name] = [float(kind.estimate_policy_value(**given, **more)), *interval]
print(json.dumps({"version": obp.__version__, "said": said}))
"""
