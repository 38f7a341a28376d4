"""Pictures for cards and reports, as PNG: legible at a width of 700 pixels, on a light background."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from domain.values import Finding

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.backends.backend_agg import FigureCanvasAgg

WIDTH_INCHES, HEIGHT_INCHES, DOTS = 7.0, 2.6, 200  # 1,400 pixels: sharp at 700
ALIKE, LETTER = 0.01, 0.0105  # of a picture's width: moments this close are one; space per letter
LEFT_FROM = 0.75  # of the width: from here on words go to the left of their line
ROW = 0.09  # of the height, for each row of words
LINE, BAND, MARK, WORDS = "#1f4e79", "#d9e2ec", "#c0392b", "#52606d"


def draw_finding(
    finding: Finding,
    series: pd.DataFrame,
    zone: tzinfo,
    *,
    onset: datetime | None = None,
    moments: Sequence[tuple[datetime, str]] = (),
    last: int = 60,
) -> bytes:
    """`draw_metric` for the metric of a finding; an onset before the first window is not drawn."""
    known = onset if onset is not None and onset >= series["window_start"].iloc[0] else None
    return draw_metric(
        series,
        title=finding.title,
        unit=finding.counted_in,
        zone=zone,
        onset=known,
        moments=moments,
        last=last,
    )


def draw_metric(
    series: pd.DataFrame,
    *,
    title: str,
    unit: str,
    zone: tzinfo,
    onset: datetime | None = None,
    moments: Sequence[tuple[datetime, str]] = (),
    last: int = 60,
) -> bytes:
    """
    Draw a metric with its expected band, its onset and an incident's moments.

    Args:
        series: `window_start` (aware), `observed`, `expected`; the band is the range of chance (95 %) unless
            `low` and `high` are given.
        moments: (time, word) drawn as thin lines.
        last: how many windows are drawn, and at least 20 before the onset.

    Returns:
        PNG, 1,400 pixels wide.
    """
    canvas, axes = sheet()
    times, top = _draw_band_and_line(axes, series.tail(_how_many(series, onset, last)), series, zone, onset)
    placed = list(in_rows(moments, times[0], times[-1] - times[0]))
    top *= 1 + ROW * len({row for _at, _word, row in placed})  # words go above the line, not on it
    axes.set_ylim(0, top)
    if onset is not None:
        words = f"  since {onset.astimezone(zone):%H:%M %Z}  "
        _mark(axes, times, onset, words, {"color": MARK, "linewidth": 1.4}, (top * 0.97, 9, "top"))
    for moment, word, row in placed:
        style = {"color": WORDS, "linewidth": 0.9, "linestyle": ":"}
        _mark(axes, times, moment, f"  {word}  ", style, (top * (0.88 - ROW * row), 8, "top"))
    axes.set_title(title, loc="left", fontsize=10, color="#102a43", wrap=True)
    axes.set_ylabel(unit, fontsize=9, color=WORDS)
    tidy(axes, zone)
    out = io.BytesIO()
    canvas.print_png(out)  # type: ignore[no-untyped-call]
    return out.getvalue()


def in_rows(
    moments: Sequence[tuple[datetime, str]], first: datetime, span: timedelta
) -> Iterator[tuple[datetime, str, int]]:
    """
    Moments with their words and the row, 0 the highest, in which none covers another; moments that look the
    same on a picture of `span` from `first` on share a line.

    >>> noon, minute = datetime(2026, 3, 1, 12), timedelta(minutes=1)
    >>> after = [(noon, "alarm"), (noon + 10 * minute, "it works"), (noon + 10 * minute, "resolved")]
    >>> [(word, row) for _at, word, row in in_rows(after, noon, 240 * minute)]
    [('alarm', 0), ('it works, resolved', 1)]
    """
    merged: list[tuple[datetime, str]] = []
    for moment, word in sorted(moments):
        if merged and moment - merged[-1][0] < ALIKE * span:
            merged[-1] = (merged[-1][0], f"{merged[-1][1]}, {word}")
        else:
            merged.append((moment, word))
    taken: list[list[tuple[float, float]]] = []
    for moment, word in merged:
        at, width = (moment - first) / span, LETTER * (len(word) + 4)
        left, right = (at - width, at) if at > LEFT_FROM else (at, at + width)
        free = (n for n, row in enumerate(taken) if all(right <= a or left >= b for a, b in row))
        row = next(free, len(taken))
        taken += [[]] if row == len(taken) else []
        taken[row].append((left, right))
        yield moment, word, row


def sheet() -> tuple[FigureCanvasAgg, Axes]:
    """An empty white picture of the common size, and its axes."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 (0.5 s; few callers draw)
    from matplotlib.figure import Figure  # noqa: PLC0415

    figure = Figure(figsize=(WIDTH_INCHES, HEIGHT_INCHES), dpi=DOTS, facecolor="white", layout="constrained")
    return FigureCanvasAgg(figure), figure.add_subplot()


def _draw_band_and_line(
    axes: Axes, rows: pd.DataFrame, series: pd.DataFrame, zone: tzinfo, onset: datetime | None
) -> tuple[pd.DatetimeIndex, float]:
    """Draw steps as wide as their windows, so that the last one shows; returns their edges and the top."""
    starts = pd.DatetimeIndex(rows["window_start"]).tz_convert(zone)
    width = starts[1] - starts[0] if len(starts) > 1 else pd.Timedelta(minutes=1)
    edges = pd.DatetimeIndex([*starts, starts[-1] + width])
    place = np.append(np.arange(len(rows)), len(rows) - 1)
    observed = rows["observed"].to_numpy(float)[place]
    expected = rows["expected"].to_numpy(float)[place]
    reach = 1.96 * _spread(series, onset) * np.sqrt(np.maximum(expected, 1.0))
    low = rows["low"].to_numpy(float)[place] if "low" in rows else np.maximum(expected - reach, 0.0)
    high = rows["high"].to_numpy(float)[place] if "high" in rows else expected + reach
    axes.fill_between(edges, low, high, step="post", color=BAND, linewidth=0, label="expected")
    axes.step(edges, observed, where="post", color=LINE, linewidth=1.6, label="observed")
    top = float(np.nanmax([observed.max(), high.max(), 1.0])) * 1.18
    axes.set_ylim(0, top)
    axes.legend(loc="lower left", fontsize=8, frameon=False, ncols=2)
    return edges, top


def _mark(
    axes: Axes,
    times: pd.DatetimeIndex,
    moment: datetime,
    words: str,
    style: dict[str, Any],
    place: tuple[float, int, str],
) -> None:
    """Draw a line at a moment, with its word beside it: on the left if the right edge is near."""
    at, (height, size, anchor) = _day(moment), place
    first, final = _day(times[0]), _day(times[-1])
    side = "right" if at > first + LEFT_FROM * (final - first) else "left"
    axes.axvline(at, **style)
    ground = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 0.6}
    axes.text(
        at, height, words, color=style["color"], fontsize=size, va=anchor, ha=side, bbox=ground, zorder=1.9
    )


def tidy(axes: Axes, zone: tzinfo) -> None:
    """Format the axes: times in the reader's zone, quiet ticks, no frame."""
    from matplotlib.dates import ConciseDateFormatter  # noqa: PLC0415

    locator = axes.xaxis.get_major_locator()
    axes.xaxis.set_major_formatter(
        ConciseDateFormatter(locator, tz=zone, show_offset=False)  # type: ignore[no-untyped-call]
    )
    axes.tick_params(labelsize=9, colors=WORDS, length=3)
    for edge in ("top", "right"):
        axes.spines[edge].set_visible(False)


def _how_many(series: pd.DataFrame, onset: datetime | None, last: int) -> int:
    if onset is None:
        return last
    after = int((pd.DatetimeIndex(series["window_start"]) >= pd.Timestamp(onset)).sum())
    return max(last, after + 20)


def _day(moment: datetime) -> float:
    """Days since 1970, as matplotlib counts them."""
    return moment.timestamp() / 86_400


def _spread(series: pd.DataFrame, onset: datetime | None) -> float:
    """By what factor the metric varied more than Poisson before the onset; at least 1."""
    quiet = series
    if onset is not None:
        quiet = series[pd.DatetimeIndex(series["window_start"]) < pd.Timestamp(onset)]
    expected = np.maximum(quiet["expected"].to_numpy(float), 1.0)
    if len(expected) < 10:
        return 1.0
    return max(
        1.0, float(np.sqrt(np.median((quiet["observed"].to_numpy(float) - expected) ** 2 / expected) / 0.455))
    )
