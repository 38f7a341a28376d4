"""A better check, proved on deliveries whose truth is known."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from domain.errors import TooFewRows
from domain.improvement.replay import replay_unset_alarm

START = datetime(2026, 1, 1, 6, tzinfo=UTC)


def deliveries(days: int = 60, fault: float = 0.0, glitch: int | None = None) -> pd.DataFrame:
    share = 0.02 + np.random.default_rng(0).normal(0, 0.001, days)
    share[-1] += fault
    if glitch is not None:
        share[glitch] += 0.1
    return pd.DataFrame({"delivered_at": [START + timedelta(days=n) for n in range(days)], "share": share})


def test_an_alarm_at_the_delivery_would_have_fired_earlier_and_never_for_nothing() -> None:
    opened = START + timedelta(days=59, minutes=220)
    proof = replay_unset_alarm(deliveries(fault=0.05), opened, onset=opened - timedelta(hours=1))
    assert proof.fired_at == START + timedelta(days=59)
    assert proof.earlier == timedelta(minutes=220)
    assert proof.false_alarms == 0
    assert proof.sentence == (
        "Replayed over 60 deliveries in 59 days: would have fired 3 h 40 min earlier, 0 false alarms"
    )


def test_an_earlier_glitch_counts_as_a_false_alarm() -> None:
    proof = replay_unset_alarm(deliveries(fault=0.05, glitch=20), START + timedelta(days=59, minutes=5))
    assert proof.false_alarms == 1


def test_deliveries_without_a_fault_fire_nothing_and_that_is_said() -> None:
    proof = replay_unset_alarm(deliveries(), START + timedelta(days=59, minutes=5))
    assert (proof.fired_at, proof.false_alarms) == (None, 0)
    assert "would not have fired" in proof.sentence


def test_deliveries_after_the_opening_are_not_used() -> None:
    opened = START + timedelta(days=58, minutes=5)
    assert replay_unset_alarm(deliveries(fault=0.5), opened).fired_at is None


def test_too_few_deliveries_are_said() -> None:
    with pytest.raises(TooFewRows, match="1 deliveries are known"):
        replay_unset_alarm(deliveries().head(1), START + timedelta(days=1))
