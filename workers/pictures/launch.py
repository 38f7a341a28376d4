"""The picture of a launch forecast: what others came to, what this one is expected to, and should."""

from __future__ import annotations

import io
from datetime import UTC, tzinfo

import pandas as pd

from domain.prediction.calendar import LaunchColumns
from domain.values import Finding
from workers.pictures.metric import LINE, MARK, WORDS, sheet, tidy

OTHERS = "#9fb3c8"
MOST_LAUNCHES = 80


def draw_launch(
    launches: pd.DataFrame, columns: LaunchColumns, finding: Finding, zone: tzinfo = UTC
) -> bytes:
    """
    PNG, 1,400 pixels wide: first days by date, at the right the forecast with its interval, and the usual
    result of comparable launches.

    Args:
        launches: the calendar, with aware times; those with an outcome are drawn, the latest 80 of them.
        finding: a predicted one; all its numbers are in the outcome's unit.
    """
    known = launches[launches[columns.outcome].notna() & (launches[columns.launch] < finding.window_start)]
    known = known.drop_duplicates(columns.item, keep="last").sort_values(columns.launch).tail(MOST_LAUNCHES)
    days = pd.DatetimeIndex(known[columns.launch]).tz_convert(zone)
    outcomes = known[columns.outcome].to_numpy(float)
    day = pd.DatetimeIndex([finding.window_start]).tz_convert(zone)
    low = finding.observed if finding.low is None else finding.low
    high = finding.observed if finding.high is None else finding.high
    canvas, axes = sheet()
    axes.scatter(days, outcomes, s=14, color=OTHERS, linewidths=0, label="launches before")
    axes.axhline(
        finding.expected, color=LINE, linewidth=1.2, linestyle="--", label="what launches like it come to"
    )
    axes.vlines(day, low, high, color=MARK, linewidth=2.2)
    axes.scatter(day, [finding.observed], s=34, color=MARK, zorder=3, label="this one, as forecast")
    top = max(float(outcomes.max(initial=0.0)), high, finding.expected)
    axes.set_ylim(0, 1.1 * max(top, 1.0))
    axes.set_title(f"{finding.title}\n", loc="left", fontsize=10, color="#102a43", wrap=True)
    axes.set_ylabel(finding.counted_in, fontsize=9, color=WORDS)
    axes.legend(
        loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0.2, fontsize=8, frameon=False, ncols=3
    )
    axes.yaxis.set_major_formatter("{x:,.0f}")
    tidy(axes, zone)
    out = io.BytesIO()
    canvas.print_png(out)  # type: ignore[no-untyped-call]
    return out.getvalue()
