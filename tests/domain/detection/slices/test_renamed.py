"""Values that went elsewhere: one thing happened, and the report says where they went."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from domain.detection.data.counts import Counts, counts_of
from domain.detection.judge.counts.by_slice import judge_slices
from domain.detection.judge.state import CheckState
from domain.detection.slices.renamed import merge_renamed
from domain.recommender.check import Check
from domain.values import Finding
from tests.domain.detection.traffic import DAY, grid

DAYS = 40
COUNTRIES = {"DK": 4_000, "SE": 6_000, "NO": 3_000, "FI": 2_500, "DE": 20_000, "FR": 15_000}
UNSET = "∅ (not set)"
CHECK = Check(name="slices", kind="slice_volume", table="plays")


def counts(last: dict[str, str], days: int = DAYS, seed: int = 0) -> Counts:
    """Plays by country; on the last day those in `last` go by another name (an empty one: they are lost)."""
    chance = np.random.default_rng(seed)
    rows: list[tuple[int, str | None, str | None, float]] = []
    for day in range(days):
        held: dict[str, float] = {}
        for country, mean in COUNTRIES.items():
            name = last.get(country, country) if day == days - 1 else country
            n = float(chance.poisson(mean * chance.lognormal(0, 0.03)))
            if name:
                held[name] = held.get(name, 0.0) + n
        rows += [(day, "country", name, n) for name, n in held.items()]
        rows.append((day, None, None, sum(held.values())))
    frame = pd.DataFrame(rows, columns=["window", "dim1", "val1", "rows"])
    return counts_of(frame.assign(dim2=None, val2=None), grid(DAY, days))


def findings_of(last: dict[str, str], check: Check = CHECK) -> list[Finding]:
    return list(judge_slices(check, counts(last), CheckState()).findings)


@pytest.mark.parametrize("direction", ["both", "drop"])
def test_a_value_that_is_renamed_is_one_finding_that_says_so(direction: str) -> None:
    (finding,) = findings_of({"DK": "DNK"}, CHECK.model_copy(update={"direction": direction}))
    assert finding.slice == (("country", "DK"),)
    assert finding.title.startswith("plays where country = DK: no rows at all; DNK is new and has ")
    assert finding.title.endswith(": renamed?")


def test_a_value_that_vanishes_is_not_said_to_be_renamed() -> None:
    (finding,) = findings_of({"DK": ""})
    assert finding.title == "plays where country = DK: no rows at all"


def test_a_value_that_appears_with_its_own_rows_is_a_finding_of_its_own() -> None:
    before = counts({})
    last = pd.DataFrame({"window": [DAYS - 1], "dim1": ["country"], "val1": ["IS"], "rows": [5_000.0]})
    rows = np.hstack([before.rows, np.zeros((DAYS, 1))])
    rows[-1, -1] = last["rows"][0]
    total = before.total + rows[:, -1]
    more = Counts(before.grid, total, rows, (*before.slices, (("country", "IS"),)), before.known)
    findings = judge_slices(CHECK, more, CheckState()).findings
    assert [f.slice for f in findings] == [(("country", "IS"),)]
    assert "almost none were expected" in findings[0].title


def test_several_values_renamed_at_once_are_one_finding_of_the_largest() -> None:
    (finding,) = findings_of({"DK": "DNK", "SE": "SWE", "NO": "NOR"})
    assert finding.slice == (("country", "SE"),)
    assert finding.title.endswith(": renamed?, and 2 more like it")


def test_values_that_are_merged_into_a_new_one_are_one_finding_that_names_it() -> None:
    (finding,) = findings_of({"DK": "Nordics", "SE": "Nordics", "NO": "Nordics", "FI": "Nordics"})
    assert finding.slice == (("country", "SE"),)
    assert finding.title.endswith("they are in country = Nordics now; so are DK, NO and 1 more")


def test_a_dimension_that_is_no_longer_set_in_any_row_is_one_finding() -> None:
    (finding,) = findings_of(dict.fromkeys(COUNTRIES, UNSET))
    assert finding.slice == (("country", UNSET),)
    (drop,) = findings_of(dict.fromkeys(COUNTRIES, UNSET), CHECK.model_copy(update={"direction": "drop"}))
    assert drop.slice == (("country", "DE"),)
    assert drop.title.endswith(f"they are in country = {UNSET} now; so are FR, SE and 3 more")


def test_two_values_lost_for_two_reasons_stay_two_findings() -> None:
    findings = findings_of({"DK": "DNK", "FR": ""})
    assert {f.slice for f in findings} == {(("country", "DK"),), (("country", "FR"),)}
    assert ["renamed?" in f.title for f in sorted(findings, key=lambda f: f.slice)] == [True, False]


def test_what_is_lost_and_what_is_new_with_other_counts_is_no_rename() -> None:
    names = ((("country", "DK"),), (("country", "IS"),))
    alone = merge_renamed(names, np.array([0.0, 900.0]), np.array([4_000.0, 1.0]), [0])
    assert [(one.place, one.words) for one in alone] == [(0, "")]


def test_slices_of_two_dimensions_and_surges_are_reported_as_they_are() -> None:
    names = ((("country", "DK"), ("device", "tv")), (("country", "SE"),), (("country", "XX"),))
    observed, expected = np.array([0.0, 900.0, 100.0]), np.array([100.0, 300.0, 0.0])
    assert [one.place for one in merge_renamed(names, observed, expected, [0, 1])] == [0, 1]


@pytest.mark.parametrize("days", [2, 4, 8])
def test_with_a_history_of_a_few_days_nothing_is_said_and_why_not(days: int) -> None:
    verdict = judge_slices(CHECK, counts({"DK": "DNK"}, days), CheckState())
    assert (verdict.findings, verdict.judged, verdict.note) == ((), False, "not enough history yet")


def test_a_day_without_any_row_divides_into_no_slices() -> None:
    empty = counts({})
    empty.total[-1] = 0
    empty.rows[-1] = 0
    verdict = judge_slices(CHECK, empty, CheckState())
    assert (verdict.judged, verdict.note) == (False, "no rows to divide into slices")
