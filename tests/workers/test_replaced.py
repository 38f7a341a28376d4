"""The version of a model that took over before it began, from a log in a real engine."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest

from domain.recommender.model import Model
from domain.recommender.recommender import Recommender
from domain.recommender.table import Table
from domain.resolution.circumstances import Replaced
from workers.models.logged import log_of
from workers.reading import Reader
from workers.replaced import replaced_model

from .conftest import NOON, make_finding

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
ONSET = NOON - HOUR


def logged(folder: Path, spans: Sequence[tuple[str, float, float, int]]) -> Recommender:
    """Candidates by (version, from and to hours before noon, rows of each quarter of an hour)."""
    rows = [
        (NOON - start * HOUR + quarter * 15 * MINUTE, f"{version}-{quarter}", f"film-{n}", 0.5, 0.5, version)
        for version, start, end, count in spans
        for quarter in range(int((start - end) * 4))
        for n in range(count)
    ]
    frame = pd.DataFrame(rows, columns=["at", "request", "item", "score", "x", "version"])
    frame["at"] = frame["at"].astype("datetime64[us, UTC]")
    frame.to_parquet(folder / "candidates.parquet")
    table = Table(name="candidates", path=str(folder / "candidates.parquet"), time="at", window=15 * MINUTE)
    model = Model(
        name="ranker",
        path="ranker.skops",
        features=("x",),
        candidates="candidates",
        request="request",
        item="item",
        score="score",
        version="version",
    )
    return Recommender(name="small", tables={"candidates": table}, models={"ranker": model})


@pytest.mark.parametrize(
    ("spans", "told"),
    [
        pytest.param(
            [("v7", 12, 2, 20), ("v8", 2, 0, 20)], ("v8", "v7", 2), id="it took over an hour before"
        ),
        pytest.param([("v7", 12, 0, 20)], None, id="one version all the time"),
        pytest.param(
            [("v6", 12, 5, 20), ("v7", 5, 2, 20), ("v8", 2, 0, 20)], ("v8", "v7", 2), id="the last of several"
        ),
        pytest.param(
            [("v7", 12, 2, 20), ("v8", 2, 0.5, 20), ("v9", 0.5, 0, 20)], ("v8", "v7", 2), id="not a later one"
        ),
        pytest.param([("v7", 12, 0.5, 20), ("v8", 0.5, 0, 20)], ("v8", "v7", 0.5), id="only a later one"),
        pytest.param([("v7", 12, 0, 40), ("v8", 2, 0, 1)], None, id="a few stray rows are no takeover"),
        pytest.param(
            [("v7", 12, 0, 20), ("v8", 2, 0, 5)],
            ("v8", "v7", 2),
            id="a canary beside it served before it began",
        ),
    ],
)
def test_the_version_that_took_over_no_later_than_it_began_is_told_with_the_one_before(
    tmp_path: Path,
    spans: Sequence[tuple[str, float, float, int]],
    told: tuple[str, str, float] | None,
) -> None:
    recommender = logged(tmp_path, spans)
    log = log_of(recommender)
    assert log is not None
    reader = Reader(recommender, make_finding(), NOON)
    found = replaced_model(reader, log, ONSET, ONSET + MINUTE)
    expected = told and Replaced(at=NOON - told[2] * HOUR, now=told[0], was=told[1])
    assert found == expected
