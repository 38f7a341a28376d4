"""
The end of every look that tests slices of windows: what it may spend, how it reports, and what is over.

    usable windows ─▶ `level_of` ─▶ p-values, discovery ─▶ `finding_in` the judged window ─▶ `conclude`
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass
from datetime import datetime

from domain.detection.data.windowed import Windowed
from domain.detection.judge.comparison import Comparison
from domain.detection.judge.discovery import WEEK_SECONDS, level, spend
from domain.detection.judge.severity import severity_of
from domain.detection.judge.state import CheckState, Verdict, confirm
from domain.detection.judge.title import place_of
from domain.recommender.check import Check
from domain.values import Finding, Slice

LONGEST_TITLE = 300


def unjudged(state: CheckState, rows: float) -> Verdict:
    """A look that cannot judge: too few `rows` in its window, or too few windows before it."""
    note = "not enough history yet" if rows > 0 else "no rows in this window"
    return Verdict(state=state, judged=False, note=note)


def level_of(state: CheckState, looks_per_week: float | None, width_seconds: float) -> float:
    """The level of this look; if the number of looks is not given, one look per window is assumed."""
    return level(state.wealth, looks_per_week or WEEK_SECONDS / width_seconds)


@dataclass(frozen=True)
class Numbers:
    """The numbers of a finding, in `unit`: observed and expected, the band `low`–`high`, and the p-value."""

    observed: float
    expected: float
    low: float
    high: float
    unit: str
    p_value: float


@dataclass(frozen=True)
class Statement:
    """
    Where and what a finding is, in words, and how much is `affected`: the share of everything, which
    determines the severity if none is declared; milder unless something is missing (`drop`).
    """

    where: Slice
    subject: str | None
    says: str
    affected: float
    drop: bool = False


def finding_in(windows: Windowed, check: Check, statement: Statement, numbers: Numbers) -> Finding:
    """The finding of the judged window of `windows`."""
    title = f"{place_of(check.table or '', statement.where)}: {statement.says}"[:LONGEST_TITLE]
    window = windows.start(windows.last), windows.end(windows.last)
    finding = finding_over(
        window, check, statement.where, numbers, statement.affected, title, drop=statement.drop
    )
    return finding.model_copy(update={"subject": statement.subject})


def finding_over(
    window: tuple[datetime, datetime],
    check: Check,
    where: Slice,
    numbers: Numbers,
    affected: float,
    title: str,
    *,
    drop: bool | None = None,
) -> Finding:
    """
    The finding for everything in `window`.

    Args:
        affected: the share of everything, which determines the severity if none is declared.
        drop: whether something is missing, which makes it worse; None: whether less is there than expected.
    """
    drop = numbers.observed < numbers.expected if drop is None else drop
    return Finding(
        check=check.name,
        table=check.table or "",
        slice=where,
        window_start=window[0],
        window_end=window[1],
        **asdict(numbers),
        severity=check.severity or severity_of(affected, drop=drop),
        affected_share=affected,
        title=title,
    )


def compared(
    window: tuple[datetime, datetime], where: Slice, subject: str | None, numbers: Numbers
) -> Comparison:
    """The comparison of a window with its expectation."""
    fields = {name: number for name, number in asdict(numbers).items() if name != "p_value"}
    return Comparison(slice=where, subject=subject, window_start=window[0], window_end=window[1], **fields)


def compared_in(windows: Windowed, where: Slice, subject: str | None, numbers: Numbers) -> Comparison:
    """The comparison of the judged window of `windows` with its expectation."""
    return compared((windows.start(windows.last), windows.end(windows.last)), where, subject, numbers)


def conclude(
    state: CheckState,
    found: list[Finding],
    width_seconds: float,
    until: datetime,
    sure: Collection[str] = (),
) -> Verdict:
    """
    The findings, as far as they are confirmed by now, and what the next look may spend. See `state.confirm`.
    """
    spent = state.model_copy(update={"wealth": spend(state.wealth, state.new(found))})
    return confirm(spent, found, width_seconds, until, sure=sure)
