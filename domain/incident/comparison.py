"""What was measured beside what was expected, worded the same everywhere, as in the title."""

from __future__ import annotations

import re
from datetime import timedelta

from domain.incident.numbers import amount, lasting, percent, signed
from domain.values import Finding

MULTIPLE_FROM = 1.0
"""Expected rows from which a multiple means something: below one it is mostly chance."""
TIMES_FROM = 2.0
"""Relative change from which it is written as a multiple."""
MANY = 1_000.0
_METRIC = re.compile(r"^(mean|swing of) | per | quantile of ")
_OF_NO_SUM = re.compile(rf"{_METRIC.pattern}|@|^seconds$")


def change(relative: float) -> str:
    """
    A change against what was expected, with its sign; from three times upwards as a multiple.

    >>> change(-0.71), change(1.04), change(2.5), change(9025.0)
    ('−71 %', '+104 %', '3.5 times as much', '9,026 times as much')
    """
    if relative >= TIMES_FROM:
        times = relative + 1
        return f"{times:,.1f} times as much" if times < 10 else f"{times:,.0f} times as much"
    return ("+" if relative > 0 else "") + percent(relative)


def compared(finding: Finding, *, briefly: bool = False) -> str:
    """
    What a check measured, what it expected, and the usual band; `briefly`, nothing but the two numbers.

    >>> day = {"window_start": "2026-01-01T00:00Z", "window_end": "2026-01-02T00:00Z"}
    >>> fields = {"check": "c", "table": "t", "p_value": 0.0, "severity": "SEV3", "title": "x", **day}
    >>> compared(Finding(observed=214, expected=738, low=661, high=815, unit="impressions", **fields))
    '214 impressions where 738 were expected (−71 %), usually 661–815'
    >>> compared(Finding(observed=1008, expected=0.02, **fields))
    '1,008 rows where almost none were expected'
    >>> compared(Finding(observed=3.27, expected=11, unit="mean minutes", **fields))
    'mean minutes 3.27 where 11 was expected (−70 %)'
    """
    observed, expected = (number(value, finding) for value in (finding.observed, finding.expected))
    off = f" ({change(finding.change)})" if finding.expected and not briefly else ""
    band = "" if briefly else _band(finding)
    if finding.unit == "seconds":
        return f"{observed} where {expected} was expected{band}"
    if is_metric(finding):
        return f"{finding.counted_in} {observed} where {expected} was expected{off}{band}"
    if finding.expected < MULTIPLE_FROM <= finding.observed:
        none = "none" if finding.expected <= 0 else "almost none"
        return f"{observed} {finding.counted_in} where {none} were expected"
    return f"{observed} {finding.counted_in} where {expected} were expected{off}{band}"


def number(value: float, finding: Finding) -> str:
    """A value in a finding's unit: a time, a share, a metric or a count, as its title writes it."""
    if finding.unit == "seconds":
        return lasting(timedelta(seconds=value))
    if _in_percent(finding):
        return _share(value)
    if is_metric(finding):
        return signed(f"{value:,.3g}" if abs(value) < MANY else f"{value:,.0f}")
    return amount(value)


def is_metric(finding: Finding) -> bool:
    """Whether it is the value of a metric, and not a number of rows."""
    return bool(_METRIC.search(finding.unit)) or not float(finding.observed).is_integer()


def adds_up(finding: Finding) -> bool:
    """Whether an amount per hour makes sense: for rows and sums, but not for a mean or an age."""
    return _OF_NO_SUM.search(finding.unit) is None


def _in_percent(finding: Finding) -> bool:
    """Whether the title gives the metric as a share of all."""
    return re.search(rf"{re.escape(finding.unit)} [\d.,]+ %, usually", finding.title) is not None


def _share(part: float) -> str:
    """A part of the whole, with enough digits to distinguish it from none and from all."""
    rarer = min(part, 1 - part)
    digits = 0 if rarer >= 0.0995 or rarer <= 0 else 1 if rarer >= 0.00995 else 2
    return signed(f"{100 * part:.{digits}f}") + " %"


def _band(finding: Finding) -> str:
    if finding.low is None or finding.high is None:
        return ""
    low, high = number(finding.low, finding), number(finding.high, finding)
    between = " to " if finding.unit == "seconds" or "−" in low + high else "–"
    return f", usually {low}{between}{high}".replace(f" %{between}", between)
