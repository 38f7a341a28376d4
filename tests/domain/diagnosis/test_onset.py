"""Since when."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from domain.diagnosis.onset import find_onset, outside_since
from domain.errors import TooFewRows
from domain.values import Finding, Severity

START = datetime(2026, 3, 1, tzinfo=UTC)


def series(
    factor: float, onset: int = 100, windows: int = 120, mean: float = 80.0, seed: int = 0
) -> pd.DataFrame:
    chance = np.random.default_rng(seed)
    expected = mean * (1 + 0.4 * np.sin(np.arange(windows) / 9))
    truth = expected * np.where(np.arange(windows) >= onset, factor, 1.0)
    starts = pd.DatetimeIndex([START + n * timedelta(minutes=5) for n in range(windows)])
    return pd.DataFrame({"window_start": starts, "observed": chance.poisson(truth), "expected": expected})


@pytest.mark.parametrize("factor", [0.3, 0.6, 1.8])
def test_the_onset_is_found_within_a_window_and_the_interval_holds_the_truth(factor: float) -> None:
    for seed in range(5):
        onset = find_onset(series(factor, seed=seed))
        assert onset is not None
        assert abs(onset.since - (START + 100 * timedelta(minutes=5))) <= timedelta(minutes=10)
        assert onset.last_right is not None and onset.last_right < onset.since
        assert onset.change.low is not None and onset.change.high is not None
        assert onset.change.low - 5 <= 100 * (factor - 1) <= onset.change.high + 5
        assert np.sign(onset.missing_per_hour) == np.sign(1 - factor)


def test_of_few_rows_the_true_onset_lies_no_later_than_the_latest_that_is_as_likely() -> None:
    truth = START + 100 * timedelta(minutes=5)
    sparse = [find_onset(series(0.2, mean=3.0, seed=seed)) for seed in range(40)]
    found = [onset for onset in sparse if onset is not None]
    assert len(found) > 30
    early = [onset for onset in found if onset.since < truth]
    assert early
    assert sum(onset.latest < truth for onset in found) <= 2
    busy = find_onset(series(0.2))
    assert busy is not None
    assert busy.latest - busy.since <= timedelta(minutes=5)


def test_a_metric_that_goes_on_as_before_has_no_onset() -> None:
    assert [find_onset(series(1.0, seed=seed)) for seed in range(10)] == [None] * 10


def test_the_loss_an_hour_is_a_rate() -> None:
    onset = find_onset(series(0.0, mean=60.0))
    assert onset is not None
    assert 400 < onset.missing_per_hour < 1_050  # twelve windows of about sixty


def test_too_few_windows_are_said() -> None:
    with pytest.raises(TooFewRows, match="5 windows are known"):
        find_onset(series(1.0).head(5))


def test_a_slow_drift_of_hours_ago_is_not_taken_for_the_surge_of_the_last_window() -> None:
    drifting = series(1.25, mean=40.0)
    drifting.loc[drifting.index[-1], "observed"] = 105.0
    plain, asked = find_onset(drifting), find_onset(drifting, 1.0)
    assert plain is not None
    assert asked is not None
    assert plain.since < asked.since
    assert asked.since == drifting["window_start"].iloc[-1]


@pytest.mark.parametrize(
    ("observed", "first"),
    [
        ([50, 51, 49, 20, 21, 22], 3),
        ([50, 20, 49, 20, 21, 22], 3),  # one that was outside before is none of it
        ([50, 51, 49, 90, 21, 22], 4),  # as is one on the other side
        ([20, 21, 22, 20, 21, 22], None),  # it began before what is known
        ([50, 51, 49, 50, 51, 50], None),  # each by itself is inside
        ([50, 51, np.nan, 20, 21, 22], 3),
    ],
)
def test_it_began_with_the_first_of_the_windows_outside_the_band_that_last_until_its_own(
    observed: list[float], first: int | None
) -> None:
    for width in (timedelta(minutes=1), timedelta(minutes=10), timedelta(days=7)):
        windows = [START + n * width for n in range(7)]
        found = outside_since(judged(windows, [*observed, 50.0]), found_in(windows[5], windows[6]))
        assert found == (None if first is None else windows[first])


def test_a_finding_of_several_windows_began_no_later_than_they_do() -> None:
    windows = [START + n * timedelta(days=1) for n in range(6)]
    only_the_last = judged(windows, [50, 51, 49, 50, 45, 22])
    assert outside_since(only_the_last, found_in(windows[3], windows[5] + timedelta(days=1))) == windows[3]


def judged(windows: list[datetime], observed: list[float]) -> pd.DataFrame:
    starts = pd.DatetimeIndex(windows)
    return pd.DataFrame({"window_start": starts, "observed": observed, "low": 40.0, "high": 60.0})


def found_in(start: datetime, end: datetime) -> Finding:
    return Finding(
        check="kept", table="shown", subject="kept", window_start=start, window_end=end,
        observed=22.0, expected=50.0, p_value=1e-9, severity=Severity.SEV3, title="fewer are kept",
    )  # fmt: skip
