"""Replay of logged requests."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from domain.diagnosis.replay import derived_columns, fill_rows, load_traffic
from domain.diagnosis.reproduction import reproduce


def test_how_the_recommender_explores_is_read_from_the_log(world: SimpleNamespace) -> None:
    traffic = load_traffic(world.candidates, world.columns, world.model)
    assert traffic.temperature == pytest.approx(0.65, rel=0.02)
    exposure = traffic.exposure(traffic.scores(traffic.rows))
    np.testing.assert_allclose(exposure, world.candidates["propensity"], atol=0.01)
    np.testing.assert_allclose(traffic.per_request(exposure), 5.0, atol=0.01)


def test_without_propensities_the_best_of_each_request_are_shown(world: SimpleNamespace) -> None:
    traffic = load_traffic(world.candidates.drop(columns="propensity"), world.columns, world.model)
    assert traffic.temperature is None
    shown = traffic.exposure(traffic.scores(traffic.rows)) > 0
    ranks = world.candidates.groupby("request_id")["score"].rank(ascending=False)
    assert (ranks[shown] <= 5).all()
    assert shown.sum() == 5 * traffic.request_count


def test_candidates_that_are_gone_are_not_shown_and_others_take_their_places(world: SimpleNamespace) -> None:
    traffic = load_traffic(world.candidates_before, world.columns, world.model)
    gone = traffic.rows["item_id"].isin(world.concerned).to_numpy()
    exposure = traffic.exposure(traffic.scores(traffic.rows), gone)
    assert exposure[gone].max() == 0.0
    np.testing.assert_allclose(traffic.per_request(exposure), 5.0, atol=0.05)


def test_what_serving_added_to_the_score_stays(world: SimpleNamespace) -> None:
    rows = world.candidates.copy()
    odds = np.log(rows["score"] / (1 - rows["score"])) + 0.5
    rows["score"] = 1 / (1 + np.exp(-odds))
    traffic = load_traffic(rows, world.columns, world.model)
    np.testing.assert_allclose(traffic.adjustment, 0.5, atol=1e-6)


def test_a_probability_that_is_nearly_none_is_no_adjustment_of_serving(world: SimpleNamespace) -> None:
    """A score of −60 is logged as a probability of next to 0, which does not say what the score was."""
    rows = world.candidates.copy()
    far = SimpleNamespace(kind="log_odds", score=lambda frame: world.model.score(frame) - 60.0)
    rows["score"] = 1 / (1 + np.exp(-far.score(rows[list(world.columns.features)])))
    assert load_traffic(rows, world.columns, far).adjustment.max() == 0.0
    rows["score"] = 0.5
    np.testing.assert_allclose(
        load_traffic(rows, world.columns, far).adjustment, -far.score(rows[list(world.columns.features)])
    )


def test_a_feature_that_is_a_text_is_put_back_as_one(world: SimpleNamespace) -> None:
    rows = world.candidates.assign(
        dept=np.where(world.candidates["item_id"] == world.concerned[0], "new", "old")
    )
    columns = replace(world.columns, features=(*world.columns.features, "dept"))
    filled = fill_rows(rows, rows, columns, "dept", {world.concerned[0]: "old"}, ("dept",))
    assert set(filled["dept"]) == {"old"}


def test_a_feature_of_which_nobody_knows_what_it_would_be_stays_as_it_is(world: SimpleNamespace) -> None:
    """`price_eur` is made from a price that no logged candidate has beside it."""
    rows = world.candidates.assign(price_eur=7.0)
    columns = replace(world.columns, features=(*world.columns.features, "price_eur"))
    dearer = [item for item in rows["item_id"].unique() if item not in set(world.concerned)][:5]
    derived = derived_columns(rows, columns, "price", rows["item_id"].isin(dearer).to_numpy())
    assert derived == ("price_eur",)
    former = dict.fromkeys(dearer, "0.07")
    pd.testing.assert_frame_equal(
        fill_rows(rows, rows, columns, "price", former, derived), rows[list(columns.features)]
    )
    model = SimpleNamespace(
        kind="log_odds", score=lambda frame: world.model.score(frame[list(world.columns.features)])
    )
    assert reproduce(rows, None, columns, model, "price", former) is None


def test_a_filled_language_gives_each_member_its_own_match_back(world: SimpleNamespace) -> None:
    columns, rows = world.columns, world.candidates
    concerned = rows["item_id"].isin(world.concerned).to_numpy()
    derived = derived_columns(rows, columns, "language", concerned)
    assert derived == ("language_match",)
    pool = pd.concat([rows, world.candidates_before])
    former = dict(zip(world.before["item_id"], world.before["language"], strict=True))
    values = {item: former[item] for item in world.concerned}
    filled = fill_rows(rows, pool, columns, "language", values, derived)
    for member, group in rows[concerned].groupby("member_id"):
        for place, item in group["item_id"].items():
            truth = pool[(pool["member_id"] == member) & (pool["language"] == values[item])]["language_match"]
            if len(truth):
                assert filled.loc[place, "language_match"] == pytest.approx(truth.iloc[0])
    pd.testing.assert_frame_equal(filled[~concerned], rows.loc[~concerned, list(columns.features)])


def test_a_value_that_single_precision_cannot_hold_is_put_into_a_log_that_is_kept_in_it(
    world: SimpleNamespace,
) -> None:
    columns, rows = world.columns, world.candidates.copy()
    name = columns.features[0]
    rows[name] = rows[name].astype(np.float32)
    values = dict.fromkeys(world.concerned, "0.71")
    concerned = rows["item_id"].isin(world.concerned).to_numpy()
    filled = fill_rows(rows, rows, columns, name, values, (name,))
    assert (filled.loc[concerned, name] == 0.71).all()
    assert np.array_equal(filled.loc[~concerned, name], rows.loc[~concerned, name], equal_nan=True)
