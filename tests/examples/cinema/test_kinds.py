"""Each kind of fault changes what it says it changes, there and nowhere else, and says so itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import get_args

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from domain.values import CauseKind
from examples.cinema.acts import Lesson, Scene
from examples.cinema.catalogue import Catalogue
from examples.cinema.faults import BLANK, COUNTRY, FAULTS, HELD_DOWN, INNOCENT, KINDS, LOST_SLICE, SWITCHES
from examples.cinema.faults.fault import Drawn, inside
from examples.cinema.faults.switches import draw
from examples.cinema.features import FEATURES, features
from examples.cinema.traffic import arrivals, serve, visit
from examples.cinema.training import learn

from .conftest import Small

SEEDS = (1, 2)
TIMES = {"impressions": "shown_at", "plays": "played_at", "plays_standby": "played_at"}
MODELS = ("model_rolled_back", "another_model_file")


def drawn(cinema: Small, name: str, seed: int | None) -> Drawn:
    serving = cinema.live.serving
    return draw(name, seed, serving.truth, serving.audience, cinema.at, serving.ranker)


def scene(cinema: Small) -> Scene:
    serving = cinema.live.serving
    stage = serving.stage(cinema.at)
    rails = np.arange(serving.audience.rails)[:, None]
    return Scene(serving.audience, stage.catalogue, rails, stage.rails.films, cinema.at)


def somewhere(one: Drawn, look: Callable[[dict[str, str]], np.ndarray]) -> np.ndarray:
    """What lies in any of the places of the truth."""
    every: np.ndarray = np.logical_or.reduce([look(dict(place)) for place in one.places])
    return every


def elsewhere(one: Drawn, rows: pa.Table) -> pd.DataFrame:
    """The rows that lie in no place of the truth."""
    there = somewhere(one, lambda place: inside(rows, place))
    left: pd.DataFrame = rows.filter(pa.array(~there)).to_pandas()
    return left


def fed(here: Scene) -> np.ndarray:
    """What the model is fed where nothing is wrong."""
    rails, films = here.rails.astype(np.int32), here.films.astype(np.int32)
    return features(here.audience, here.catalogue, rails, films, here.at)


def striking(where: str) -> Iterator[tuple[str, int]]:
    for name in KINDS:
        if KINDS[name].strikes == where:
            yield from ((name, seed) for seed in SEEDS)


def written(cinema: Small, table: str) -> pa.Table:
    path = sorted((cinema.settings.tables / table).glob("*.live.parquet"))[0]
    return pq.ParquetFile(path).read()


def test_there_are_thirty_faults_and_ten_innocent_events_and_the_six_of_the_page_come_first() -> None:
    assert (len(FAULTS), len(INNOCENT)) == (30, 10)
    assert tuple(KINDS)[:6] == SWITCHES
    assert {one.cause_kind for one in KINDS.values()} == set(get_args(CauseKind)) - {"unknown"}


@pytest.mark.parametrize("name", [name for name in KINDS if name not in MODELS])
def test_a_truth_is_complete_and_the_same_for_the_same_seed(name: str, hour: Small) -> None:
    one, again, other = (drawn(hour, name, seed) for seed in (3, 3, 4))
    assert (one.size, one.objects, one.places) == (again.size, again.objects, again.places)
    assert one.size
    assert one.places
    assert other.places
    assert bool(one.objects) == (not KINDS[name].innocent)
    columns = {column for place in one.places for column, _ in place}
    assert columns <= {"device", "region", "genre", "country", "decade", "item_id"}


def test_without_a_seed_the_six_of_the_page_strike_where_they_always_did(hour: Small) -> None:
    places = {name: drawn(hour, name, None).places[0] for name in SWITCHES}
    assert places == {
        "language": (("country", COUNTRY),),
        "upstream": tuple(sorted(LOST_SLICE.items())),
        "launch": (),
        "missing_values": (("device", BLANK[1]),),
        "training_segment": (("device", "mobile"),),
        "production_bias": (("genre", HELD_DOWN[0]),),
    }


@pytest.mark.parametrize(("name", "seed"), list(striking("catalogue")))
def test_a_fault_of_the_catalogue_changes_the_named_column_of_the_named_films_only(
    name: str, seed: int, hour: Small
) -> None:
    one, truth = drawn(hour, name, seed), hour.live.serving.truth
    if one.acts.catalogue is None:
        return_rows = {"country": truth.frame["country"].to_numpy()}
        rows = one.acts.items(pa.table(return_rows)) if one.acts.items else pa.table(return_rows)
        changed = rows["country"].to_numpy(zero_copy_only=False) != return_rows["country"]
        assert np.array_equal(changed, truth.where(dict(one.places[0])))
        return
    after: Catalogue = one.acts.catalogue(truth)
    struck = truth.ids == one.objects[0] if () in one.places else somewhere(one, truth.where)
    assert struck.any()
    if name == "catalogue_partial":
        gone = truth.launched(hour.at) & ~after.launched(hour.at)
        assert np.array_equal(gone, struck & truth.launched(hour.at))
        return
    differs = {
        column: (after.frame[column].astype(object) != truth.frame[column].astype(object)).to_numpy()
        & (after.frame[column].notna() | truth.frame[column].notna()).to_numpy()
        for column in truth.frame
    }
    assert {column for column, where in differs.items() if where.any()} <= {*one.objects, "language"}
    touched = np.logical_or.reduce(list(differs.values()))
    assert touched.any()
    assert not touched[~struck].any()


@pytest.mark.parametrize(("name", "seed"), list(striking("features")))
def test_a_fault_of_the_features_feeds_the_model_another_value_of_one_feature_there_only(
    name: str, seed: int, hour: Small
) -> None:
    one, here = drawn(hour, name, seed), scene(hour)
    before = fed(here)
    assert one.acts.seen is not None
    after = one.acts.seen(here, before.copy())
    differs = ~np.isclose(after, before, equal_nan=True)
    assert set(np.flatnonzero(differs.any(axis=(0, 1)))) == {FEATURES.index(one.objects[0])}
    assert not differs[~somewhere(one, here.on)].any()


@pytest.mark.parametrize(("name", "seed"), list(striking("serving")))
def test_a_fault_of_the_serving_moves_or_keeps_back_only_films_of_its_place(
    name: str, seed: int, hour: Small
) -> None:
    one, here = drawn(hour, name, seed), scene(hour)
    there = somewhere(one, here.on)
    if one.acts.score is not None:
        assert np.array_equal(one.acts.score(here) != 0, there)
    else:
        assert one.acts.kept is not None
        barred = ~one.acts.kept(here)
        assert barred.any()
        assert not barred[~there].any()


def test_what_is_filtered_is_never_shown_and_every_shelf_is_full(hour: Small) -> None:
    one, here = drawn(hour, "genre_filtered", 1), scene(hour)
    serving, stage = hour.live.serving, hour.live.serving.stage(hour.at)
    rng = np.random.default_rng(1)
    end = int(hour.at.timestamp() * 1e6)
    times = arrivals(rng, end - 600_000_000, end, serving.demand)
    visits = visit(rng, serving.audience, times)

    def shelves(kept: bool) -> np.ndarray:
        def allowed(rails: np.ndarray, films: np.ndarray) -> np.ndarray:
            assert one.acts.kept is not None
            return one.acts.kept(Scene(serving.audience, stage.catalogue, rails, films, hour.at))

        made = serve(np.random.default_rng(2), stage.rails, serving.truth, visits, allowed if kept else None)
        rails = visits.rails[:, None]
        films = stage.rails.films[rails, made.shown]
        assert films.shape == (len(times), 10)
        return Scene(serving.audience, stage.catalogue, rails, films, hour.at).on(dict(one.places[0]))

    assert here.on(dict(one.places[0])).any()
    assert shelves(kept=False).any()
    assert not shelves(kept=True).any()


@pytest.mark.parametrize("name", [n for n in FAULTS if KINDS[n].strikes in ("logging", "feed")])
def test_a_fault_of_the_log_or_the_feed_leaves_every_row_of_another_place_as_it_was(
    name: str, hour: Small
) -> None:
    one = drawn(hour, name, 1)
    if name == "feed_late":
        assert set(one.acts.late) == {"plays"}
        return
    assert set(one.acts.rows) & set(one.objects) or set(one.objects) & set(TIMES.values())
    for table, strike in one.acts.rows.items():
        before = written(hour, table)
        after = strike(np.random.default_rng(1), before)
        assert not after.equals(before)
        if one.places != ((),):
            assert elsewhere(one, after).equals(elsewhere(one, before))


@pytest.mark.parametrize("name", ["new_country", "new_device"])
def test_a_new_region_or_device_comes_on_top_of_what_there_was_in_every_table(name: str, hour: Small) -> None:
    one = drawn(hour, name, 1)
    requests = {}
    for table, strike in one.acts.rows.items():
        before = written(hour, table)
        after = strike(np.random.default_rng(1), before)
        assert after.slice(0, before.num_rows).to_pandas().equals(before.to_pandas())
        requests[table] = set(after.slice(before.num_rows)["request_id"].to_pylist())
    assert requests["plays"] == requests["plays_standby"] <= requests["impressions"]


def test_plays_that_are_late_are_in_no_table_until_they_come(cinema: Small) -> None:
    cinema.live.switch_fault("feed_late", True, cinema.at, seed=20)
    late = cinema.live.serving.faults.drawn["feed_late"].acts.late["plays"]
    start = cinema.at
    count = "SELECT count(*) FROM {{{}}} WHERE played_at >= ?"
    cinema.run(late / timedelta(minutes=1) - 1)
    assert cinema.ask(count.format("plays"), start) == [(0,)]
    cinema.run(3)
    come, whole = (cinema.ask(count.format(name), start)[0][0] for name in ("plays", "plays_standby"))
    assert 0 < come < whole


def test_a_training_reads_its_log_wrongly_in_the_segment_that_its_fault_names(hour: Small) -> None:
    rightly = learn(hour.settings.tables, hour.at)
    whole = rightly[1].to_pandas()
    dropped = learn(hour.settings.tables, hour.at, lesson=Lesson(dropped=("device", "tv")))
    assert set(dropped[1].to_pandas()["device"]) == {"mobile", "web"}
    assert dropped[0].rows < rightly[0].rows
    again = learn(hour.settings.tables, hour.at, lesson=Lesson(repeated=("device", "web", 5)))
    counts, before = again[1].to_pandas()["device"].value_counts(), whole["device"].value_counts()
    assert counts["web"] == 5 * before["web"]
    assert counts["tv"] == before["tv"]
    late = learn(hour.settings.tables, hour.at, lesson=Lesson(labels_late=timedelta(minutes=90)))
    assert late[0].rows == rightly[0].rows
    assert len(late[1]) < len(whole)


def test_another_model_serves_under_its_own_version_or_under_the_registered_one(hour: Small) -> None:
    serving, here = hour.live.serving, scene(hour)
    seen = fed(here)
    for name, own in zip(MODELS, (True, False), strict=True):
        acts = drawn(hour, name, 1).acts
        assert acts.ranker is not None
        assert (acts.ranker.version != serving.ranker.version) == own == acts.registered
        assert np.abs(acts.ranker.log_odds(seen) - serving.ranker.log_odds(seen)).mean() > 0.1


def test_a_drawn_fault_stays_what_it_was_across_a_restart(
    cinema: Small, reopen: Callable[..., Small]
) -> None:
    cinema.live.switch_fault("boost_bug", True, cinema.at, seed=9)
    was = cinema.live.serving.faults.drawn["boost_bug"]
    again = reopen(cinema.settings.folder).live.serving.faults
    assert (again.drawn["boost_bug"].places, again.drawn["boost_bug"].size) == (was.places, was.size)
    assert [one["name"] for one in again.listed()] == [*SWITCHES, "boost_bug"]
