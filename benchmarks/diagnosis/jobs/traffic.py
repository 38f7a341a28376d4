"""When lists are requested on the job board: by hour, by weekday, and in two mailings a day."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

STEP = timedelta(minutes=15)
LOCAL = ZoneInfo("America/Sao_Paulo")
CHANNELS = ("digest", "android", "ios", "desktop")
BY_HOUR = np.array(
    [13, 7, 4, 3, 3, 6, 15, 30, 48, 63, 69, 66, 60, 63, 66, 64, 61, 60, 63, 69, 72, 63, 45, 25], float
)  # lists a quarter of an hour on the page
MAILED = {7: 280.0, 18: 180.0}  # lists a quarter of an hour, in the hour of a mailing
PAGE = {"android": 0.55, "ios": 0.2, "desktop": 0.25}


def asked(
    rng: np.random.Generator,
    people: pd.DataFrame,
    start: datetime,
    end: datetime,
    traffic: Mapping[str, float],
    homes: Mapping[str, float],
) -> pd.DataFrame:
    """
    A row for each list of [start, end), a quarter of an hour at a time, each slightly busier or quieter.

    Args:
        traffic: factors by channel, `homes` by the seekers' state; where none is given, as usual.
    """
    weights = people["home"].map(lambda home: homes.get(home, 1.0)).to_numpy(float)
    found, at = list[pd.DataFrame](), start
    while at < end:
        span = min(STEP - (at - datetime.min.replace(tzinfo=UTC)) % STEP, end - at)
        for channel in CHANNELS:
            mean = _rate(channel, at) * (span / STEP) * traffic.get(channel, 1.0) * weights.mean()
            count = rng.poisson(mean * rng.gamma(400, 1 / 400))
            who = rng.choice(len(people), count, p=weights / weights.sum())
            seconds = np.sort(rng.uniform(0, span.total_seconds(), count))
            when = pd.Timestamp(at) + pd.TimedeltaIndex(pd.to_timedelta(seconds, unit="s")).as_unit("us")
            found.append(people.iloc[who].assign(channel=channel, served_at=when))
        at += span
    return pd.concat(found, ignore_index=True)


def _rate(channel: str, at: datetime) -> float:
    local = at.astimezone(LOCAL)
    weekend = local.weekday() >= 5
    if channel == "digest":
        return 0.0 if weekend else MAILED.get(local.hour, 0.0)
    hour = local.hour + local.minute / 60
    level = float(np.interp(hour, np.arange(25), np.append(BY_HOUR, BY_HOUR[0])))
    return level * PAGE[channel] * (0.6 if weekend else 1.0)
