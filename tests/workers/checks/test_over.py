"""A tram line's tickets: hours differ so much that the expected band is wide."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from domain.detection.judge.excluded import Past
from domain.recommender.recommender import Recommender
from domain.values import Finding, Severity
from workers.checks.measure import measure
from workers.checks.over import back, sharp_enough
from workers.declaration.declare import load

MONDAY = datetime(2026, 6, 1, tzinfo=UTC)
FOUND_UNTIL = MONDAY + timedelta(days=7, hours=9)
HOUR = timedelta(hours=1)
FOUND = 7 * 96 + 8 * 4  # quarters of an hour, until the second Monday at eight
EXPECTED = 312.0  # of a quarter of an hour, by the week before
DECLARED = """
[recommender]
name = "trams"
[tables.tickets]
path = "tickets.parquet"
time = "punched_at"
window = "15m"
[checks.tickets]
kind = "volume"
table = "tickets"
"""
FINDING = Finding(
    check="tickets",
    table="tickets",
    window_start=FOUND_UNTIL - HOUR,
    window_end=FOUND_UNTIL,
    observed=1_340.0,
    expected=1_000.0,
    p_value=1e-9,
    severity=Severity.SEV3,
    title="tickets: 34 % more rows",
)
"""What was found on the second Monday, of an hour together."""


def written(folder: Path, then: float) -> Recommender:
    """Quarters of an hour; once it was found calm ones, of so many times what is expected then."""
    starts = np.arange(10 * 96)
    chance = np.random.default_rng(6)
    busy = np.repeat(chance.lognormal(0, 0.3, 40), 24)  # six hours are alike
    counts = chance.poisson(np.where(starts < FOUND, 250 * busy, EXPECTED * then))
    seconds = np.repeat(starts * 900, counts) + np.random.default_rng(7).uniform(0, 900, counts.sum())
    times = pd.Timestamp(MONDAY) + pd.to_timedelta(np.floor(seconds * 1e6), unit="us")
    pd.DataFrame({"punched_at": times}).to_parquet(folder / "tickets.parquet")
    (folder / "recsysops.toml").write_text(DECLARED, encoding="utf-8")
    return load(folder, {})


@pytest.mark.parametrize(
    ("then", "hours", "over"),
    [(1.0, 3, False), (1.0, 6, True), (1.3, 6, False), (1.3, 40, False)],
    ids=["quiet for three hours", "quiet for six", "as it was found", "as it was found, for days"],
)
def test_where_the_band_cannot_tell_an_incident_is_over_once_its_check_was_silent_for_long(
    then: float, hours: int, over: bool, tmp_path: Path
) -> None:
    recommender, past = written(tmp_path, then), Past(before=FINDING.window_start)
    at = FOUND_UNTIL + hours * HOUR + recommender.tables["tickets"].settle
    now = measure(recommender, FINDING, FOUND_UNTIL, FOUND_UNTIL + hours * HOUR, past)
    assert now.within
    assert not sharp_enough(now, FINDING)
    assert (back(recommender, FINDING, at, past) is not None) is over
