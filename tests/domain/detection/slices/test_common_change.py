"""The few slices whose changes explain best what all cells hold."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from domain.detection.data.cube import Cube, cube_of
from domain.detection.slices.common_change import Evidence, explain

SIZES = (6, 4, 5)
CODES = np.array(list(product(*(range(size) for size in SIZES))), dtype=np.int64)
CUBE = cube_of(CODES, 3)
Where = dict[int, int]


def inside(where: Where) -> np.ndarray:
    return np.asarray(np.logical_and.reduce([CODES[:, at] == value for at, value in where.items()]))


def named(cube: Cube, place: int) -> Where:
    names, cell = cube.families[cube.family[place]], cube.example[place]
    return {at: int(cube.codes[cell, at]) for at in names}


def found(rows: float, faults: list[tuple[Where, float]], seed: int = 0, added: float = 0.0) -> list[Where]:
    """What is named where each fault multiplies its cells, and adds so much of what is left."""
    chance = np.random.default_rng(seed)
    base = rows * chance.lognormal(0, 0.7, len(CODES))
    expected = base * 0.05 * np.exp(chance.normal(0, 0.5, len(CODES)))
    mean = expected.copy()
    for where, factor in faults:
        mean[inside(where)] *= factor
        mean[inside(where)] += added * (base - mean)[inside(where)]
    evidence = Evidence(
        chance.poisson(mean).astype(float),
        expected,
        np.full(len(CODES), 1e4),
        np.ones(CUBE.count),
        base,
        share=True,
        level_sd=0.05,
    )
    explained = explain(evidence, CUBE, np.ones(CUBE.count, dtype=bool))
    return [named(CUBE, change.place) for change in explained.changes]


@pytest.mark.parametrize("where", [{0: 2}, {0: 1, 2: 3}, {0: 4, 1: 0, 2: 2}])
def test_the_slice_at_fault_is_named_and_neither_what_it_lies_in_nor_a_part_of_it(where: Where) -> None:
    assert found(4_000.0, [(where, 2.5)]) == [where]


@pytest.mark.parametrize("seed", range(4))
def test_cells_of_a_handful_of_rows_do_not_split_their_slice(seed: int) -> None:
    assert found(40.0, [({0: 2}, 4.0)], seed) == [{0: 2}]


def test_two_slices_at_once_are_both_named() -> None:
    faults: list[tuple[Where, float]] = [({0: 1, 1: 2}, 3.0), ({1: 0, 2: 4}, 3.0)]
    assert sorted(map(str, found(4_000.0, faults))) == sorted(str(where) for where, _factor in faults)


def test_two_values_of_a_dimension_are_named_and_not_the_dimension_above_them() -> None:
    faults: list[tuple[Where, float]] = [({0: 3, 1: 0}, 2.5), ({0: 3, 1: 1}, 2.5)]
    assert sorted(map(str, found(2_000.0, faults))) == sorted(str(where) for where, _factor in faults)


def test_one_in_ten_that_fails_whatever_failed_before_is_one_change_of_one_slice() -> None:
    assert found(4_000.0, [({1: 3}, 1.0)], added=0.1) == [{1: 3}]


def test_chance_alone_is_explained_by_no_slice() -> None:
    assert [found(500.0, [], seed) for seed in range(10)] == [[]] * 10


def test_a_table_that_is_off_as_a_whole_has_a_level_and_no_slice() -> None:
    expected = np.full(len(CODES), 200.0)
    many = np.full(len(CODES), 1e4)
    evidence = Evidence(expected * 1.4, expected, many, np.ones(CUBE.count), expected * 9, True, 0.3)
    explained = explain(evidence, CUBE, np.ones(CUBE.count, dtype=bool))
    assert not explained.changes
    assert explained.level == pytest.approx(1.4, rel=0.02)


def test_a_slice_that_may_not_be_named_is_not() -> None:
    expected = np.full(len(CODES), 200.0)
    observed = np.where(inside({0: 2}), 600.0, 200.0)
    evidence = Evidence(
        observed, expected, np.full(len(CODES), 1e4), np.ones(CUBE.count), expected * 9, True, 0.05
    )
    allowed = CUBE.ways != 1
    explained = explain(evidence, CUBE, allowed)
    assert explained.changes
    assert all(allowed[change.place] for change in explained.changes)


def test_siblings_differ_in_the_value_of_one_dimension() -> None:
    place = next(p for p in range(CUBE.count) if named(CUBE, p) == {0: 1, 1: 2})
    others = np.arange(CUBE.count)
    among = CUBE.siblings(place, others)
    kin = [named(CUBE, int(other)) for other in np.flatnonzero(among)]
    assert {0: 3, 1: 2} in kin
    assert {0: 1, 1: 0} in kin
    assert len(kin) == (SIZES[0] - 1) + (SIZES[1] - 1)
    assert among[next(p for p in range(CUBE.count) if named(CUBE, p) == {0: 3, 1: 2})] == SIZES[0]
