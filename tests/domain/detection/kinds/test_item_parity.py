"""The share of an item's rows in one slice of requests: what chance makes of it, and what was favoured."""

from __future__ import annotations

import numpy as np

from domain.detection.data.tally import Tally
from domain.detection.judge.proportion import judge, together
from domain.detection.kinds.exposure.item_parity import shown_of
from domain.values import Slice

from ..traffic import MINUTE, grid

WINDOWS, ITEMS, HALLS = 24, 1_500, ("lake", "hill")
KNOWN = np.append(np.ones(WINDOWS - 1, dtype=bool), False)


def shown(favour: float, late: float, seed: int = 1) -> Tally:
    """
    Sixty rows an item and window, of which a fifth times `favour` in the hall by the lake; in the last four
    windows a fifth times `late`.
    """
    chance = np.random.default_rng(seed)
    share = np.where(np.arange(WINDOWS) < WINDOWS - 4, favour, late)[:, None] / 5
    items = chance.poisson(60, (WINDOWS, ITEMS)).astype(float)
    lake = chance.binomial(items.astype(int), np.broadcast_to(share, items.shape)).astype(float)
    # What else is shown makes the lake a fifth of all rows, however these dishes are spread.
    whole = np.full((WINDOWS, 1), 5e6)
    cells: tuple[Slice, ...] = (
        (),
        *((("hall", hall),) for hall in HALLS),
        *((("dish", f"d{n}"),) for n in range(ITEMS)),
        *((("dish", f"d{n}"), ("hall", hall)) for hall in HALLS for n in range(ITEMS)),
    )
    rows = np.concatenate([whole, whole / 5, whole * 4 / 5, items, lake, items - lake], axis=1)
    return Tally(grid(15 * MINUTE, WINDOWS), cells, ("shown",), rows, np.zeros((*rows.shape, 1)))


def too_few(tally: Tally, windows: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """(items,) p-values by the lake, of the last window, or of the last four together."""
    shown = shown_of(tally, "dish")
    known = KNOWN
    if windows > 1:
        shown, known = together(shown, known)
    return np.asarray(judge(shown, known).sides["drop"].p_values[1 : 1 + ITEMS, 0])


def test_chance_is_taken_for_what_it_is_of_items_that_are_favoured_there_and_of_others() -> None:
    for favour in (0.7, 1.0, 1.2, 1.6):
        for windows in (1, 4):
            surprising = too_few(shown(favour, favour), windows)
            assert surprising.min() > 1e-6, (favour, windows)
            assert np.mean(surprising < 0.01) < 0.02, (favour, windows)


def test_what_is_shown_a_quarter_as_often_as_elsewhere_is_seen_however_it_was_before() -> None:
    for favour in (1.0, 1.6):
        assert np.median(too_few(shown(favour, 0.25), 4)) < 1e-6


def test_what_was_favoured_and_is_shown_as_elsewhere_now_is_no_fault() -> None:
    assert too_few(shown(1.6, 1.0), 4).min() > 1e-6
    assert np.median(too_few(shown(1.0, 0.6), 4)) < 1e-2
