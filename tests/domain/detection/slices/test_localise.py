"""From many slices that look wrong to the one that is."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations, product

import numpy as np
import pytest

from domain.detection.slices.localise import Suspects, localise, overlaps
from domain.values import Slice, slice_of

COUNTRY = {"GB": 0.2, "FR": 0.3, "US": 0.5}
REGION_OF = {"GB": (0.7, 0.2, 0.1), "FR": (0.1, 0.8, 0.1), "US": (0.1, 0.2, 0.7)}
REGIONS = ("isles", "south", "america")
DEVICE = {"tv": 0.4, "web": 0.6}
ROWS = 6_000


def cells() -> dict[Slice, float]:
    """Shares of (country, device, region): films of a country are played in its region."""
    return {
        slice_of(country=country, device=device, region=region): share * REGION_OF[country][place] * part
        for (country, share), (device, part), (place, region) in product(
            COUNTRY.items(), DEVICE.items(), enumerate(REGIONS)
        )
    }


def summed(by_cell: dict[Slice, float]) -> dict[Slice, float]:
    """Counts of one and of two dimensions, as a check has them."""
    sums: dict[Slice, float] = {}
    for cell, count in by_cell.items():
        for ways in (1, 2):
            for where in combinations(cell, ways):
                sums[where] = sums.get(where, 0.0) + count
    return sums


def suspects(kept: float, lost: Slice, seed: int | None = None) -> Suspects:
    """A window in which `lost` kept only a part of its rows; by chance with a seed, else exactly so."""
    usual, chance = cells(), np.random.default_rng(seed)
    mean = {cell: ROWS * s * (kept if set(lost) <= set(cell) else 1.0) for cell, s in usual.items()}
    seen = mean if seed is None else {cell: float(chance.poisson(m)) for cell, m in mean.items()}
    share, observed = summed(usual), summed(seen)
    names = tuple(sorted(share))
    return Suspects(
        names,
        np.array([observed[name] for name in names]),
        np.array([share[name] for name in names]),
        np.full(len(names), 1.5),
        sum(seen.values()),
    )


@pytest.mark.parametrize("seed", range(5))
def test_a_slice_that_crosses_the_lost_one_is_its_shadow_however_much_they_have_in_common(seed: int) -> None:
    lost = slice_of(device="tv", region="isles")
    window = suspects(0.45, lost, seed)
    everything = np.arange(len(window.slices))
    assert [window.slices[place] for place in localise(window, everything, 1e-5, 0.2)] == [lost]


def test_what_two_slices_have_in_common_is_reckoned_from_how_their_dimensions_go_together() -> None:
    window = suspects(1.0, ())
    crossing = window.places[slice_of(country="GB", device="tv")]
    truth = cells()[slice_of(country="GB", device="tv", region="isles")]
    for lost in (slice_of(device="tv", region="isles"), slice_of(region="isles")):
        seen, usual = overlaps(window, [crossing], window.places[lost])
        assert usual[0] == pytest.approx(truth)
        assert seen[0] == pytest.approx(ROWS * truth)


def scattering(window: Suspects, wild: Slice) -> Suspects:
    """The same, were it known of a slice that it scatters twenty times as much as the others."""
    dispersion = window.dispersion.copy()
    dispersion[window.places[wild]] *= 20
    return replace(window, dispersion=dispersion)


def test_a_whole_slice_is_reported_though_its_parts_stand_out_more() -> None:
    window = scattering(suspects(0.1, slice_of(region="south"), 3), slice_of(region="south"))
    everything = np.arange(len(window.slices))
    assert [window.slices[place] for place in localise(window, everything, 1e-5, 0.2)] == [
        slice_of(region="south")
    ]


def test_a_part_is_reported_where_the_rest_of_the_slice_is_as_ever() -> None:
    lost = slice_of(device="tv", region="south")
    window = scattering(suspects(0.1, lost, 3), slice_of(region="south"))
    everything = np.arange(len(window.slices))
    assert [window.slices[place] for place in localise(window, everything, 1e-5, 0.2)] == [lost]


def test_a_whole_in_which_nothing_was_found_is_not_reported() -> None:
    window = scattering(suspects(0.1, slice_of(region="south"), 3), slice_of(region="south"))
    whole = window.places[slice_of(region="south")]
    parts = np.array([place for place in range(len(window.slices)) if place != whole])
    picked = [window.slices[place] for place in localise(window, parts, 1e-5, 0.2)]
    assert picked
    assert slice_of(region="south") not in picked


def genres(kept: dict[str, float], counted_in_common: bool = True) -> Suspects:
    """Films of several genres; those with a genre in `kept` have that many times their rows."""
    films = {"Action|Thriller": 900, "Action": 700, "Thriller": 500, "Drama": 1500, "Comedy": 1200}
    usual: dict[Slice, float] = {}
    seen: dict[Slice, float] = {}
    for film, rows in films.items():
        names = film.split("|")
        factor = next((kept[name] for name in names if name in kept), 1.0)
        slices: list[Slice] = [slice_of(genres=name) for name in names]
        if len(names) == 2 and counted_in_common:
            slices.append(tuple(("genres", name) for name in sorted(names)))
        for where in slices:
            usual[where] = usual.get(where, 0.0) + rows
            seen[where] = seen.get(where, 0.0) + rows * factor
    total = float(sum(films.values()))
    n = sum(rows * next((kept[g] for g in film.split("|") if g in kept), 1.0) for film, rows in films.items())
    every = tuple(sorted(usual))
    return Suspects(
        every,
        np.array([seen[name] for name in every]),
        np.array([usual[name] / total for name in every]),
        np.full(len(every), 1.5),
        float(n),
    )


@pytest.mark.parametrize("factor", [0.4, 2.0])
def test_a_genre_that_shares_its_films_with_the_one_that_changed_is_its_shadow(factor: float) -> None:
    window = genres({"Action": factor})
    found = np.array([window.places[slice_of(genres=name)] for name in ("Action", "Thriller")])
    assert [window.slices[place] for place in localise(window, found, 1e-4, 0.2)] == [
        slice_of(genres="Action")
    ]


def test_values_of_one_dimension_that_were_not_counted_in_common_share_no_row() -> None:
    window = genres({"Action": 0.4}, counted_in_common=False)
    action, thriller = (window.places[slice_of(genres=name)] for name in ("Action", "Thriller"))
    seen, usual = overlaps(window, [thriller], action)
    assert (seen[0], usual[0]) == (0.0, 0.0)
