"""Pictures, as bytes."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

from domain.values import Finding, Severity
from tests.domain.prediction.test_launch import AT as LAUNCHES_AT
from tests.domain.prediction.test_launch import COLUMNS, calendar
from workers.pictures.launch import draw_launch
from workers.pictures.metric import LEFT_FROM, LETTER, draw_metric, in_rows

AT = datetime(2026, 3, 2, 6, tzinfo=UTC)


def series(windows: int = 90) -> pd.DataFrame:
    starts = [AT - timedelta(minutes=windows - n) for n in range(windows)]
    observed = np.where(np.arange(windows) < windows - 5, 50.0, 12.0)
    return pd.DataFrame({"window_start": pd.DatetimeIndex(starts), "observed": observed, "expected": 50.0})


def size(picture: bytes) -> tuple[int, int]:
    assert picture.startswith(b"\x89PNG\r\n\x1a\n")
    return int.from_bytes(picture[16:20], "big"), int.from_bytes(picture[20:24], "big")


def test_a_forecast_launch_is_drawn_among_the_launches_before_it_also_where_there_were_none() -> None:
    found = Finding(
        check="launches",
        table="prelaunch",
        kind="predicted",
        subject="film-153",
        window_start=LAUNCHES_AT + timedelta(days=10),
        window_end=LAUNCHES_AT + timedelta(days=11),
        observed=60.0,
        expected=900.0,
        low=30.0,
        high=120.0,
        unit="first-day impressions",
        p_value=0.001,
        severity=Severity.SEV3,
        title="Quiet Harbour will hardly be shown",
    )
    pictures = [draw_launch(rows, COLUMNS, found) for rows in (calendar(), calendar(past=0))]
    assert [size(one) for one in pictures] == [(1_400, 520)] * 2
    assert pictures[0] != pictures[1]


def test_of_many_moments_no_words_stand_on_others() -> None:
    words = (
        "alarm",
        "fix deployed",
        "fix has no effect, fix reverted",
        "fix deployed",
        "fix for more members",
    )
    first, span = AT - timedelta(hours=1), timedelta(hours=1)
    moments = [(AT - timedelta(minutes=16 - 3 * n), word) for n, word in enumerate(words)]
    drawn = [
        (row, at - width * left, at + width * (not left))
        for moment, word, row in in_rows(moments, first, span)
        for at in [(moment - first) / span]
        for width, left in [(LETTER * len(word), at > LEFT_FROM)]
    ]
    for n, (row, left, right) in enumerate(drawn):
        assert all(row != other or right <= a or left >= b for other, a, b in drawn[:n])


@pytest.mark.parametrize("windows", [1, 2, 90, 400])
def test_any_number_of_windows_is_drawn_at_one_size(windows: int) -> None:
    picture = draw_metric(series(windows), title="Films of France", unit="rows", zone=UTC, onset=AT)
    assert size(picture) == (1_400, 520)


def test_the_reader_s_zone_the_onset_and_the_moments_change_the_picture() -> None:
    def draw(zone: str = "UTC", onset: datetime | None = None, moment: str | None = None) -> bytes:
        moments = [(AT - timedelta(minutes=2), moment)] if moment else []
        return draw_metric(
            series(), title="t", unit="rows", zone=ZoneInfo(zone), onset=onset, moments=moments
        )

    pictures = [draw(), draw("Europe/Berlin"), draw(onset=AT - timedelta(minutes=5)), draw(moment="fixed")]
    assert len(set(pictures)) == 4
    assert draw() == pictures[0]
