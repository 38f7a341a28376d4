"""Checks of a model from their declaration to their finding, and measured again after a fix."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import psycopg
import pyarrow.parquet as pq
import pytest

from domain.errors import ConfigurationError, TooFewRows
from domain.recommender.check import Check
from domain.recommender.recommender import Recommender
from domain.values import Finding
from tests.workers.rankings import DAY, END, HOUR, Spoil, trained, write_rankings
from workers.checks.backtest import backtest
from workers.checks.measure import measure
from workers.checks.plan import plan
from workers.checks.run import FAULT, State, run_checks
from workers.doctor import doctor
from workers.sources.logged.scored import metric_rows
from workers.store.connection import driver_address

CHECKS = """
[checks.scores]
kind = "scores"
table = "candidates"
[checks.calibration]
kind = "calibration"
table = "candidates"
[checks.numbers]
kind = "numeric"
table = "candidates"
[checks.skew]
kind = "skew"
table = "candidates"
learned_from = "learned"
dimensions = ["device"]
[checks.training]
kind = "training"
table = "runs"
columns = ["auc", "rows"]
[checks.age]
kind = "staleness"
table = "runs"
[checks.served_age]
kind = "staleness"
table = "candidates"
within = "30h"
[checks.data_age]
kind = "staleness"
table = "runs"
as_of = "data_until"
"""
TV = (("device", "tv"),)
WEB = (("device", "web"),)


def sank(frame: pd.DataFrame, last: pd.Series, chance: np.random.Generator) -> pd.DataFrame:
    hit = last & (frame["device"] == "web")
    return frame.assign(score=frame["score"].mask(hit, frame["score"] * 0.35))


def constant(frame: pd.DataFrame, last: pd.Series, chance: np.random.Generator) -> pd.DataFrame:
    return frame.assign(score=frame["score"].mask(last, 0.2))


def infinite(frame: pd.DataFrame, last: pd.Series, chance: np.random.Generator) -> pd.DataFrame:
    hit = last & (frame["device"] == "tv") & (chance.random(len(frame)) < 0.08)
    return frame.assign(score=frame["score"].mask(hit, -np.inf))


def unset(frame: pd.DataFrame, last: pd.Series, chance: np.random.Generator) -> pd.DataFrame:
    hit = last & (frame["device"] == "tv") & (chance.random(len(frame)) < 0.5)
    return frame.assign(taste=frame["taste"].mask(hit, np.nan))


def in_days(frame: pd.DataFrame, last: pd.Series, chance: np.random.Generator) -> pd.DataFrame:
    return frame.assign(age=frame["age"].mask(last, frame["age"] * 365))


def other_scale(frame: pd.DataFrame, last: pd.Series, chance: np.random.Generator) -> pd.DataFrame:
    hit = last & (frame["device"] == "web")
    return frame.assign(fame=frame["fame"].mask(hit, frame["fame"] ** 0.4))


FAULTS: Mapping[str, tuple[Spoil, dict[str, tuple[tuple[tuple[str, str], ...], str]]]] = {
    "scores sank": (sank, {"scores": (WEB, "score"), "calibration": (WEB, "score")}),
    "one score for all": (
        constant,
        {"scores": ((), "score"), "calibration": ((), "score"), "numbers": ((), "score all alike")},
    ),
    "infinite scores": (infinite, {"numbers": (TV, "score infinite")}),
    "a feature unset": (unset, {"numbers": (TV, "taste not a number"), "skew": (TV, "taste not set")}),
    "days for years": (in_days, {"numbers": ((), "age exploded"), "skew": ((), "age")}),
    "another scale": (other_scale, {"skew": (WEB, "fame")}),
}


def found_by(recommender: Recommender) -> dict[str, list[Finding]]:
    by_check: dict[str, list[Finding]] = {}
    for finding in run_checks(recommender, END).findings:
        by_check.setdefault(finding.check, []).append(finding)
    return by_check


def only(recommender: Recommender, name: str, **more: object) -> Recommender:
    declared = recommender.checks[name].model_dump(exclude_unset=True)
    check = Check.model_validate({**declared, **more})
    return recommender.model_copy(update={"checks": {name: check}})


@pytest.mark.parametrize("name", FAULTS)
def test_each_fault_is_found_by_its_checks_where_it_is_and_measured_again(name: str, tmp_path: Path) -> None:
    spoil, expected = FAULTS[name]
    recommender = write_rankings(tmp_path, CHECKS, spoil)
    found = found_by(recommender)
    assert {check: (one.slice, one.subject) for check, (one, *_more) in found.items()} == expected
    for first, *_more in found.values():
        again = measure(recommender, first, first.window_start, first.window_end)
        assert again.observed == pytest.approx(first.observed, rel=0.05)
        assert not again.within
        before = measure(recommender, first, END - 2 * HOUR, END - HOUR)
        assert before.within


@pytest.mark.parametrize("seed", [4, 11, 12])
def test_nothing_is_found_where_nothing_is_wrong(seed: int, tmp_path: Path) -> None:
    recommender = write_rankings(tmp_path, CHECKS, seed=seed)
    result = run_checks(recommender, END)
    assert result.findings == ()
    assert result.notes == {}


def test_a_backtest_finds_what_live_looks_find(tmp_path: Path) -> None:
    def lasting(frame: pd.DataFrame, last: pd.Series, chance: np.random.Generator) -> pd.DataFrame:
        return sank(frame, frame["at"] >= END - 3 * HOUR, chance)

    recommender = write_rankings(tmp_path, CHECKS, lasting)
    chosen = recommender.model_copy(
        update={"checks": {name: recommender.checks[name] for name in ("calibration", "served_age")}}
    )
    past = backtest(chosen, END - 5 * HOUR, END)
    state, live = State(), list[Finding]()
    for hours in range(4, -1, -1):
        result = run_checks(chosen, END - hours * HOUR, state)
        state = State.model_validate_json(result.state.model_dump_json())
        live += result.findings
    assert [(f.slice, f.window_end, f.observed) for f in live] == [
        (f.slice, f.window_end, f.observed) for f in past.findings
    ]
    (incident,) = past.incidents
    assert incident.findings == 3


def test_a_training_that_came_out_worse_is_reported_and_over_with_the_next(tmp_path: Path) -> None:
    recommender = only(write_rankings(tmp_path, CHECKS, runs=trained(auc=0.6)), "training")
    (found,) = run_checks(recommender, END).findings
    assert (found.subject, found.observed) == ("auc", 0.6)
    assert "runs: the training of 2026-03-02 03:00 UTC has auc 0.6, usually 0.7" in found.title
    with pytest.raises(TooFewRows, match="no training since"):
        measure(recommender, found, END - HOUR, END)
    runs = trained(auc=0.6)
    fixed = pd.concat([runs, runs.iloc[[0]].assign(trained_at=END - HOUR, auc=0.779)])
    write_rankings(tmp_path, CHECKS, runs=fixed)
    assert measure(recommender, found, END - HOUR, END).within


def test_a_model_that_is_not_trained_any_more_is_recognised_by_its_age(tmp_path: Path) -> None:
    recommender = write_rankings(tmp_path, CHECKS, runs=trained().iloc[:-1])
    ages = found_by(recommender)
    assert set(ages) == {"age", "data_age"}
    assert "runs: the newest model is 1d21h old, usually at most 1d" in ages["age"][0].title
    assert "runs: data_until of the newest model is 2d old, usually at most 1d3h" in ages["data_age"][0].title
    assert not measure(recommender, ages["age"][0], END - HOUR, END).within
    write_rankings(tmp_path, CHECKS, runs=trained())
    assert measure(recommender, ages["age"][0], END - HOUR, END).within


def test_the_age_of_what_serves_is_read_from_what_it_scored(tmp_path: Path) -> None:
    def stuck(frame: pd.DataFrame, last: pd.Series, chance: np.random.Generator) -> pd.DataFrame:
        return frame.assign(version="20260301T030000")

    recommender = write_rankings(tmp_path, CHECKS, stuck)
    (found,) = found_by(recommender)["served_age"]
    assert (
        found.title
        == "candidates: the model that serves (20260301T030000) is 1d21h old, promised at most 1d6h"
    )
    assert found.window_start == END - 15 * HOUR


BESIDE = """
[checks.ranker_age]
kind = "staleness"
table = "candidates"
beside = "runs"
on = { version = "run" }
within = "30h"
"""


def named(runs: pd.DataFrame) -> pd.DataFrame:
    """The trainings with names that do not say when they were."""
    return runs.assign(run=[f"v{night}" for night in range(len(runs))])


def serves(version: str) -> Spoil:
    """This version serves in the last window, the newest before."""
    return lambda frame, last, chance: frame.assign(version=last.map({True: version, False: "v11"}))


def test_a_model_rolled_back_is_recognised_by_its_age_where_the_trainings_say_it(tmp_path: Path) -> None:
    recommender = write_rankings(tmp_path, BESIDE, serves("v6"), runs=named(trained()))
    (found,) = found_by(recommender)["ranker_age"]
    assert found.title == "candidates: the model that serves (v6) is 5d21h old, promised at most 1d6h"
    assert abs(found.window_start - (END - HOUR)) < timedelta(minutes=1)
    write_rankings(tmp_path, BESIDE, serves("v11"), runs=named(trained()))
    assert found_by(recommender) == {}
    assert measure(recommender, found, END - HOUR, END).within


def test_a_version_that_no_training_made_is_named(tmp_path: Path) -> None:
    recommender = write_rankings(tmp_path, BESIDE, serves("v99"), runs=named(trained()))
    (found,) = found_by(recommender)["ranker_age"]
    assert found.subject == FAULT
    assert 'v99 serves in "candidates", and "runs" has no row of it' in found.title


def test_what_is_no_probability_cannot_be_calibrated_and_the_others_go_on(tmp_path: Path) -> None:
    def log_odds(frame: pd.DataFrame, last: pd.Series, chance: np.random.Generator) -> pd.DataFrame:
        return frame.assign(score=np.log(frame["score"] / (1 - frame["score"])))

    recommender = write_rankings(tmp_path, CHECKS, log_odds)
    ((name, (found,)),) = found_by(recommender).items()
    assert (name, found.subject) == ("calibration", FAULT)
    assert "which are no probabilities" in found.title


def test_how_far_back_it_learns_and_what_it_is_sliced_by(tmp_path: Path) -> None:
    recommender = write_rankings(tmp_path, CHECKS)
    planned = {name: plan(recommender, check) for name, check in recommender.checks.items()}
    assert planned["calibration"].dimensions == planned["numbers"].dimensions == ("device", "genre")
    assert planned["skew"].dimensions == ("device",)
    assert planned["training"].dimensions == planned["age"].dimensions == ()
    assert planned["calibration"].history == timedelta(days=28)
    assert planned["age"].history == 56 * DAY


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ('kind = "metric"\ntable = "candidates"', "does not say which metric"),
        ('kind = "metric"\ntable = "candidates"\nmetric = "acu"', 'did you mean "auc"?'),
        ('kind = "metric"\ntable = "candidates"\nmetric = "auc"\ntop = 5', "top is for metrics with places"),
        ('kind = "skew"\ntable = "candidates"', "does not say what the model learned from"),
        ('kind = "skew"\ntable = "candidates"\nlearned_from = "lerned"', 'did you mean "learned"?'),
        ('kind = "training"\ntable = "runs"', "does not say which columns of a training"),
        ('kind = "drift"\ntable = "candidates"\nagainst = "score"', "against is for kind calibration"),
        ('kind = "calibration"\ntable = "candidates"\nagainst = "truth"', "'truth' is not known"),
    ],
)
def test_what_is_declared_wrongly_is_said_with_its_line(lines: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as raised:
        write_rankings(tmp_path, f"\n[checks.mine]\n{lines}\n")
    assert words in str(raised.value)
    assert "recsysops.toml:" in str(raised.value)


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ('kind = "scores"\ntable = "runs"', "says not which column is a score"),
        ('kind = "numeric"\ntable = "candidates"\ncolumns = ["genre"]', '"genre" holds text, not numbers'),
        ('kind = "calibration"\ntable = "shown"', 'no model logs its candidates in "shown"'),
        ('kind = "metric"\nmetric = "ndcg"\ntop = 900\ntable = "candidates"', "more than 200 places"),
        ('kind = "skew"\ntable = "candidates"\nlearned_from = "runs"', 'has no column "taste"'),
        ('kind = "training"\ntable = "runs"\ncolumns = ["acu"]', 'did you mean "auc"?'),
        ('kind = "staleness"\ntable = "runs"\nas_of = "data_untill"', 'did you mean "data_until"?'),
        (
            'kind = "staleness"\ntable = "candidates"\nbeside = "runs"\non = {version = "acu"}',
            'did you mean "auc"?',
        ),
    ],
)
def test_the_doctor_says_what_a_check_of_a_model_lacks(lines: str, words: str, tmp_path: Path) -> None:
    write_rankings(tmp_path, f"\n[checks.mine]\n{lines}\n", hours=5)
    said = [one for one in doctor.check(tmp_path, environment={}, at=END) if words in one.says + one.fix]
    assert [one.where.startswith("checks.mine") for one in said] == [True]


SQL = {"M": "timestamptz", "i": "bigint", "f": "double precision", "b": "boolean", "O": "text", "U": "text"}
METRICS = "".join(
    f'[checks.{name}]\nkind = "metric"\ntable = "candidates"\nmetric = "{name}"\n'
    for name in ("auc", "log_loss", "ndcg", "hit_rate", "mrr")
)


def in_postgres(recommender: Recommender, address: str) -> Recommender:
    """The same tables in PostgreSQL."""
    files = {name: str(table.path) for name, table in recommender.tables.items() if name != "shown"}
    with psycopg.connect(address, autocommit=True) as connection:
        for name, path in files.items():
            frame = pq.read_table(path.replace("*", "all")).to_pandas()
            kinds = {column: SQL.get(frame[column].dtype.kind, "text") for column in frame}
            columns = ", ".join(f"{column} {kind}" for column, kind in kinds.items())
            connection.execute(f"CREATE TABLE {name} ({columns})")
            with connection.cursor().copy(f"COPY {name} FROM STDIN") as copy:
                for row in frame.itertuples(index=False):
                    copy.write_row(tuple(row))
    moved = {
        name: recommender.tables[name].model_copy(update={"path": None, "url": address, "table": name})
        for name in files
    }
    moved["shown"] = moved["candidates"].model_copy(update={"name": "shown"})
    return recommender.model_copy(update={"tables": {**recommender.tables, **moved}})


@pytest.mark.parametrize("name", ["one score for all", "a feature unset"])
def test_postgresql_finds_what_duckdb_finds(name: str, tmp_path: Path, database_url: str) -> None:
    spoil, expected = FAULTS[name]
    here = write_rankings(tmp_path, CHECKS + METRICS, spoil, hours=8)
    there = in_postgres(here, driver_address(database_url))
    one, two = run_checks(here, END), run_checks(there, END)
    assert {finding.check for finding in one.findings} <= set(expected)  # of eight hours, not of thirty
    assert len(one.findings) >= 2
    assert [(f.check, f.slice, f.subject, f.observed, f.title) for f in one.findings] == [
        (f.check, f.slice, f.subject, f.observed, f.title) for f in two.findings
    ]
    assert one.notes == two.notes
    for check in ("auc", "log_loss", "ndcg", "hit_rate", "mrr"):
        planned = plan(here, here.checks[check])
        grid = planned.grid(END)
        held = [metric_rows(shop, planned.check, grid, ("device",)).held for shop in (here, there)]
        assert held[0] == pytest.approx(held[1], nan_ok=True), check
