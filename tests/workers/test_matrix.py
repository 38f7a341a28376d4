"""One matrix for all checks: what each of them has to withstand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skops.io
from sklearn.linear_model import LogisticRegression

from workers.conformance import SITUATIONS, Says, hold
from workers.conformance.table import NAME, Change, declared, sound
from workers.declaration.own_keys import of_this_house
from workers.doctor.checks import unfit

ITSELF = {"id": "id"}  # each row finds itself
CHECKS: Mapping[str, Mapping[str, Any]] = {
    "volume": {},
    "freshness": {},
    "slice_volume": {},
    "schema": {},
    "missing": {},
    "domain": {},
    "duplicates": {"key": ["id"]},
    "references": {},
    "drift": {},
    "series": {"measure": "minutes", "aggregate": "mean"},
    "numeric": {},
    "scores": {"columns": ["rating"]},
    "score_parity": {},
    "rank_parity": {},
    "item_parity": {},
    "latency": {"measure": "minutes", "limits": {"p95": 90.0}},
    "versions": {"columns": ["always"], "versions": {"1": 1.0}},
    "stages": {"stages": ["always", "views"], "on": ITSELF},
    "joins": {"beside": "views", "on": ITSELF},
    "sampling": {"beside": "views", "on": ITSELF, "rate": 1.0},
    "disagreements": {"beside": "views", "on": ITSELF, "compare": {"rating": "rating", "genre": "genre"}},
    "misses": {},
    "calibration": {},
    "metric": {"metric": "auc"},
    "skew": {"learned_from": "learned"},
    "training": {"columns": ["rating"]},
    "staleness": {"as_of": "at"},
    "concentration": {"item": "item_id"},
    "diversity": {"request": "request_id", "by": "item_id"},
    "cold_start": {"item": "item_id", "session": "request_id", "chosen": "chosen"},
    "production_bias": {"dimensions": ["item_id"], "ways": 1},
}
"""Each kind, with the keys that it cannot do without."""

MEANT: Mapping[tuple[str, str], Says] = {("skew", "every column is null"): "anything"}
"""Where a situation is what the kind is there to detect: a feature that is null, and was not in training."""


def with_its_scores(folder: Path) -> Change:
    """A model's file, and the table with the scores that it gives."""
    chance = np.random.default_rng(8)
    rating = chance.normal(size=(200, 1))
    model = LogisticRegression().fit(rating, chance.random(200) < 0.4)
    skops.io.dump(model, folder / "ranker.skops")
    return lambda frame: frame.assign(score=model.decision_function(frame[["rating"]].to_numpy()))


MADE: Mapping[str, Callable[[Path], Change]] = {"score_parity": with_its_scores}
"""What a kind needs beside the table that all are tried on."""


def test_every_kind_stands_in_the_matrix() -> None:
    assert set(CHECKS) == set(of_this_house())


@pytest.mark.parametrize("situation", SITUATIONS)
@pytest.mark.parametrize("kind", CHECKS)
def test_a_check_stands_what_every_check_has_to_stand(kind: str, situation: str, tmp_path: Path) -> None:
    made = MADE[kind](tmp_path) if kind in MADE else None
    hold({"kind": kind, **CHECKS[kind]}, situation, tmp_path, made, MEANT.get((kind, situation)))


def test_the_doctor_lets_every_kind_ask_its_question_of_no_rows(tmp_path: Path) -> None:
    for kind, keys in CHECKS.items():
        made = MADE[kind](tmp_path) if kind in MADE else None
        frame = made(sound()) if made else sound()
        recommender = declared({"kind": kind, **keys}, frame, tmp_path)
        assert unfit(recommender, [NAME]) == frozenset(), kind
