"""A declared model compared with its log and its file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from skops.io import dump

from domain.answer import Advice
from tests.workers.doctor.kiosk import NOW
from workers.doctor.doctor import check


def _warned(kiosk: Path) -> list[Advice]:
    lines = check(kiosk, environment={}, at=NOW)
    return [one for one in lines if one.where.startswith("models.ranker") and one.level != "ok"]


def test_a_model_that_computes_what_was_logged_is_as_declared(kiosk: Path) -> None:
    assert _warned(kiosk) == []


@pytest.mark.parametrize("fault", ["features", "file"])
def test_features_in_another_order_or_another_file_are_recognised_by_the_logged_scores(
    kiosk: Path, fault: str
) -> None:
    if fault == "features":
        file = kiosk / "recsysops.toml"
        text = file.read_text()
        file.write_text(text.replace('["near", "read_before"]', '["read_before", "near"]'))
    else:
        other = LogisticRegression().fit(np.array([[0.0, 1.0], [1.0, 0.0]]), np.array([0, 1]))
        dump(other, kiosk / "ranker.skops")
    (said,) = _warned(kiosk)
    assert said.level == "warning"
    assert said.where == "models.ranker.features"
    assert "newest logged scores" in said.says
    assert "in the order" in said.fix
