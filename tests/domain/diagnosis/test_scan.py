"""The search for slices: what it sums, what it can skip, and that it finds what weighing all would."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.diagnosis.localise import localise
from domain.diagnosis.scan import block
from domain.diagnosis.scan.bounds import summed
from domain.diagnosis.scan.cube import Cube, cube_of
from domain.diagnosis.scan.dimension import NOT_SET, Floats, Places, dimensions_of
from domain.diagnosis.scan.evidence import Cells, Scatter, weigh
from domain.diagnosis.scan.search import MOST_EXPLAINED, Search

NAMES = ("country", "device", "genres", "tags")
SEVERAL = {"genres": "|", "tags": ","}
SEEDS = st.integers(0, 2**32 - 1)


def table(seed: int, count: int = 120) -> pd.DataFrame:
    """Cells of two dimensions with one value and two with several, some of them not set."""
    chance = np.random.default_rng(seed)
    few = {"country": ["A", "B", "C", None], "device": ["tv", "web", "app"]}
    many = {"genres": ["x|y", "x", "y|z", "", "z|x|y"], "tags": ["p,q", "q", "r", None]}
    return pd.DataFrame({name: chance.choice(np.array(v, object), count) for name, v in (few | many).items()})


def cube(cells: pd.DataFrame, ways: int) -> Cube:
    return cube_of(dimensions_of(cells, NAMES, SEVERAL), len(cells), ways)


def slices(of: Cube) -> list[Places]:
    """The cells of every slice, found one by one."""
    return [of.inside(*of.key(place)) for place in range(len(of.sizes))]


def weighed(cells: Cells, scatter: Scatter, of: Cube) -> Floats:
    """(n_places,) the evidence of every slice, each weighed; of one without cells there is none."""
    inside = slices(of)
    group = np.repeat(np.arange(len(inside)), [len(one) for one in inside])
    places, number = np.unique(group, return_inverse=True)
    found = weigh(cells, scatter, np.concatenate(inside), number, len(places), MOST_EXPLAINED)
    evidence = np.full(len(inside), -np.inf)
    evidence[places] = found.evidence
    return evidence


def numbers(seed: int, counts: bool, count: int = 120) -> tuple[Floats, Floats]:
    """Observed and expected, with some cells far off and some of nothing."""
    chance = np.random.default_rng(seed)
    mean = 10 ** chance.uniform(-1, 3) * chance.lognormal(0, chance.uniform(0, 2), count)
    off = np.where(chance.random(count) < chance.choice([0, 0.1, 0.5]), chance.uniform(0, 3), 1.0)
    if counts:
        return chance.poisson(mean * off).astype(float), chance.poisson(mean).astype(float)
    noise = chance.normal(1, chance.choice([0.02, 0.2]), (2, count))
    return np.maximum(mean * off * noise[0], 0), np.maximum(mean * noise[1], 0)


@given(SEEDS, st.integers(1, 4), st.sampled_from([8, 100, 8192]))
@settings(max_examples=40, deadline=None)
def test_each_slice_has_the_sum_of_its_cells(seed: int, ways: int, dense: int) -> None:
    """Whether all its dimensions fit a block or not, and whether all cells are summed or only some."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(block, "DENSE", dense)
        cells = cube(table(seed), ways)
        chance = np.random.default_rng(seed)
        rows, some = chance.normal(size=(2, 120)), np.sort(chance.choice(120, 17, replace=False))
        inside = slices(cells)
        assert cells.sizes.tolist() == [len(one) for one in inside]
        np.testing.assert_allclose(cells.sums(rows), [rows[:, one].sum(axis=1) for one in inside], atol=1e-9)
        part = [rows[:, np.intersect1d(one, some)].sum(axis=1) for one in inside]
        np.testing.assert_allclose(cells.sums(rows[:, some], some), part, atol=1e-9)


@given(SEEDS, st.booleans(), st.floats(0.0004, 0.5))
@settings(max_examples=100, deadline=None)
def test_no_slice_has_more_evidence_than_its_bound(seed: int, counts: bool, b: float) -> None:
    observed, expected = numbers(seed, counts)
    least = 0.5 if counts else 0.01 * float(np.median(expected)) + 1e-9
    scatter = Scatter(counts, 2.0 if counts else 0.0, b, least)
    cells, of = Cells.unexplained(observed, expected), cube(table(seed), 2)
    sums = summed(cells, scatter)
    there = of.sizes > 0
    bound = sums.at_most(of.sums(sums.rows).T)
    assert (weighed(cells, scatter, of)[there] <= bound[there]).all()


@given(SEEDS, st.booleans())
@settings(max_examples=60, deadline=None)
def test_slice_after_slice_the_best_is_the_one_that_weighing_all_finds(seed: int, counts: bool) -> None:
    observed, expected = numbers(seed, counts)
    scatter = Scatter(counts, 2.0 if counts else 0.0, 0.01, 0.5)
    of = cube(table(seed), 2)
    search = Search(of, scatter, Cells.unexplained(observed, expected), 1.0)
    for _ in range(4):
        evidence = weighed(search.cells, scatter, of)
        best, top = search.best(), int(np.argmax(evidence))
        assert (best is None) == (evidence[top] <= search.price)
        if best is None:
            return
        assert (best.of, best.codes) == of.key(top)
        assert best.gain == pytest.approx(float(evidence[top]) - search.price)
        search.mark_explained(of.inside(best.of, best.codes))


def test_eight_dimensions_are_summed_by_few_blocks() -> None:
    words = (3, 4, 5, 6, 8, 10, 12, 20)
    chance = np.random.default_rng(0)
    columns = {f"d{n}": chance.integers(0, size, 5_000).astype(str) for n, size in enumerate(words)}
    cells = pd.DataFrame(columns)
    of = cube_of(dimensions_of(cells, tuple(columns), {}), len(cells), 2)
    assert len(block.blocks_of(of.zones, of.dimensions)) <= 7


def test_values_of_one_text_are_one_value_and_what_is_missing_is_one_too() -> None:
    """Whatever their type: numbers, texts, or a column of both, or one that comes with its codes."""
    cells = pd.DataFrame(
        {
            "mixed": pd.Series([1, "1", None, True, "True"], dtype=object),
            "number": [1.0, np.nan, 2.0, 1.0, np.nan],
            "coded": pd.Categorical(["a", None, "b", "a", NOT_SET]),
        }
    )
    dimensions = dimensions_of(cells, ("mixed", "number", "coded"), {})
    found = [[one.values[code] for code in one.codes] for one in dimensions]
    assert found[0] == ["1", "1", NOT_SET, "True", "True"]
    assert found[1] == ["1.0", NOT_SET, "2.0", "1.0", NOT_SET]
    assert found[2] == ["a", NOT_SET, "b", "a", NOT_SET]


def test_of_equal_slices_the_one_of_fewer_dimensions_is_named() -> None:
    """Every city lies in one country, so that city and country together are the city again."""
    chance = np.random.default_rng(3)
    cells = pd.DataFrame({"city": [f"c{n}" for n in range(12) for _ in range(20)]})
    cells["country"] = cells["city"].map(lambda city: f"k{int(city[1:]) // 4}")
    cells["expected"] = chance.uniform(50, 500, len(cells))
    kept = np.where(cells["city"] == "c5", 0.3, 1.0)
    found = localise(cells.assign(observed=chance.poisson(cells["expected"] * kept)), ("country", "city"))
    assert [one.slice for one in found] == [(("city", "c5"),)]
