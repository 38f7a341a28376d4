"""
Recommendations of a real shop, logged by a uniform policy and by the one in production; read in place. Where
OPEN_BANDIT_DATA does not name them, they lie beside the project.
"""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from domain.detection.exposure.expected_exposure import deserve, production_bias
from workers.declaration.declare import load
from workers.items.answer import answer_for
from workers.items.look import look_at_item

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("OPEN_BANDIT_DATA", ROOT.parent / "shared/data/open_bandit/all")).resolve()
COLUMNS = ["timestamp", "item_id", "position", "click", "propensity_score"]
SURE = 2.0  # standard errors from which on a half of the log counts as the truth about an item's side

DECLARED = """
[recommender]
name = "shop"
[tables.shown]
files = ["{data}/bts.csv", "{data}/random.csv"]
select = '''
SELECT timestamp::TIMESTAMPTZ AS at, 'bts' || column00 AS request, item_id::VARCHAR AS item, position,
  false AS by_chance, click FROM read_csv('{data}/bts.csv', names = {names}, header = true)
UNION ALL BY NAME
SELECT timestamp::TIMESTAMPTZ AS at, 'random' || column00 AS request, item_id::VARCHAR AS item, position,
  true AS by_chance, click FROM read_csv('{data}/random.csv', names = {names}, header = true)
'''
time = "at"
window = "1d"
item = "item"
[tables.chosen]
files = ["{data}/bts.csv", "{data}/random.csv"]
select = '''
SELECT timestamp::TIMESTAMPTZ AS at, 'bts' || column00 AS request, item_id::VARCHAR AS item
  FROM read_csv('{data}/bts.csv', names = {names}, header = true) WHERE click = 1
UNION ALL BY NAME
SELECT timestamp::TIMESTAMPTZ AS at, 'random' || column00 AS request, item_id::VARCHAR AS item
  FROM read_csv('{data}/random.csv', names = {names}, header = true) WHERE click = 1
'''
time = "at"
item = "item"
[tables.items]
files = ["{data}/random.csv"]
select = "SELECT DISTINCT item_id::VARCHAR AS item FROM read_csv('{data}/random.csv')"
[items]
table = "items"
key = "item"
[exposure]
shown = "shown"
chosen = "chosen"
request = "request"
position = "position"
explored = "by_chance"
history = "10d"
"""


@pytest.fixture(scope="module")
def logs() -> tuple[pd.DataFrame, pd.DataFrame]:
    """What production showed, and what chance did."""
    production, by_chance = (
        pd.read_csv(DATA / name, usecols=COLUMNS).sort_values("timestamp")
        for name in ("bts.csv", "random.csv")
    )
    return production, by_chance


def counted(log: pd.DataFrame) -> pd.DataFrame:
    named = log.assign(item=log["item_id"].astype(str))
    return (
        named.groupby(["item", "position"])
        .agg(shown=("click", "size"), chosen=("click", "sum"))
        .reset_index()
    )


def biased(production: pd.DataFrame, by_chance: pd.DataFrame) -> pd.DataFrame:
    deserved = deserve(counted(production), counted(by_chance))
    return production_bias(deserved, counted(production)).set_index("item")


def test_the_uniform_log_is_not_biased_against_itself(logs: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    """Its later half as production, its earlier half as chance: nothing is unusual, hardly anything sure."""
    by_chance = logs[1]
    half = len(by_chance) // 2
    found = biased(by_chance.iloc[half:], by_chance.iloc[:half])
    assert not found["unusual"].any()
    assert ((found["low"] > 0) | (found["high"] < 0)).sum() <= 4  # of 80, at nine in ten


def test_the_side_of_a_bias_is_that_of_the_half_of_the_log_that_was_not_looked_at(
    logs: tuple[pd.DataFrame, pd.DataFrame],
) -> None:
    """
    Estimated from the earlier half of each log; the truth is the later half's share of production over that
    of chance, for items where it is clear.
    """
    early = [log.iloc[: len(log) // 2] for log in logs]
    late = [log.iloc[len(log) // 2 :]["item_id"].astype(str).value_counts() for log in logs]
    found = biased(*early)
    shown, chance = (late[at].reindex(found.index, fill_value=0).astype(float) + 0.5 for at in (0, 1))
    truth = np.log(shown / shown.sum()) - np.log(chance / chance.sum())
    known = np.abs(truth) > SURE * np.sqrt(1 / shown + 1 / chance)
    clear = known & ((found["low"] > 0) | (found["high"] < 0))
    assert clear.sum() >= 30
    assert (np.sign(found["bias"][clear]) == np.sign(truth[clear])).mean() >= 0.95


def test_what_production_shows_most_has_the_propensities_to_match(
    logs: tuple[pd.DataFrame, pd.DataFrame],
) -> None:
    """The logged propensities, never read by the estimate, rank the items as the estimated biases do."""
    found = biased(*logs)
    production = logs[0].assign(item=logs[0]["item_id"].astype(str))
    propensity = production.groupby("item")["propensity_score"].mean()
    shown = found.loc[found.index.isin(propensity.index), "bias"]
    ranks = (shown.rank().to_numpy(), propensity[shown.index].rank().to_numpy())
    assert float(np.corrcoef(*ranks)[0, 1]) > 0.8


def test_an_item_of_the_shop_is_answered_for_from_the_files_themselves(
    logs: tuple[pd.DataFrame, pd.DataFrame], tmp_path: Path
) -> None:
    header = ["column00", *pd.read_csv(DATA / "bts.csv", nrows=0).columns[1:]]
    (tmp_path / "recsysops.toml").write_text(DECLARED.format(data=DATA, names=header))
    shop = load(tmp_path, {})
    found = biased(*logs)
    end = datetime.fromisoformat(max(str(log["timestamp"].max()) for log in logs)) + timedelta(minutes=1)
    for item, side in ((str(found["bias"].idxmax()), 1), (str(found["bias"].idxmin()), -1)):
        answer = answer_for(shop, look_at_item(shop, item, end))
        assert answer.bias is not None and answer.bias.value is not None
        assert np.sign(answer.bias.value) == side
        assert answer.unbiased
