"""The situations: what is done to the sound table, and what a check may then report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import pandas as pd

from workers.conformance.table import DAY, END, HOUR, Change, last_day

KEYS = ("id", "request_id", "position", "note")  # tell rows apart, or hold nothing
LOOKS = 2  # days that are looked at: the last ones


Says = Literal["quiet", "anything", "fault"]


@dataclass(frozen=True)
class Situation:
    """
    `change` is applied to the sound table. At the moments in `looks` a check must then report nothing
    ("quiet"), may report "anything" as long as it can look, or must report that it cannot ("fault"). If it
    looks `twice`, it must report the same both times.
    """

    change: Change
    says: Says = "quiet"
    twice: bool = False
    window: str = "1d"
    history: str = "14d"
    looks: tuple[datetime, ...] = tuple(END + HOUR / 2 - back * DAY for back in reversed(range(LOOKS)))


def _as_it_is(frame: pd.DataFrame) -> pd.DataFrame:
    return frame


def _emptied(frame: pd.DataFrame) -> pd.DataFrame:
    nothing = {name: pd.Series([None] * len(frame), dtype=_kind(frame[name])) for name in _held(frame)}
    return frame.reset_index(drop=True).assign(**nothing)


def _kind(column: pd.Series) -> str:
    if pd.api.types.is_float_dtype(column):
        return "Float64"
    if pd.api.types.is_bool_dtype(column):
        return "boolean"
    return "Int64" if pd.api.types.is_integer_dtype(column) else "string"


def _constant(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(**{name: frame[name].iloc[0] for name in _held(frame) if name not in KEYS})


def _held(frame: pd.DataFrame) -> list[str]:
    return [str(name) for name in frame.columns if name != "at"]


def _without_days(frame: pd.DataFrame) -> pd.DataFrame:
    hole = (frame["at"] >= pd.Timestamp(END - 10 * DAY)) & (frame["at"] < pd.Timestamp(END - 8 * DAY))
    return frame[~(hole | last_day(frame))]


def _young(days: int) -> Change:
    return lambda frame: frame[frame["at"] >= pd.Timestamp(END - days * DAY + HOUR)]


def _without_malta(frame: pd.DataFrame) -> pd.DataFrame:
    return frame[~(last_day(frame) & (frame["country"] == "Malta"))]


def _with_narnia(frame: pd.DataFrame) -> pd.DataFrame:
    new = last_day(frame) & (frame["country"] == "Malta")
    return frame.assign(country=frame["country"].where(~new, "Narnia"))


SITUATIONS: Mapping[str, Situation] = {
    "nothing is wrong": Situation(_as_it_is, twice=True),
    "every column is null": Situation(_emptied),
    "every column is constant": Situation(_constant),
    "days without a row": Situation(_without_days, "anything"),
    "no history": Situation(_young(1), looks=(END,)),
    "a day of history": Situation(_young(2), looks=(END,)),
    "three days of history": Situation(_young(4), looks=(END,)),
    "a slice vanishes": Situation(_without_malta, "anything"),
    "a slice appears": Situation(_with_narnia, "anything"),
    "the clocks change": Situation(
        _as_it_is,
        twice=True,
        window="1h",
        history="7d",
        looks=tuple(END - DAY + hour * HOUR for hour in range(2, 6)),
    ),
    "the table cannot be read": Situation(_as_it_is, "fault", looks=(END,)),
}
"""Name → situation. In each the clocks change within a day; in the one named after it, between windows."""
