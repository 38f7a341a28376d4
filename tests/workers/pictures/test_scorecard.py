"""The picture of the practice: drawn however few incidents there are, but not without any."""

from __future__ import annotations

import pytest

from domain.improvement.scorecard import score_practice
from tests.domain.improvement.test_scorecard import NOW, SINCE, one
from tests.workers.pictures.test_metric import size
from workers.pictures.scorecard import draw_scorecard


@pytest.mark.parametrize("days", [(1.0,), (1.0, 3.0, 12.0, 40.0), (1.0, 300.0)])
def test_it_is_as_wide_as_every_picture_whether_of_one_incident_or_of_a_year(days: tuple[float, ...]) -> None:
    card = score_practice(
        [one(ago, acknowledged_at=0.0, resolved_at=2_000.0 * ago) for ago in days], NOW, SINCE
    )
    drawn = draw_scorecard(card)
    assert drawn is not None
    assert size(drawn)[0] == 1_400


def test_of_no_incident_there_is_none() -> None:
    assert draw_scorecard(score_practice([], NOW)) is None
