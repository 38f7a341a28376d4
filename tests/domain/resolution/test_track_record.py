"""How past promises turned out widens the next one: it never narrows it, and it says why."""

from __future__ import annotations

from math import ceil
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.diagnosis.material import Standby
from domain.incident.events import HotfixRehearsed
from domain.incident.outcome import held
from domain.incident.state import Outcome, Promise
from domain.resolution.circumstances import Circumstances
from domain.resolution.menu import build_menu
from domain.resolution.track_record import BELIEVED, SIDE, TrackRecord, track_record, widening
from domain.values import Diagnosis, Estimate
from tests.domain.incident.given import FINDING, MORNING
from tests.domain.resolution.test_menu import FAILOVER
from workers.declaration.hotfix_kinds import find

LOG = Estimate(value=90.0, low=80.0, high=100.0, unit="%", basis="replay of 2,000 requests")
MISSES = st.lists(st.floats(-40, 40), max_size=60)


def outcome(share: float, error: float = 0.0, **promised: Any) -> Outcome:
    """So much was repaired where 80 to 100 % were promised, give or take `error`."""
    promise = Promise(**{"hotfix": "fill", "kind": "fill_feature", "label": "Fill", "shown": LOG, **promised})
    return Outcome(
        promise=promise,
        at=MORNING,
        repaired_share=share,
        low=share - error,
        high=share + error,
        confidence=0.9,
    )


def record(*outcomes: Outcome) -> TrackRecord:
    return track_record(outcomes, lambda one: one.promise.kind)


def promise(*shares: float) -> Estimate:
    return record(*map(outcome, shares)).corrected("fill_feature", LOG)


@given(st.lists(st.floats(0, 1e6), min_size=2, max_size=120))
def test_of_exchangeable_promises_as_many_hold_as_the_law_says(misses: list[float]) -> None:
    """Each in turn is the next one, and all others its past: that is what exchangeable means."""
    past = len(misses) - 1
    kept = sum(one <= widening(misses[:n] + misses[n + 1 :]) for n, one in enumerate(misses))
    assert kept >= ceil(round(SIDE * past - BELIEVED * (1 - SIDE), 9))


@pytest.mark.parametrize("off", [1.0, 2.5, 8.0])
def test_with_a_long_past_nine_in_ten_hold_however_wrong_the_log_is(off: float) -> None:
    chance = np.random.default_rng(5)
    misses = off * chance.standard_t(3, 1_000)
    kept = TrackRecord({"k": [float(one) for one in misses[:500]]}).corrected("k", LOG)
    assert kept.low is not None and kept.high is not None
    below, above = (90 - kept.low) / 10, (kept.high - 90) / 10
    assert np.mean((misses[500:] >= -below) & (misses[500:] <= above)) >= 0.87


@given(MISSES, st.floats(-50, 50), st.floats(0, 50), st.floats(0, 50))
def test_a_promise_is_never_narrowed(misses: list[float], value: float, below: float, above: float) -> None:
    own = LOG.model_copy(update={"value": value, "low": value - below, "high": value + above})
    kept = TrackRecord({"k": misses}).corrected("k", own)
    assert own.low is not None and own.high is not None and kept.low is not None and kept.high is not None
    assert kept.low <= own.low <= own.high <= kept.high
    assert kept.value == own.value


@given(MISSES, st.floats(1, 40))
def test_one_more_miss_never_makes_the_next_promise_narrower(misses: list[float], further: float) -> None:
    past = [abs(one) for one in misses]
    assert widening([*past, max([*past, further])]) >= widening(past)


def test_a_past_in_which_all_held_leaves_the_log_its_interval_however_long_it_is() -> None:
    assert [widening([held_by] * count) for held_by, count in ((1.0, 20), (0.0, 1_000), (0.5, 3))] == [
        1.0
    ] * 3


def test_one_miss_in_twenty_is_as_it_should_be_and_two_are_not() -> None:
    assert widening([0.0] * 19 + [9.0]) == 1.0
    assert widening([0.0] * 18 + [8.0, 9.0]) == 8.0


def test_without_a_past_nothing_changes_and_nothing_is_claimed() -> None:
    assert promise() == LOG
    assert record(outcome(0.1)).corrected("boost_items", LOG) == LOG


def test_where_nothing_is_known_nothing_is_widened() -> None:
    unknown = Estimate(value=None, unit="%", basis="not from the log")
    half_known = [LOG.model_copy(update={edge: None}) for edge in ("low", "high")]
    for nothing in (unknown, *half_known):
        assert record(outcome(0.1)).corrected("fill_feature", nothing) == nothing


def test_what_held_is_said_and_changes_no_number() -> None:
    kept = promise(0.9, 0.85, 0.97)
    assert (kept.low, kept.high) == (80.0, 100.0)
    assert kept.basis == f"{LOG.basis}; 3 of 3 of the log's promises of `fill_feature` held in past incidents"


def test_one_miss_widens_carefully_and_two_in_full_on_their_side_alone() -> None:
    once, twice = promise(0.2), promise(0.9, 0.3, 0.95, 0.92, 0.2)
    assert once.low == pytest.approx(90 - 17.1, abs=0.1)
    assert twice.low == pytest.approx(30.0)
    assert (once.high, twice.high) == (100.0, 100.0)
    assert twice.basis.endswith(
        "; widened: 3 of 5 of the log's promises of `fill_feature` held in past incidents"
    )


def test_what_repaired_more_widens_upwards() -> None:
    kept = record(outcome(1.2), outcome(1.3)).corrected("fill_feature", LOG)
    assert kept.low == 80.0
    assert kept.high == pytest.approx(120.0)
    assert "; widened: 0 of 2 of" in kept.basis


def test_all_of_the_gap_closed_is_no_less_than_was_promised() -> None:
    """A watch measures nothing beyond all: 100 % measured may have been the 110 % that were promised."""
    more = LOG.model_copy(update={"value": 110.0, "low": 105.0, "high": 115.0})
    kept = record(outcome(1.0, shown=more)).corrected("fill_feature", LOG)
    assert kept.basis.endswith("; 1 of 1 of the log's promises of `fill_feature` held in past incidents")


def test_what_the_error_of_measuring_may_explain_is_no_miss() -> None:
    (may_be,) = track_record([outcome(0.7, error=0.2)], lambda one: "k").misses["k"]
    assert may_be == pytest.approx(0.0, abs=1e-6)
    assert not held(track_record([outcome(0.7, error=0.1)], lambda one: "k").misses["k"][0])


def test_what_was_widened_then_is_held_against_what_the_log_alone_said() -> None:
    """Else the first misses, once they widened the promise, would count as if the log had been right."""
    wide = LOG.model_copy(update={"low": 10.0})
    found = record(outcome(0.2, shown=wide, from_log=LOG)).misses["fill_feature"]
    assert len(found) == 1
    assert found[0] == pytest.approx(-7.0)


def test_what_was_no_promise_does_not_count() -> None:
    unpriced = Estimate(value=None, unit="%", basis="not priced")
    rows = LOG.model_copy(update={"unit": "rows an hour"})
    point = LOG.model_copy(update={"low": 90.0, "high": 90.0})
    promises = [outcome(0.5, shown=shown) for shown in (unpriced, rows, point)]
    assert track_record(promises, lambda one: "k") == TrackRecord()
    assert track_record([outcome(0.5)], lambda one: None) == TrackRecord()


def rehearsal(repaired: float | None, **changes: Any) -> HotfixRehearsed:
    """So much was repaired of a planted fault of which 80 to 100 % were promised."""
    said = {
        "hotfix": "fill",
        "kind": "fill_feature",
        "day": MORNING.date(),
        "verdict": "repairs",
        "says": "so",
    }
    return HotfixRehearsed.model_validate({**said, "promised": LOG, "repaired": repaired, **changes})


def test_what_was_promised_and_repaired_in_a_rehearsal_counts_beside_incidents() -> None:
    found = track_record([], lambda one: "k", [rehearsal(0.85), rehearsal(0.5)])
    assert found.rehearsed["fill_feature"] == pytest.approx([-0.5, -4.0])
    kept = found.corrected("fill_feature", LOG)
    said = "the log's promises of `fill_feature` held in 1 of 2 rehearsals"
    assert kept.basis == f"{LOG.basis}; widened: {said}"


@pytest.mark.parametrize(
    "nothing",
    [
        rehearsal(0.5, promised=None),
        rehearsal(None),
        rehearsal(0.5, verdict="impossible"),
        rehearsal(0.5, promised=LOG.model_copy(update={"low": None})),
    ],
)
def test_a_rehearsal_that_promised_or_measured_nothing_does_not_count(nothing: HotfixRehearsed) -> None:
    assert track_record([], lambda one: "k", [nothing]) == TrackRecord()


def test_the_menu_says_it_and_keeps_what_the_log_alone_promised() -> None:
    """A feed that lost half of its rows, and has a standby."""
    around = Circumstances(
        finding=FINDING,
        diagnosis=Diagnosis(cause="x", cause_kind="feed"),
        standby=Standby("plays_standby", 900, 2_000),
    )
    alone, _ = build_menu((FAILOVER,), around, "i", find).options
    missed = TrackRecord({"webhook": [-9.0, -8.0, 0.2]})
    widened, nothing = build_menu((FAILOVER,), around, "i", find, missed).options
    assert (alone.kind, alone.from_log) == ("webhook", None)
    assert widened.from_log == alone.repairs
    assert widened.repairs.low is not None and alone.repairs.low is not None
    assert widened.repairs.low < alone.repairs.low
    assert widened.repairs.basis.endswith(
        "; widened: 1 of 3 of the log's promises of `webhook` held in past incidents"
    )
    assert nothing.repairs.basis == "nothing changes"
    kept, _ = build_menu((FAILOVER,), around, "i", find, TrackRecord({"webhook": [0.1]})).options
    assert kept.from_log is None
    assert (kept.repairs.low, kept.repairs.high) == (alone.repairs.low, alone.repairs.high)
