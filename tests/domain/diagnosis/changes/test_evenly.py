"""Which tables a program writes, so that missing rows cannot be a matter of demand."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest

from domain.diagnosis.changes.evenly import LEAST_WINDOWS, evenly

FORTNIGHT, QUARTER = timedelta(days=14), timedelta(minutes=15)


def counts(mean: float, deviation: float, windows: int = 14) -> np.ndarray:
    return np.random.default_rng(2).normal(mean, deviation, windows).round()


@pytest.mark.parametrize("span", [FORTNIGHT, QUARTER])
def test_as_many_each_time_is_a_program_over_any_time(span: timedelta) -> None:
    assert evenly(np.full(14, 30_000.0), span)
    assert evenly(counts(30_000, 30), span)


def test_a_batch_for_members_of_whom_some_come_and_go_is_a_program_over_weeks() -> None:
    """Over minutes, a million people are as steady as that."""
    rows = counts(1_000_000, 8_000)
    assert evenly(rows, FORTNIGHT)
    assert not evenly(rows, QUARTER)


@pytest.mark.parametrize("span", [FORTNIGHT, QUARTER])
def test_what_people_ask_for_is_none(span: timedelta) -> None:
    chance = np.random.default_rng(4)
    assert not evenly(chance.poisson(200, 14).astype(float), span)
    assert not evenly(chance.poisson(50_000 * np.tile([1, 1, 1, 1, 1, 1.2, 1.3], 2)).astype(float), span)


def test_few_windows_or_rows_say_nothing() -> None:
    assert not evenly(np.full(LEAST_WINDOWS - 1, 30_000.0), FORTNIGHT)
    assert not evenly(np.full(14, 3.0), FORTNIGHT)
