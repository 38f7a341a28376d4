"""Lengths of time as people write them: `10s`, `1m`, `1h30m`, `7d`."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated

from pydantic import BeforeValidator, Field

SECONDS = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1}
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*([wdhms])")


def parse_duration(value: object) -> timedelta:
    """
    The length of time that `value` names.

    Raises:
        ValueError: not a number followed by w, d, h, m or s.

    >>> parse_duration("1h30m")
    datetime.timedelta(seconds=5400)
    """
    if isinstance(value, timedelta):
        return value
    text = str(value).strip()
    parts = _PART.findall(text)
    if not parts or _PART.sub("", text).strip():
        raise ValueError(f"{text!r} is not a length of time; write for instance 10s, 1m, 1h30m or 7d")
    return timedelta(seconds=sum(float(number) * SECONDS[unit] for number, unit in parts))


def name_duration(length: timedelta) -> str:
    """
    The duration in the spelling that `parse_duration` reads.

    >>> name_duration(timedelta(minutes=90))
    '1h30m'
    """
    rest, words = int(length.total_seconds()), ""
    for unit, seconds in SECONDS.items():
        count, rest = divmod(rest, seconds)
        words += f"{count}{unit}" if count else ""
    return words or "0s"


Duration = Annotated[timedelta, BeforeValidator(parse_duration), Field(ge=timedelta(0))]
