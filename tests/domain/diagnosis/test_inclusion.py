"""A log in which some requests were likelier than others says the same as one in which all were alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.diagnosis.changes.other_model import _shares
from domain.diagnosis.diagnose import diagnose
from domain.diagnosis.inclusion import effective, mean_of, weights_of
from domain.diagnosis.replay import load_traffic
from domain.diagnosis.reproduction import reproduce
from domain.diagnosis.rerun.rerun import Logged, Models, rerun
from domain.diagnosis.scene import Scene, requests_by, set_scene
from domain.diagnosis.two_by_two import split_change
from domain.errors import SourceError
from domain.resolution.price import price
from domain.resolution.stage import set_stage
from domain.values import slice_of
from tests.domain.diagnosis.shop import COLUMNS, SINCE, Shop, Weighted, shop

WEIGHED = replace(COLUMNS, inclusion="inclusion")
COFFEE = slice_of(category="coffee")


def lowered(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(log_odds=rows["log_odds"] - 1.5 * (rows["category"] == "coffee"))


def twice(rows: pd.DataFrame) -> pd.DataFrame:
    """Every request that is not of the app, once more under another number."""
    again = rows[rows["device"] != "app"]
    return pd.concat([rows, again.assign(basket_id=again["basket_id"] + 1_000_000)], ignore_index=True)


def halved(rows: pd.DataFrame) -> pd.DataFrame:
    """The same traffic as `twice`, in which those requests were logged with probability one half."""
    return rows.assign(inclusion=np.where(rows["device"] == "app", 1.0, 0.5))


def unlike(rows: pd.DataFrame) -> pd.DataFrame:
    """A quarter of the requests, but all of the app: logged by slice."""
    kept = (rows["device"] == "app") | (rows["basket_id"] % 4 == 0)
    return rows[kept].assign(inclusion=np.where(rows.loc[kept, "device"] == "app", 1.0, 0.25))


def scene_of(spoilt: Shop, now: pd.DataFrame, before: pd.DataFrame, weighed: bool) -> Scene:
    logs = {"candidates": now, "candidates_before": before, "columns": WEIGHED if weighed else COLUMNS}
    scene = set_scene(spoilt.material(spoilt.finding(COFFEE), **logs))
    assert scene is not None
    return scene


@pytest.fixture(scope="module")
def spoilt() -> Shop:
    return shop(scored=lowered)


def test_a_request_logged_by_half_a_chance_counts_as_two_in_every_cell_and_in_the_gap(spoilt: Shop) -> None:
    many = scene_of(spoilt, twice(spoilt.now), twice(spoilt.before), weighed=False)
    few = scene_of(spoilt, halved(spoilt.now), halved(spoilt.before), weighed=True)
    two, one = (
        scene.undone(COFFEE, None, scene.now.scores(scene.now.rows) - scene.now.adjustment)
        for scene in (many, few)
    )
    scale = many.now.request_count / few.now.request_count
    for name in ("observed", "expected", "undone"):
        np.testing.assert_allclose(getattr(one, name) * scale, getattr(two, name), rtol=1e-6)
    assert one.symptom.observed == pytest.approx(two.symptom.observed)
    assert one.symptom.undone == pytest.approx(two.symptom.undone)
    # what the metric says weighs more where the log says less
    assert abs(one.symptom.expected - two.symptom.expected) < 0.1 * one.symptom.sd
    # fewer requests are no surer
    assert one.symptom.sd > two.symptom.sd
    assert (one.variance * scale**2 >= two.variance).all()


def test_where_all_were_as_likely_everything_is_as_without_the_column(spoilt: Shop) -> None:
    plain = scene_of(spoilt, spoilt.now, spoilt.before, weighed=False)
    even = scene_of(
        spoilt, spoilt.now.assign(inclusion=0.2), spoilt.before.assign(inclusion=0.01), weighed=True
    )
    scores = plain.now.scores(plain.now.rows) - plain.now.adjustment
    for name in ("observed", "expected", "undone", "variance"):
        np.testing.assert_allclose(
            getattr(plain.undone(COFFEE, None, scores), name),
            getattr(even.undone(COFFEE, None, scores), name),
        )


def test_a_log_by_slice_since_the_onset_puts_nothing_wrong_where_nothing_is() -> None:
    healthy = shop()
    now = unlike(healthy.now)
    naive = scene_of(healthy, now, healthy.before, weighed=False)
    weighed = scene_of(healthy, now, healthy.before.assign(inclusion=1.0), weighed=True)
    assert weighed.undone((), None, weighed.logged()).explained is None
    truth = healthy.now.groupby("device")["basket_id"].nunique() / SINCE
    naively, weighted = (
        requests_by(scene.now, scene.now.rows["device"]) / scene.now.request_count
        for scene in (naive, weighed)
    )
    assert abs(naively - truth).max() > 0.2
    assert abs(weighted - truth).max() < 0.05


def test_the_split_into_input_model_and_serving_is_that_of_all_requests(spoilt: Shop) -> None:
    models = Models({"v7": spoilt.model}, "v7")
    two = split_change(twice(spoilt.now), twice(spoilt.before), COLUMNS, models, COFFEE)
    one = split_change(halved(spoilt.now), halved(spoilt.before), WEIGHED, models, COFFEE)
    assert (one.before, one.now) == pytest.approx((two.before, two.now))
    assert [part.change for part in one.parts] == pytest.approx([part.change for part in two.parts])
    assert one.high - one.low > two.high - two.low


def test_what_serving_did_to_the_scores_is_what_it_did_on_average_of_all_requests() -> None:
    def uneven(rows: pd.DataFrame) -> pd.DataFrame:
        off = np.where(rows["device"] == "app", 0.5, 1.5) * (rows["category"] == "coffee")
        return rows.assign(log_odds=rows["log_odds"] - off)

    spoilt, sizes = shop(scored=uneven), []
    for rows, columns in ((twice(spoilt.now), COLUMNS), (halved(spoilt.now), WEIGHED)):
        logged = Logged(rows, columns, dimensions=("category",))
        (one,) = rerun(logged, Models({"v7": spoilt.model}, "v7")).of("serving")
        assert one.low < one.size < one.high
        sizes.append(one.size)
    assert sizes[0] == pytest.approx(sizes[1])
    assert sizes[0] == pytest.approx(-1.3, abs=0.05)


def test_what_comes_back_with_a_feature_is_that_of_all_requests() -> None:
    def unrated(rows: pd.DataFrame) -> pd.DataFrame:
        return rows.assign(rating=rows["rating"].where(rows["category"] != "coffee"))

    spoilt = shop(fed=unrated)
    former = {
        str(row.sku): str(row.rating) for row in spoilt.items.query("category == 'coffee'").itertuples()
    }
    two = reproduce(twice(spoilt.now), twice(spoilt.before), COLUMNS, spoilt.model, "rating", former)
    one = reproduce(halved(spoilt.now), halved(spoilt.before), WEIGHED, spoilt.model, "rating", former)
    assert two is not None
    assert one is not None
    assert (one.now, one.after, one.closes) == pytest.approx((two.now, two.after, two.closes))


def test_a_hotfix_has_the_price_that_it_has_on_all_requests_and_says_what_they_are_worth(
    spoilt: Shop,
) -> None:
    items = list(spoilt.items.query("category == 'coffee'")["sku"])
    finding = spoilt.finding(COFFEE)
    found = []
    for rows, before, columns in (
        (twice(spoilt.now), twice(spoilt.before), COLUMNS),
        (halved(spoilt.now), halved(spoilt.before), WEIGHED),
    ):
        stage = set_stage(
            rows, before, columns, spoilt.model, items, feature=None, former={}, finding=finding
        )
        found.append((stage, price(stage, stage.now + 1.0 * stage.concerned)))
    (many, two), (few, one) = found
    assert one.repairs.value == pytest.approx(two.repairs.value)
    assert one.blast_share == pytest.approx(two.blast_share)
    assert "worth" not in many.basis
    assert f"{few.traffic.request_count:,} requests (worth " in few.basis


def test_the_share_of_a_version_is_that_of_all_requests(spoilt: Shop) -> None:
    rows = spoilt.now.assign(version=np.where(spoilt.now["device"] == "app", "v8", "v7"))
    two = _shares(twice(rows), "version", spoilt.material(spoilt.finding(COFFEE)))
    material = spoilt.material(spoilt.finding(COFFEE), columns=WEIGHED)
    one = _shares(halved(rows), "version", material)
    assert one.to_dict() == pytest.approx(two.to_dict())


def test_an_item_kept_out_is_found_in_a_log_by_slice_and_none_is_where_none_is() -> None:
    popular = str(shop().before.query("shown")["sku"].value_counts().index[0])

    def kept_out(rows: pd.DataFrame) -> pd.DataFrame:
        return rows[(rows["sku"] != popular) | (rows["device"] != "app")]

    for fault, kind in ((kept_out, "filter"), (lambda rows: rows, None)):
        made = shop(candidates=fault)
        where = slice_of(device="app", sku=popular)
        finding = made.finding((), observed=0.0, expected=25.0).model_copy(update={"slice": where})
        logs = {"candidates": unlike(made.now), "candidates_before": unlike(made.before), "columns": WEIGHED}
        found = diagnose(made.material(finding, **logs))
        assert (found.cause_kind if found.cause else None) == kind
        assert kind is None or found.object == popular


@given(st.lists(st.floats(0.01, 1.0), min_size=1, max_size=40))
def test_weights_are_in_proportion_to_one_over_the_probability_and_one_on_average(
    chances: Sequence[float],
) -> None:
    rows = pd.DataFrame({"inclusion": np.repeat(chances, 2)})
    weights = weights_of(rows, np.repeat(np.arange(len(chances)), 2), "inclusion")
    np.testing.assert_allclose(weights.mean(), 1.0)
    np.testing.assert_allclose(weights * chances, (weights * chances)[0])
    assert 1 - 1e-9 <= effective(weights) <= len(weights) + 1e-9


def test_sums_of_a_log_with_known_probabilities_are_right_on_average() -> None:
    chance = np.random.default_rng(5)
    values = chance.gamma(2.0, size=400)
    likely = np.clip(values / 8, 0.02, 1.0)  # what is large is likelier
    means, naive = [], []
    for _ in range(2_000):
        taken = chance.random(400) < likely
        rows = pd.DataFrame({"inclusion": likely[taken]})
        weights = weights_of(rows, np.arange(len(rows)), "inclusion")
        means.append(mean_of(values[taken], weights))
        naive.append(values[taken].mean())
    found = np.array(means)
    assert found[:, 0].mean() == pytest.approx(values.mean(), rel=0.02)
    assert np.mean(naive) > 1.3 * values.mean()
    # the standard error is the one that repetitions show
    assert found[:, 1].mean() == pytest.approx(found[:, 0].std(), rel=0.15)


def test_without_the_column_every_request_counts_exactly_one(spoilt: Shop) -> None:
    traffic = load_traffic(spoilt.now, COLUMNS, Weighted())
    assert (traffic.weights == 1.0).all()


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (0.0, "is not above 0 and at most 1 for 1 of 400 logged requests"),
        (-0.5, "is not above 0 and at most 1 for 1 of 400 logged requests"),
        (1.5, "is not above 0 and at most 1 for 1 of 400 logged requests"),
        (np.nan, "is not set for 1 of 400 logged requests"),
        (np.inf, "is not set for 1 of 400 logged requests"),
    ],
)
def test_a_probability_that_cannot_be_is_an_error_that_says_which(
    spoilt: Shop, value: float, says: str
) -> None:
    first = spoilt.now["basket_id"].iloc[0]
    rows = spoilt.now.assign(inclusion=np.where(spoilt.now["basket_id"] == first, value, 0.5))
    with pytest.raises(SourceError, match=f'column "inclusion" {says}'):
        load_traffic(rows, WEIGHED, Weighted())


def test_a_request_with_two_probabilities_and_a_log_without_any_are_errors(spoilt: Shop) -> None:
    rows = spoilt.now.assign(inclusion=0.5)
    rows.loc[0, "inclusion"] = 0.25
    with pytest.raises(SourceError, match="is not the same in all rows of the request for 1 of 400"):
        load_traffic(rows, WEIGHED, Weighted())
    with pytest.raises(SourceError, match='the log has no column "inclusion"'):
        load_traffic(spoilt.now, WEIGHED, Weighted())
