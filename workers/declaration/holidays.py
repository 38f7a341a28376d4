"""The holidays that a declaration names: those of countries (PyPI `holidays`), and single days."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import date, datetime
from difflib import get_close_matches
from functools import lru_cache
from typing import Any

from domain.recommender.holidays import SUNDAY, Holidays

YEARS = range(2000, 2051)  # that tables' rows and plans fall in
ALIKE = 0.75  # similarity from which a name is taken to mean a country
REMEMBERED = 16  # countries per process
WRITTEN = 'write a country, "DE" or "DE-BY", a day, 2026-12-24, or a list of both'


def holidays_of(written: object) -> tuple[Holidays, list[str]]:
    """
    What `holidays = …` means, and in words what is wrong with it.

    Args:
        written: a country by its ISO 3166-1 code ("DE"), a part of one by its ISO 3166-2 code ("DE-BY"); a
            day, as a TOML date or as text; or a list of these.
    """
    days, rest, wrong = set[date](), SUNDAY, list[str]()
    for one in written if isinstance(written, list) else [written]:
        day = _day(one)
        if day is not None:
            days.add(day)
        elif not isinstance(one, str):
            wrong.append(f"{one!r} is neither a country nor a day; {WRITTEN}")
        elif problem := _unknown(one):
            wrong.append(problem)
        else:
            country, rest = _country(one)
            days |= country
    return Holidays(days=frozenset(days), rest=rest), wrong


def _day(written: Any) -> date | None:
    if isinstance(written, datetime):
        return written.date()
    if isinstance(written, date):
        return written
    try:
        return date.fromisoformat(written.strip()) if isinstance(written, str) else None
    except ValueError:
        return None


def _unknown(written: str) -> str | None:
    """What is wrong with a country's name; None if nothing is."""
    import holidays  # noqa: PLC0415 - a fifth of a second, which declarations without holidays do without

    country, _, part = written.partition("-")
    parts = holidays.list_supported_countries(include_aliases=True)
    if country not in parts:
        return f"{written!r} is not known; {_meant(written, parts)}"
    if part and part not in parts[country]:
        right = ", ".join(f"{country}-{one}" for one in parts[country])
        return f'{written!r} is not known; write "{country}"' + (f", or one of {right}" if right else "")
    return None


def _meant(written: str, parts: Mapping[str, Collection[str]]) -> str:
    """The code for something written in lower case or as a name; otherwise how to write one."""
    country, _, part = written.upper().partition("-")
    by_name = {name.casefold(): code for name, code in _names()}
    close = get_close_matches(written.casefold().replace(" ", ""), by_name, n=1, cutoff=ALIKE)
    if country in parts:
        code = f"{country}-{part}" if part in parts[country] else country
    elif close:
        code = by_name[close[0]]
    else:
        return f"{WRITTEN}; a country is written by its two letters of ISO 3166"
    return f'did you mean "{code}"?'


def _names() -> Iterator[tuple[str, str]]:
    """Country names without spaces, and their codes."""
    from holidays.registry import COUNTRIES  # noqa: PLC0415 - as above

    for name, two, *_three in COUNTRIES.values():
        yield name, two


@lru_cache(maxsize=REMEMBERED)
def _country(written: str) -> tuple[frozenset[date], int]:
    """A country's holidays in all `YEARS`, and the last day of its weekend."""
    import holidays  # noqa: PLC0415 - as above

    country, _, part = written.partition("-")
    found = holidays.country_holidays(country, subdiv=part or None, years=YEARS)
    return frozenset(found), _last(found.weekend)


def _last(weekend: set[int]) -> int:
    """
    The last day of a weekend.

    >>> _last({4, 5}), _last({5, 6}), _last({6}), _last({6, 0})
    (5, 6, 6, 0)
    """
    return next((day for day in sorted(weekend) if (day + 1) % 7 not in weekend), SUNDAY)
