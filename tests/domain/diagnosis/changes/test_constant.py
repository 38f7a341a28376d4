"""What a feature that became one value for all would have been."""

from __future__ import annotations

import numpy as np
import pandas as pd

from domain.diagnosis.changes.constant import constant
from domain.diagnosis.replay import CandidateColumns

COLUMNS = CandidateColumns(
    request="request", item="item", score="score", features=("match", "size"), member="who"
)


def logged(seed: int) -> pd.DataFrame:
    """A match is of its own in each row; a size is the item's."""
    chance = np.random.default_rng(seed)
    item = chance.integers(0, 40, 4_000)
    return pd.DataFrame(
        {
            "request": np.repeat(np.arange(400), 10),
            "item": [f"i{n}" for n in item],
            "who": [f"w{n}" for n in chance.integers(0, 300, 4_000)],
            "shelf": np.where(item < 10, "new", "old"),
            "match": chance.normal(0.3, 0.2, 4_000),
            "size": item / 40,
        }
    )


def test_what_nobody_knows_is_put_back_as_widely_spread_as_it_was() -> None:
    before, now = logged(1), logged(2)
    (found,) = constant(
        now.assign(match=now["match"].mask(now["shelf"] == "new", 0.0)), before, COLUMNS, ["shelf"]
    )
    assert found.placed.slice == (("shelf", "new"),)
    should = found.should[found.hit]
    assert abs(float(should.mean()) - 0.3) < 0.03
    assert 0.17 < float(should.std()) < 0.23


def test_what_the_item_says_is_put_back_to_the_very_value() -> None:
    before, now = logged(1), logged(2)
    (found,) = constant(
        now.assign(size=now["size"].mask(now["shelf"] == "new", 9.0)), before, COLUMNS, ["shelf"]
    )
    assert np.allclose(found.should[found.hit], now.loc[found.hit, "size"], atol=1e-9)
