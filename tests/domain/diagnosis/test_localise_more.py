"""Where, in cubes that are not simple: three dimensions, several values in one, amounts, ratios, few rows."""

from itertools import product

import numpy as np
import pandas as pd
import pytest

from domain.diagnosis.localise import localise

DIMENSIONS = ("country", "device", "genre")


def cube(seed: int, rows: float, kept: float, **lost: str) -> pd.DataFrame:
    """Counts of before and now, both by chance; in the slice `lost` only the part `kept` is left."""
    chance = np.random.default_rng(seed)
    cells = pd.DataFrame(
        [
            dict(zip(DIMENSIONS, values, strict=True))
            for values in product("ABCDEF", ("tv", "web", "app"), "xyz")
        ]
    )
    mean = rows * chance.dirichlet(np.ones(len(cells)) * 3)
    inside = np.logical_and.reduce([cells[name] == value for name, value in lost.items()])
    cells["expected"] = chance.poisson(mean).astype(float)
    return cells.assign(observed=chance.poisson(mean * np.where(inside, kept, 1.0)).astype(float))


@pytest.mark.parametrize("seed", range(5))
def test_a_slice_of_three_dimensions_is_named_on_request(seed: int) -> None:
    cells = cube(seed, 20_000, 0.1, country="B", device="tv", genre="x")
    assert [f.slice for f in localise(cells, DIMENSIONS, 3)] == [
        (("country", "B"), ("device", "tv"), ("genre", "x"))
    ]


@pytest.mark.parametrize("seed", range(5))
def test_of_many_cells_with_a_handful_of_rows_each_the_slice_is_found_all_the_same(seed: int) -> None:
    assert [f.slice for f in localise(cube(seed, 1_500, 0.2, country="B"), DIMENSIONS)] == [
        (("country", "B"),)
    ]


@pytest.mark.parametrize("seed", range(5))
def test_chance_alone_is_no_slice(seed: int) -> None:
    for rows in (200, 5_000, 500_000):
        assert localise(cube(seed, rows, 1.0, country="B"), DIMENSIONS, 3) == ()


def films(seed: int, kept: float) -> pd.DataFrame:
    """Films with several genres each; those of Action keep that part of their rows."""
    chance = np.random.default_rng(seed)
    genres = ("Action|Thriller", "Action", "Thriller", "Drama", "Drama|Comedy", "Comedy", "Action|Drama", "")
    mean = np.array([900.0, 700, 500, 1500, 600, 1200, 200, 80])
    now = mean * np.where(["Action" in one for one in genres], kept, 1.0)
    cells = pd.DataFrame({"genres": genres, "expected": chance.poisson(mean).astype(float)})
    return cells.assign(observed=chance.poisson(now).astype(float))


@pytest.mark.parametrize("kept", [0.3, 2.5])
def test_a_genre_that_shares_films_with_the_one_that_changed_is_not_named_beside_it(kept: float) -> None:
    for seed in range(5):
        found = localise(films(seed, kept), ("genres",), exploded={"genres": "|"})
        assert [f.slice for f in found] == [(("genres", "Action"),)]
        assert found[0].explains > 0.8


def test_a_cell_with_several_values_is_counted_in_each_of_them() -> None:
    cells = films(0, 0.3)
    found = localise(cells, ("genres",), exploded={"genres": "|"})[0]
    action = cells[cells["genres"].str.contains("Action")]
    assert (found.observed, found.expected) == (action["observed"].sum(), action["expected"].sum())


def test_rows_without_a_value_are_a_slice_too() -> None:
    cells = cube(0, 50_000, 1.0).assign(country=lambda c: c["country"].replace("F", None))
    unset = cells["country"].isna()
    gone = cells.assign(observed=np.where(unset, 0.0, cells["observed"]))
    assert [f.slice for f in localise(gone, DIMENSIONS)] == [(("country", "∅ (not set)"),)]


@pytest.mark.parametrize("seed", range(5))
def test_amounts_and_ratios_are_localised_by_their_own_scatter(seed: int) -> None:
    """Hours watched, or a rate of clicks: no counts, so that nothing is known of their scatter beforehand."""
    chance = np.random.default_rng(seed)
    cells = cube(seed, 50_000, 1.0)
    rate = chance.uniform(0.01, 0.2, len(cells))
    inside = (cells["country"] == "C") & (cells["device"] == "web")
    noise = chance.normal(1, 0.08, (2, len(cells)))
    ratios = cells.assign(expected=rate * noise[0], observed=rate * noise[1] * np.where(inside, 0.5, 1.0))
    assert [f.slice for f in localise(ratios, DIMENSIONS)] == [(("country", "C"), ("device", "web"))]


def test_a_country_that_lost_all_devices_but_one_is_explained_by_those_devices() -> None:
    cells = cube(0, 200_000, 1.0)
    inside = (cells["country"] == "A") & (cells["device"] != "app")
    lost = cells.assign(observed=np.where(inside, (cells["observed"] * 0.2).round(), cells["observed"]))
    assert {f.slice for f in localise(lost, DIMENSIONS)} == {
        (("country", "A"), ("device", "tv")),
        (("country", "A"), ("device", "web")),
    }


def test_what_gained_while_another_lost_more_is_not_named() -> None:
    for seed in range(5):
        cells = cube(seed, 200_000, 0.05, country="B", device="tv")
        other = (cells["country"] == "C") & (cells["device"] == "web") & (cells["genre"] == "x")
        gained = np.where(other, (1.5 * cells["observed"]).round(), cells["observed"])
        found = localise(cells.assign(observed=gained), DIMENSIONS, 3, least_share=0.0)
        assert [f.slice for f in found] == [(("country", "B"), ("device", "tv"))]


def test_cells_of_zero_and_of_nothing_are_passed_over() -> None:
    cells = cube(0, 50_000, 0.2, country="B")
    empty = cells.head(9).assign(observed=0.0, expected=0.0, country="Z")
    missing = cells.head(9).assign(observed=np.nan, country="Y")
    found = localise(pd.concat([cells, empty, missing]), DIMENSIONS)
    assert [f.slice for f in found] == [(("country", "B"),)]
    assert localise(empty, DIMENSIONS) == ()


def test_more_dimensions_may_be_asked_for_than_there_are() -> None:
    cells = cube(0, 50_000, 0.2, country="B")
    assert [f.slice for f in localise(cells, ("country",), 4)] == [(("country", "B"),)]


SHOPS, CHANNELS = ("harbour", "hill", "park", "station"), ("till", "web")


def shops(seed: int, rows: float, kept: float, **lost: str) -> pd.DataFrame:
    """Four shops and two channels: eight cells, of which a shop holds two, and a channel every other one."""
    chance = np.random.default_rng(seed)
    cells = pd.DataFrame(list(product(SHOPS, CHANNELS)), columns=["shop", "channel"])
    mean = rows * np.outer(chance.dirichlet([4, 3, 2, 1]), [0.7, 0.3]).ravel()
    inside = np.ones(len(cells), dtype=bool)
    for name, value in lost.items():
        inside &= (cells[name] == value).to_numpy()
    cells["expected"] = chance.poisson(mean * 8) / 8
    return cells.assign(observed=chance.poisson(mean * np.where(inside, kept, 1.0)).astype(float))


@pytest.mark.parametrize(
    "lost", [{"shop": "harbour"}, {"channel": "web"}, {"shop": "hill", "channel": "till"}]
)
def test_of_a_handful_of_cells_the_slice_is_named_also_where_it_holds_every_other_one(
    lost: dict[str, str],
) -> None:
    for seed, rows, kept in product(range(5), (5_000, 50_000), (0.03, 0.5)):
        found = localise(shops(seed, rows, kept, **lost), ("shop", "channel"))
        assert [dict(one.slice) for one in found] == [lost], (seed, rows, kept)


def test_of_a_handful_of_cells_none_is_named_where_all_lost_as_much() -> None:
    for seed, rows in product(range(10), (500, 5_000, 50_000)):
        assert localise(shops(seed, rows, 0.6), ("shop", "channel")) == (), (seed, rows)
