"""A model with a planted fault is the model itself, except for the fault."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from domain.errors import SourceError
from domain.resolution.rehearsal.planted import Segment
from workers.models.planted_file import write_planted
from workers.models.process import open_model

ROWS = pd.DataFrame({"language_match": [0.2, 0.8], "genre_affinity": [0.5, 0.5], "popularity": [0.1, 0.9]})
SEGMENT = Segment("popularity", 0.5, 1.0, -2.0)


def test_it_scores_lower_in_its_segment_and_as_the_model_elsewhere(healthy: Path, tmp_path: Path) -> None:
    write_planted(tmp_path / "ranker.planted", healthy / "ranker.skops", SEGMENT)
    with open_model(healthy / "ranker.skops") as own, open_model(tmp_path / "ranker.planted") as faulty:
        assert faulty.kind == own.kind
        np.testing.assert_allclose(faulty.score(ROWS) - own.score(ROWS), [0.0, -2.0])


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("{}", "names no model with a fault"),
        ("no JSON", "names no model with a fault"),
        ('{"model": "x.planted", "feature": "x", "low": 0, "high": 1, "by": -1}', "has a fault already"),
        ('{"model": "/nowhere.skops", "feature": "x", "low": 0, "high": 1, "by": -1}', "no model file"),
    ],
)
def test_one_that_names_no_model_is_not_opened(tmp_path: Path, written: str, says: str) -> None:
    file = tmp_path / "ranker.planted"
    file.write_text(written)
    with pytest.raises(SourceError, match=says):
        open_model(file)
