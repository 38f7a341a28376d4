"""Chooses which series of a backtest are drawn, and says why a check has none."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from domain.detection.judge.comparison import Comparison
from domain.values import Finding, Slice, name_slice
from workers.checks.backtest import BacktestIncident, BacktestResult

Key = tuple[str, Slice, str | None, str]
"""Check, slice, subject, unit."""


@dataclass(frozen=True)
class Series:
    """
    One series: its `comparisons` in order of time, at least one, and the findings and incidents that came of
    it. Incidents carry their number in the backtest.
    """

    check: str
    table: str
    comparisons: tuple[Comparison, ...]
    findings: tuple[Finding, ...] = ()
    incidents: tuple[tuple[int, BacktestIncident], ...] = ()

    @property
    def name(self) -> str:
        """
        The series' name, as a person would say it.

        >>> from datetime import UTC, datetime
        >>> at = datetime(2026, 4, 20, tzinfo=UTC)
        >>> held = Comparison(slice=(("country", "dk"),), window_start=at, window_end=at, observed=1,
        ...                   expected=2, low=0, high=4)
        >>> Series("by_country", "views", (held,)).name
        'views where country = dk'
        """
        first = self.comparisons[0]
        where = f" where {name_slice(first.slice)}" if first.slice else ""
        of = f", {first.subject}" if first.subject and first.subject not in first.unit else ""
        return f"{self.table}{where}{of}"

    @property
    def farthest(self) -> tuple[float, float]:
        """
        How far it left its band, in widths of the band (0 if it never did); and how much of it there is.
        """
        out = [0.0]
        for one in self.comparisons:
            if one.observed is not None:
                beyond = max(one.low - one.observed, one.observed - one.high, 0.0)
                out.append(beyond / max(one.high - one.low, abs(one.expected), 1e-9))
        return max(out), sum(abs(one.expected) for one in self.comparisons)


def series_of(result: BacktestResult, tables: Mapping[str, str]) -> list[Series]:
    """
    The series to draw: every one that raised an incident, the worst and longest first, and for each check
    that raised none the series that came farthest out of its band.

    Args:
        tables: check → the table it looks at.
    """
    held = _held(result)
    raised: dict[Key, list[tuple[int, BacktestIncident]]] = {}
    for number, incident in enumerate(result.incidents, 1):
        for key in _keys_of(held, incident.raised_by):
            raised.setdefault(key, []).append((number, incident))
    worst_first = sorted(raised, key=lambda key: min(_rank(incident) for _number, incident in raised[key]))
    quiet = [key for key in (_farthest(held, raised, check) for check in tables) if key is not None]
    found = {key: tuple(raised.get(key, ())) for key in (*worst_first, *quiet)}
    return [
        Series(key[0], tables[key[0]], tuple(held[key]), _findings(result, key), incidents)
        for key, incidents in found.items()
    ]


def _rank(incident: BacktestIncident) -> tuple[str, int]:
    """Worse severity first; of two equally severe incidents, the one with more findings."""
    return incident.severity, -incident.findings


def not_drawn(result: BacktestResult, kinds: Mapping[str, str]) -> dict[str, str]:
    """
    Check → why the picture shows nothing of it, in words for a person.

    Args:
        kinds: check → its kind.
    """
    says: dict[str, str] = {}
    for check, kind in kinds.items():
        if result.comparisons.get(check):
            continue
        if check in result.judged:
            says[check] = f'not in the picture: a check of kind "{kind}" expects no number that can be drawn'
        else:
            why = result.notes.get(check, "no look could be taken")
            says[check] = f"not in the picture: nothing was to be expected yet ({why})"
    return says


def _held(result: BacktestResult) -> dict[Key, list[Comparison]]:
    held: dict[Key, list[Comparison]] = {}
    for check, comparisons in result.comparisons.items():
        for one in comparisons:
            held.setdefault((check, one.slice, one.subject, one.unit), []).append(one)
    return held


def _keys_of(held: Iterable[Key], raised_by: Iterable[Key]) -> list[Key]:
    """
    The series that findings belong to; the same series in another unit, if what was found is not one of its
    values but how long it stood still, or how far it swung.
    """
    keys: dict[Key, None] = {}
    for exact in raised_by:
        alike = [key for key in held if key[:3] == exact[:3]]
        keys |= dict.fromkeys([exact] if exact in alike else alike[:1])
    return list(keys)


def _farthest(held: Mapping[Key, list[Comparison]], raised: Iterable[Key], check: str) -> Key | None:
    keys = [key for key in held if key[0] == check]
    if not keys or any(key[0] == check for key in raised):
        return None
    return max(keys, key=lambda key: Series(check, "", tuple(held[key])).farthest)


def _findings(result: BacktestResult, key: Key) -> tuple[Finding, ...]:
    return tuple(one for one in result.findings if (one.check, one.slice, one.subject) == key[:3])
