"""Labels that differ in the newest training from those before: in a segment, everywhere, or nowhere."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from domain.diagnosis.changes.trained.labels import Symptom, labels_off
from domain.diagnosis.changes.trained.segment import segment_off
from domain.diagnosis.material import TrainingRows
from domain.values import slice_of

AT = datetime(2026, 4, 9, 2, 30, tzinfo=UTC)
AISLES = ("bread", "cheese", "fish", "fruit", "tea")
STORES = ("harbour", "market", "station")
SCATTER = 0.06  # of a night's liking from another's
Chance = Callable[[pd.DataFrame], "pd.Series | float"]


def taken(
    times: Chance = lambda cells: 1.0, nights: int = 6, seed: int = 4, each: float = 900
) -> TrainingRows:
    """Rows of so many nights; in the newest the chance of a label is so many times as high."""
    rng = np.random.default_rng(seed)
    cells = pd.MultiIndex.from_product([AISLES, STORES], names=["aisle", "store"]).to_frame(index=False)
    usual, parts = rng.uniform(0.05, 0.2, len(cells)), []
    for night in range(nights):
        rows = rng.poisson(each * rng.uniform(0.8, 1.2), len(cells))
        chance = usual * rng.lognormal(0, SCATTER) * (times(cells) if night == 0 else 1.0)
        labelled = rng.binomial(rows, np.clip(chance, 0, 1))
        parts.append(cells.assign(training=night, rows=rows.astype(float), labelled=labelled.astype(float)))
    return TrainingRows("lessons", AT, ("aisle", "store"), pd.concat(parts, ignore_index=True))


def in_cheese(factor: float) -> Chance:
    return lambda cells: cells["aisle"].map({"cheese": factor}).fillna(1.0)


@pytest.mark.parametrize("factor", [0.0, 0.3, 4.0])
def test_labels_lost_or_made_up_in_one_segment_are_found_there(factor: float) -> None:
    found = labels_off(taken(in_cheese(factor)))
    assert found is not None
    assert found.slice == slice_of(aisle="cheese")
    assert found.rate / found.usual == pytest.approx(factor, rel=0.25, abs=0.02)


def test_labels_lost_in_one_aisle_of_one_store_are_found_there() -> None:
    def there(cells: pd.DataFrame) -> pd.Series:
        return 1.0 - ((cells["aisle"] == "tea") & (cells["store"] == "market"))

    found = labels_off(taken(there))
    assert found is not None
    assert found.slice == slice_of(aisle="tea", store="market")


FEW = 40  # rows of a segment


def test_few_labels_lost_are_found_in_the_slice_that_the_new_model_shows_less() -> None:
    symptom = Symptom(slice_of(aisle="cheese"), -0.8)
    rows = [taken(in_cheese(0.1), each=FEW, seed=seed) for seed in range(20)]
    assert sum(labels_off(one) is not None for one in rows) <= 5
    found = [labels_off(one, symptom) for one in rows]
    assert sum(one is not None and one.slice == symptom.slice for one in found) >= 15


def test_labels_lost_do_not_explain_that_the_new_model_shows_more() -> None:
    symptom = Symptom(slice_of(aisle="cheese"), 0.8)
    found = [labels_off(taken(in_cheese(0.1), each=FEW, seed=seed), symptom) for seed in range(20)]
    assert sum(one is not None for one in found) <= 5


def test_where_labels_are_as_ever_a_symptom_hardly_ever_makes_them_look_off() -> None:
    symptom = Symptom(slice_of(aisle="cheese"), -0.8)
    found = [labels_off(taken(seed=seed, each=FEW), symptom) for seed in range(100)]
    assert sum(one is not None for one in found) <= 5


def test_labels_of_all_that_have_not_come_yet_are_no_segments() -> None:
    found = labels_off(taken(lambda cells: 0.4))
    assert found is not None
    assert found.slice == ()
    assert "of its rows labelled" in found.words


@pytest.mark.parametrize("seed", range(8))
def test_labels_as_ever_are_silent(seed: int) -> None:
    assert labels_off(taken(seed=seed)) is None


def test_rows_are_not_off_where_only_labels_are() -> None:
    assert segment_off(taken(in_cheese(0.2))) is None


def test_with_fewer_than_two_trainings_before_nothing_is_said() -> None:
    assert labels_off(taken(in_cheese(0.0), nights=2)) is None


def test_without_a_declared_label_nothing_is_said() -> None:
    rows = taken(in_cheese(0.0))
    bare = TrainingRows(rows.table, rows.at, rows.dimensions, rows.counts.drop(columns="labelled"))
    assert labels_off(bare) is None
