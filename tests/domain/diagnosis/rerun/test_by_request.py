"""Scores computed request by request: their last digits differ from those of all rows at once."""

from collections.abc import Collection, Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

from domain.diagnosis.replay import CandidateColumns
from domain.diagnosis.rerun.rerun import Logged, Models, rerun
from domain.diagnosis.rerun.values import Rerun

COLUMNS = CandidateColumns("request", "item", "score", ("x",))
REQUESTS, EACH = 200, 8

Floats = npt.NDArray[np.float64]


class Batched:
    """A model whose scores depend, in the last place, on how many rows are computed together."""

    kind = "number"

    def __init__(self) -> None:
        self.computed: dict[str, int] = {}

    def score(self, features: pd.DataFrame) -> Floats:
        return features["x"].to_numpy(np.float64) * 1.7 + 3.0

    def readings(
        self,
        features: pd.DataFrame,
        requests: npt.NDArray[np.intp] | None = None,
        only: Collection[str] | None = None,
    ) -> Mapping[str, npt.NDArray[np.floating]]:
        """In 64 bits and in 32; `computed` counts the requests that were computed by themselves."""
        exact = self.score(features)
        if requests is None:
            third = np.arange(len(exact)) % 3 == 0
            exact = np.where(third, np.nextafter(exact, np.inf), exact)
        found: dict[str, npt.NDArray[np.floating]] = {
            "in 64 bits": exact,
            "in 32 bits": (exact + 1e-6).astype(np.float32),
        }
        chosen = {name: scores for name, scores in found.items() if only is None or name in only}
        if requests is not None:
            for name in chosen:
                self.computed[name] = self.computed.get(name, 0) + len(np.unique(requests))
        return chosen


def log(model: Batched, *, apart: bool) -> pd.DataFrame:
    chance = np.random.default_rng(2)
    rows = pd.DataFrame(
        {
            "request": np.repeat([f"r{number}" for number in range(REQUESTS)], EACH),
            "item": chance.integers(0, 50, REQUESTS * EACH),
            "x": chance.uniform(-4, 4, REQUESTS * EACH),
        }
    )
    scores = model.score(rows) if apart else model.readings(rows)["in 64 bits"]
    return rows.assign(score=scores)


def run(model: Batched, rows: pd.DataFrame) -> Rerun:
    return rerun(Logged(rows, COLUMNS), Models({"now": model}, "now"))


def test_the_arithmetic_is_found_in_some_requests_and_all_are_then_the_same_to_the_bit() -> None:
    model = Batched()
    found = run(model, log(model, apart=True))
    assert (found.identical, found.rounded, found.differences) == (REQUESTS, 0, ())
    assert "in 64 bits" in found.reading
    assert "request by request" in found.reading
    assert model.computed["in 64 bits"] > REQUESTS
    assert model.computed["in 32 bits"] < REQUESTS / 2


def test_what_was_computed_all_at_once_is_not_computed_request_by_request() -> None:
    model = Batched()
    found = run(model, log(model, apart=False))
    assert found.identical == REQUESTS
    assert "request by request" not in found.reading
    assert not model.computed


def test_only_requests_whose_last_digits_differ_are_computed_by_themselves() -> None:
    model = Batched()
    rows = log(model, apart=False)
    few = rows["request"].isin(["r3", "r7"])
    found = run(model, rows.assign(score=np.where(few, model.score(rows), rows["score"])))
    assert (found.identical, found.rounded) == (REQUESTS, 0)
    assert sum(model.computed.values()) <= 6


@pytest.mark.parametrize("digit", [np.inf, -np.inf])
def test_where_no_arithmetic_gives_the_last_digits_a_few_requests_are_tried_and_no_more(digit: float) -> None:
    model = Batched()
    rows = log(model, apart=True)
    off = np.nextafter(np.nextafter(np.nextafter(rows["score"], digit), digit), digit)
    found = run(model, rows.assign(score=off))
    assert (found.identical, found.rounded, found.differences) == (0, REQUESTS, ())
    assert max(model.computed.values()) < REQUESTS / 2
