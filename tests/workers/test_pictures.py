"""Pictures, as bytes."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

from workers.pictures import draw_metric

AT = datetime(2026, 3, 2, 6, tzinfo=UTC)


def series(windows: int = 90) -> pd.DataFrame:
    starts = [AT - timedelta(minutes=windows - n) for n in range(windows)]
    observed = np.where(np.arange(windows) < windows - 5, 50.0, 12.0)
    return pd.DataFrame({"window_start": pd.DatetimeIndex(starts), "observed": observed, "expected": 50.0})


def size(picture: bytes) -> tuple[int, int]:
    assert picture.startswith(b"\x89PNG\r\n\x1a\n")
    return int.from_bytes(picture[16:20], "big"), int.from_bytes(picture[20:24], "big")


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
