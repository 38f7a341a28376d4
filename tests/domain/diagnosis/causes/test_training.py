"""What a model learned from."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from domain.diagnosis.candidates.candidate import Proposal
from domain.diagnosis.candidates.judge import judge
from domain.diagnosis.candidates.undone import Gap, Undone
from domain.diagnosis.diagnose import Inquiry, diagnose
from domain.diagnosis.known import Known
from domain.diagnosis.material import Material, OtherFinding, TrainingRows
from domain.recommender.lineage import Lineage
from domain.values import Diagnosis, slice_of
from tests.domain.diagnosis.shop import (
    ONSET,
    Shop,
    Weighted,
    cause_of,
    lowered,
    shop,
)


def test_faulty_training_data_is_the_cause_of_the_model_that_learned_it() -> None:
    newer = Weighted((1.0, 2.0, 3.0))
    spoilt = shop(model=newer, candidates=lambda rows: rows.assign(version="v8"))
    spoilt = Shop(spoilt.items, spoilt.before, spoilt.now, newer)
    finding = spoilt.finding(slice_of(category="tea"))
    labels = spoilt.finding(
        slice_of(device="till"), table="lessons", check="labels", unit="rows that find none",
        window_start=ONSET - timedelta(minutes=30), window_end=ONSET, title="lessons: half find no sale",
    )  # fmt: skip
    lineage = Lineage(learned_from={"shown": frozenset({"lessons"})})
    seen = OtherFinding("labels", "lessons", labels.slice, labels.title, labels.window_start)
    found = diagnose(spoilt.material(finding, others=(seen,), lineage=lineage))
    assert cause_of(found) == ("training_data", "lessons", slice_of(device="till"))
    itself = diagnose(Material(finding=labels, lineage=lineage))
    assert cause_of(itself) == ("training_data", "lessons", slice_of(device="till"))


def taken(**times: float) -> TrainingRows:
    """Rows of four trainings; of the newest those of a device so many times as many."""
    chance = np.random.default_rng(5)
    cells = pd.MultiIndex.from_product(
        [["app", "web", "till"], ["north", "south"]], names=["device", "region"]
    )
    usual = pd.Series(np.outer([900.0, 500.0, 300.0], [1.0, 0.6]).ravel(), cells, name="rows")
    parts = []
    for training in range(4):
        rows = pd.Series(chance.poisson(usual * chance.uniform(0.8, 1.3)), cells, name="rows").reset_index()
        if training == 0:
            rows["rows"] *= rows["device"].map(times).fillna(1.0)
        parts.append(rows.assign(training=training))
    counts = pd.concat(parts, ignore_index=True).astype({"rows": float})
    return TrainingRows("lessons", ONSET - timedelta(minutes=2), ("device", "region"), counts)


TAUGHT = Lineage(learned_from={"shown": frozenset({"lessons"})})


def newer_model() -> Shop:
    newer = Weighted((1.0, 2.0, 3.0))
    spoilt = shop(model=newer, candidates=lambda rows: rows.assign(version="v8"))
    return Shop(spoilt.items, spoilt.before, spoilt.now, newer)


@pytest.mark.parametrize(("times", "words"), [(6.0, "times as many rows"), (0.0, "no rows of device = web")])
def test_a_segment_that_the_newest_training_took_otherwise_is_found_without_any_check_of_it(
    times: float, words: str
) -> None:
    spoilt = newer_model()
    finding = spoilt.finding(slice_of(category="tea"))
    found = diagnose(spoilt.material(finding, lineage=TAUGHT, training_rows=(taken(web=times),)))
    assert cause_of(found) == ("training_data", "lessons", slice_of(device="web"))
    assert found.cause is not None
    assert words in found.cause
    assert found.lacking == (times < 1)
    tea = spoilt.items["sku"][spoilt.items["category"] == "tea"].astype(str)
    assert found.items and set(found.items) <= set(tea)  # whose exposure a hotfix is priced by
    usual = diagnose(spoilt.material(finding, lineage=TAUGHT, training_rows=(taken(),)))
    assert cause_of(usual) == ("model", "v8", ())


def test_a_segment_of_the_training_acts_wherever_the_model_ranks_that_learned_it() -> None:
    finding = shop().finding(slice_of(category="tea"))
    nothing = np.zeros(0)  # besides the symptom nothing is off beyond chance
    undone = Undone(nothing, nothing, nothing, nothing, Gap(50.0, 100.0, 95.0, 1.0))
    proposal = Proposal(
        kind="training_data", object="lessons", place=slice_of(device="web"), since=None, title="",
        sentence="", undone=undone, acts_in=(),
    )  # fmt: skip
    assert judge(proposal, Material(finding=finding), Known(), 1).where.holds
    assert judge(replace(proposal, acts_in=None), Material(finding=finding), Known(), 1).where.holds is None


def test_odd_training_data_is_no_cause_while_the_model_of_before_ranks() -> None:
    spoilt = shop(scored=lowered)
    finding = spoilt.finding(slice_of(category="coffee"))
    found = diagnose(spoilt.material(finding, lineage=TAUGHT, training_rows=(taken(web=6.0),)))
    assert cause_of(found)[0] == "serving"


def test_a_finding_of_the_whole_training_data_is_placed_in_the_segment_that_is_off() -> None:
    labels = shop().finding((), table="lessons", subject="in sales", unit="rows that find none")
    found = diagnose(Material(finding=labels, lineage=TAUGHT, training_rows=(taken(till=8.0),)))
    assert cause_of(found) == ("training_data", "lessons", slice_of(device="till"))
    assert not found.lacking
    gone = diagnose(Material(finding=labels, lineage=TAUGHT, training_rows=(taken(till=0.0),)))
    assert gone.lacking


def test_training_data_whose_distribution_changed_are_not_called_faulty() -> None:
    drifted = shop().finding(slice_of(device="till"), table="lessons", subject="region", unit="share")

    def of(rows: TrainingRows) -> Material:
        return Material(finding=drifted, training_rows=(rows,), lineage=TAUGHT, benign=True)

    found = diagnose(of(taken()))
    assert found.cause is None
    assert [one.kind for one in found.candidates] == ["training_data"]
    assert cause_of(diagnose(of(taken(web=8.0)))) == ("training_data", "lessons", slice_of(device="web"))


def of_a_run(rows: TrainingRows) -> Diagnosis:
    """The diagnosis of a training whose loss is another than that of those before it."""
    run = shop().finding((), table="runs", subject="loss", unit="loss", observed=0.2, expected=0.36)
    return diagnose(Material(finding=run, lineage=TAUGHT, training_rows=(rows,), fault="training_data"))


def test_a_training_that_turned_out_otherwise_is_placed_in_the_segment_that_it_took_otherwise() -> None:
    assert [of_a_run(taken(web=times)).lacking for times in (8.0, 0.0)] == [False, True]
    assert cause_of(of_a_run(taken(till=8.0))) == ("training_data", "lessons", slice_of(device="till"))


def test_a_training_that_turned_out_otherwise_and_took_half_of_all_rows_learned_from_too_few() -> None:
    found = of_a_run(taken(app=0.4, web=0.4, till=0.4))
    assert cause_of(found) == ("training_data", "lessons", ())
    assert found.cause is not None
    assert "% fewer rows than usual" in found.cause


def test_of_a_training_that_took_what_is_usual_no_cause_is_named_by_its_rows() -> None:
    assert cause_of(of_a_run(taken()))[0] == "unknown"


def test_half_of_all_rows_is_no_cause_of_what_members_are_shown() -> None:
    """How much a training takes is a matter of how much happened."""
    spoilt = newer_model()
    finding = spoilt.finding(slice_of(category="tea"))
    rows = taken(app=0.4, web=0.4, till=0.4)
    assert cause_of(diagnose(spoilt.material(finding, lineage=TAUGHT, training_rows=(rows,))))[0] == "model"


def test_how_many_rows_a_training_took_is_said_before_any_request_is_run_again() -> None:
    run = shop().finding((), table="runs", subject="loss", unit="loss", observed=0.2, expected=0.36)
    counts = pd.DataFrame(
        {"training": [2, 1, 0, 0], "device": ["app"] * 4, "rows": [900.0, 1_100.0, 300.0, 150.0]}
    )
    rows = TrainingRows("lessons", ONSET, ("device",), counts)
    material = Material(finding=run, training_rows=(rows,), fault="training_data")
    lines = Inquiry().look("tables", material)
    assert [line.statement for line in lines] == [
        f"The training at {material.clock(ONSET)} took 450 rows of `lessons`; before it 900 to 1,100"
    ]
    nothing = replace(material, training_rows=(replace(rows, counts=counts[counts["training"] == 1]),))
    assert (
        Inquiry().look("tables", nothing)[0].statement.endswith(" took 0 rows of `lessons`; before it 1,100")
    )
    assert not Inquiry().look("tables", replace(material, fault=None))
    of_its_rows = replace(material, finding=shop().finding((), table="lessons", subject="region"), fault=None)
    assert [line.statement for line in Inquiry().look("tables", of_its_rows)] == [lines[0].statement]


@pytest.mark.parametrize(("hours", "told"), [(2, True), (8, False)])
def test_where_only_the_moment_is_known_from_which_it_shows_what_happened_before_it_is_told(
    hours: int, told: bool
) -> None:
    loss = shop().finding((), table="runs", subject="loss", unit="loss", observed=0.2, expected=0.36)
    happened = ((ONSET - timedelta(hours=hours), "Delivery of `goods`"),)
    inquiry = Inquiry(known=Known(outside_since=ONSET))
    assert bool(inquiry.look("tables", Material(finding=loss, events=happened))) is told
