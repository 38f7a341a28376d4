"""The healthy table scatters as it says."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.detection.slices_world import BURST, HISTORY, Kind, World, counts_until, flat, names, world

DAYS = HISTORY + 1


def own(made: World) -> np.ndarray:
    """(days, cells) standardised distance of busy cells from what was foreseen."""
    busy = made.usual > 1_000
    mean = made.foreseen[:, busy]
    return np.asarray((made.cells[:, busy] - mean) / np.sqrt(made.variance(mean)))


@pytest.mark.parametrize("kind", [Kind(), Kind(shared=0.08), Kind(own=0.04), Kind(own=0.08)], ids=str)
def test_a_slice_scatters_about_what_is_foreseen_by_the_variance_that_is_said(kind: Kind) -> None:
    assert np.var(own(world(11, DAYS, kind))) == pytest.approx(1, abs=0.05)


def test_what_values_share_makes_their_slices_scatter_together() -> None:
    alike, apart = (world(12, DAYS, Kind(shared=share)) for share in (0.0, 0.08))
    busy = alike.usual > 2_000
    change = [np.diff(np.log(made.foreseen[::7][:, busy]), axis=0) for made in (alike, apart)]
    spread = [float(np.std(one - one.mean(axis=1, keepdims=True))) for one in change]
    assert spread[1] ** 2 - spread[0] ** 2 == pytest.approx(4 * 0.08**2, rel=0.35)


def test_heavy_tails_have_the_same_scatter_and_further_days() -> None:
    light, heavy = (own(world(13, DAYS, Kind(own=0.08, tail=tail))) for tail in (None, 3.0))
    assert np.abs(heavy).max() > 1.5 * np.abs(light).max()


def test_a_day_is_given_with_its_history_and_every_slice() -> None:
    made = world(14, DAYS, Kind())
    counts = counts_until(made.cells, HISTORY)
    assert counts.rows.shape == (HISTORY + 1, len(names()))
    assert counts.total[-1] == made.cells[HISTORY].sum()
    assert flat(made.cells[-1:]).sum() == pytest.approx(3 * counts.total[-1])
    assert BURST > 1
