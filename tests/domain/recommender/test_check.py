"""What a declared ratio check may say."""

from __future__ import annotations

import pytest

from domain.detection.kinds.tables import slice_volume, volume
from domain.recommender.check import Check
from domain.recommender.options import Divided


def check(**more: object) -> Check:
    return Check.model_validate({"name": "c", "table": "t", **more})


def test_a_ratio_may_be_watched_by_volume_and_by_slice_volume() -> None:
    for one in (volume.KIND, slice_volume.KIND):
        ratio = check(kind=one.name, aggregate="ratio", measure="stalled", over="viewers")
        assert one.read(ratio.options).divided
        assert one.read(check(kind=one.name, aggregate="mean", measure="minutes").options).divided
        assert not one.read(check(kind=one.name, aggregate="sum", measure="minutes").options).divided
        assert not one.read(check(kind=one.name).options).divided


def test_three_dimensions_are_for_ratios() -> None:
    assert check(kind="slice_volume", aggregate="mean", measure="minutes", ways=3).ways == 3
    for kind in ("slice_volume", "missing"):
        with pytest.raises(ValueError, match="ways = 3 is for aggregate"):
            check(kind=kind, ways=3)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"aggregate": "quantile"}, "Input should be 'count', 'sum', 'mean' or 'ratio'"),
        ({"aggregate": "ratio"}, "belong together"),
        ({"aggregate": "mean", "over": "viewers"}, "belong together"),
    ],
)
def test_what_would_be_read_by_nobody_is_refused_in_words(options: dict[str, object], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        slice_volume.KIND.read(options)


def test_what_is_made_of_a_column_needs_one_and_a_count_none() -> None:
    with pytest.raises(ValueError, match='aggregate = "mean" needs a column'):
        slice_volume.KIND.fits({}, Divided(aggregate="mean"))
    with pytest.raises(ValueError, match="counts rows"):
        slice_volume.KIND.fits({"measure": "minutes"}, Divided(aggregate="count"))
