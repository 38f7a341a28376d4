"""What a team expects of the model that ranks its ferry crossings, compared with what it scored."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from pydantic import ValidationError

from domain.diagnosis.inside.expectations import Broken, broken_by
from domain.diagnosis.inside.report import report_expectations
from domain.diagnosis.known import Known
from domain.diagnosis.material import Material
from domain.diagnosis.replay import CandidateColumns
from domain.recommender.expectation import Expectation
from domain.recommender.model import Model
from domain.values import Finding, Severity, Slice

FEATURES = ("fare", "cabins", "deck", "port_from", "port_to", "visitor")
COUNT = 400


class Ferries:
    """A model that is a formula."""

    kind = "number"

    def __init__(self, formula: Callable[[pd.DataFrame], Any]) -> None:
        self.formula = formula

    def score(self, features: pd.DataFrame) -> npt.NDArray[np.float64]:
        return np.asarray(self.formula(features), np.float64)


@pytest.fixture(scope="module")
def crossings() -> pd.DataFrame:
    chance = np.random.default_rng(3)
    ports = ["Turku", "Tallinn", "Visby"]
    return pd.DataFrame(
        {
            "crossing": [f"c{number}" for number in range(COUNT)],
            "fare": np.where(chance.random(COUNT) < 0.2, np.nan, chance.uniform(0, 90, COUNT)),
            "cabins": chance.integers(0, 40, COUNT),
            "deck": chance.choice(["upper", "lower"], COUNT),
            "port_from": chance.choice(ports, COUNT),
            "port_to": chance.choice(ports, COUNT),
            "visitor": chance.integers(0, 9_999, COUNT).astype(float),
        }
    )


def healthy(rows: pd.DataFrame) -> Any:
    fare = rows["fare"].fillna(200.0)
    same = (rows["port_from"] == rows["port_to"]).astype(float)
    return 3 - 0.01 * fare + 0.02 * rows["cabins"] + 0.3 * (rows["deck"] == "upper") - same


def cheap_is_dubious(rows: pd.DataFrame) -> Any:
    return healthy(rows) - 2.5 * (rows["fare"] < 5)


def one_way(rows: pd.DataFrame) -> Any:
    return healthy(rows) + 0.5 * (rows["port_from"] == "Visby")


def by_visitor(rows: pd.DataFrame) -> Any:
    return healthy(rows) + 0.1 * (rows["visitor"] % 2)


def unset_is_free(rows: pd.DataFrame) -> Any:
    return healthy(rows.assign(fare=rows["fare"].fillna(0.0)))


def runs_away(rows: pd.DataFrame) -> Any:
    return np.where(rows["cabins"] == 39, 1e6, healthy(rows))


EVERY = {
    "falls_with": Expectation(falls_with="fare"),
    "rises_with": Expectation(rises_with="cabins"),
    "ignores": Expectation(ignores=("visitor",)),
    "between": Expectation(between=(-5.0, 5.0)),
    "swaps": Expectation(swaps=("port_from", "port_to")),
    "tells_unset": Expectation(tells_unset="fare"),
}


def broken(formula: Callable[[pd.DataFrame], Any], rows: pd.DataFrame) -> dict[str, str]:
    tried = {name: by(formula, rows, expected) for name, expected in EVERY.items()}
    return {name: one.example for name, one in tried.items() if one is not None}


def by(formula: Callable[[pd.DataFrame], Any], rows: pd.DataFrame, expected: Expectation) -> Broken | None:
    return broken_by(Ferries(formula), rows, FEATURES, "crossing", expected)


def test_of_a_model_that_does_as_is_expected_nothing_is_said(crossings: pd.DataFrame) -> None:
    assert broken(healthy, crossings) == {}


@pytest.mark.parametrize(
    ("formula", "name", "says"),
    [
        (cheap_is_dubious, "falls_with", r"with `fare` [\d.]+ → [\d.]+ the score of c\d+ goes from"),
        (one_way, "swaps", r"with `port_from` \w+ and `port_to` \w+ swapped, the score of c\d+ goes from"),
        (by_visitor, "ignores", r"with `visitor` [\d.e+]+ → [\d.e+]+, the score of c\d+ goes from"),
        (unset_is_free, "tells_unset", r"with `fare` not set, as with 0, the score of c\d+ is"),
        (runs_away, "between", r"as it was logged, the score of c\d+ is 1e\+06"),
    ],
)
def test_what_does_not_hold_comes_with_the_worst_example(
    formula: Callable[[pd.DataFrame], Any], name: str, says: str, crossings: pd.DataFrame
) -> None:
    found = broken(formula, crossings)
    assert list(found) == [name]
    assert pd.Series([found[name]]).str.fullmatch(f"{says}.*").all(), found[name]


def test_the_example_is_one_that_anybody_can_repeat(crossings: pd.DataFrame) -> None:
    model, found = Ferries(cheap_is_dubious), by(cheap_is_dubious, crossings, EVERY["falls_with"])
    assert found is not None
    words = found.example.split()
    low, high, crossing = float(words[2]), float(words[4]), words[8]
    row = crossings[crossings["crossing"] == crossing]
    assert model.score(row.assign(fare=low))[0] < model.score(row.assign(fare=high))[0]


def test_a_diagnosis_says_what_does_not_hold_and_of_how_many(crossings: pd.DataFrame) -> None:
    finding = Finding(
        check="rows", table="bookings", slice=Slice(()), window_start="2026-05-02T10:00Z", p_value=1e-6,
        window_end="2026-05-02T11:00Z", observed=5, expected=9, severity=Severity.SEV2, title="fewer",
    )  # fmt: skip
    columns = CandidateColumns("search", "crossing", "score", FEATURES)
    texts = Expectation(rises_with="deck")
    for formula, says in (
        (by_visitor, "It is expected that the score does not depend on `visitor`. It is not so for"),
        (healthy, "6 of 7 things that are expected of the model hold for 300 logged candidates"),
    ):
        known, model = Known(), Ferries(formula)
        material = Material(
            finding, candidates=crossings, columns=columns, model=model, expects=(texts, *EVERY.values())
        )
        report_expectations(material, known, seed=1)
        untried, *lines = [line.statement for line in known.evidence]
        assert untried.startswith(
            "Whether the score rises with `deck` could not be tried: `deck` holds texts"
        )
        assert lines[0].startswith(says)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({}, "says nothing; write one of rises_with"),
        ({"rises_with": "fare", "falls_with": "fare"}, "says rises_with and falls_with"),
        ({"between": [2, 1]}, "holds nothing"),
        ({"swaps": ["fare", "fare"]}, "swaps `fare` with itself"),
        ({"rises_with": "fair"}, 'expects something of `fair`, did you mean "fare"?'),
    ],
)
def test_an_expectation_that_says_nothing_is_an_error_that_says_why(given: Any, says: str) -> None:
    with pytest.raises(ValidationError, match=says.replace("?", r"\?")):
        Model.model_validate({"name": "m", "path": "m.skops", "features": FEATURES, "expects": [given]})
