"""Where."""

from itertools import product

import numpy as np
import pandas as pd

from domain.diagnosis.localise import localise

DIMENSIONS = ("country", "device", "genre")


def cube(seed: int, **lost: dict[str, str]) -> pd.DataFrame:
    chance = np.random.default_rng(seed)
    rows = []
    for country, device, genre in product("ABCDEF", ("tv", "web", "mobile"), ("x", "y", "z")):
        mean = float(chance.uniform(20, 200))
        cell = {"country": country, "device": device, "genre": genre}
        hit = any(all(cell[k] == v for k, v in where.items()) for where in lost.values())
        rows.append({**cell, "expected": mean, "observed": chance.poisson(mean * (0.3 if hit else 1.0))})
    return pd.DataFrame(rows)


def test_one_slice_of_one_or_two_dimensions_is_named_and_nothing_else() -> None:
    for seed in range(5):
        assert [f.slice for f in localise(cube(seed, a={"country": "B"}), DIMENSIONS)] == [
            (("country", "B"),)
        ]
        two = localise(cube(seed, a={"country": "B", "device": "tv"}), DIMENSIONS)
        assert [f.slice for f in two] == [(("country", "B"), ("device", "tv"))]
        assert two[0].explains > 0.6


def test_two_slices_at_once_are_both_named() -> None:
    found = localise(cube(1, a={"country": "B"}, b={"genre": "z"}), DIMENSIONS)
    assert {f.slice for f in found[:2]} == {(("country", "B"),), (("genre", "z"),)}


def test_a_change_everywhere_alike_is_not_localised() -> None:
    cells = cube(2)
    assert localise(cells.assign(observed=cells["expected"] * 0.5), DIMENSIONS) == ()
    assert localise(cells.iloc[:0], DIMENSIONS) == ()


def test_chance_is_not_named_beside_a_slice_that_explains_the_whole_change() -> None:
    cells = cube(0, a={"country": "B", "device": "tv"})
    unlucky = (cells["country"] == "E") & (cells["genre"] == "y")
    few = cells.assign(observed=np.where(unlucky, 0.7 * cells["expected"], cells["observed"]))
    lucky = (cells["country"] == "A") & (cells["genre"] == "x")
    even = few.assign(observed=np.where(lucky, 1.3 * few["expected"], few["observed"]))
    assert [f.slice for f in localise(even, DIMENSIONS)] == [(("country", "B"), ("device", "tv"))]
