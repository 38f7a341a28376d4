"""Pictures for cards and reports, as PNG: legible at a width of 700 pixels, on a light ground."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import datetime, tzinfo

import numpy as np
import pandas as pd

WIDTH_INCHES, HEIGHT_INCHES, DOTS = 7.0, 2.6, 200  # 1,400 pixels: sharp at 700
LINE, BAND, MARK, WORDS = "#1f4e79", "#d9e2ec", "#c0392b", "#52606d"


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
    A metric with its expected band, the onset and an incident's moments marked.

    Args:
        series: `window_start` (aware), `observed`, `expected`; the band is what chance moves (95 %) unless
            `low` and `high` are given.
        moments: (time, word) drawn as thin lines.
        last: so many windows are drawn, and at least 20 before the onset.

    Returns:
        PNG, 1,400 pixels wide.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 (0.5 s; few callers draw)
    from matplotlib.dates import ConciseDateFormatter  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    rows = series.tail(_how_many(series, onset, last))
    times = pd.DatetimeIndex(rows["window_start"]).tz_convert(zone)
    observed, expected = rows["observed"].to_numpy(float), rows["expected"].to_numpy(float)
    spread = _spread(series, onset) * np.sqrt(np.maximum(expected, 1.0))
    low = rows["low"].to_numpy(float) if "low" in rows else np.maximum(expected - 1.96 * spread, 0.0)
    high = rows["high"].to_numpy(float) if "high" in rows else expected + 1.96 * spread
    figure = Figure(figsize=(WIDTH_INCHES, HEIGHT_INCHES), dpi=DOTS, facecolor="white", layout="constrained")
    canvas = FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.fill_between(times, low, high, color=BAND, linewidth=0, label="expected")
    axes.plot(times, observed, color=LINE, linewidth=1.6, label="observed")
    top = float(np.nanmax([observed.max(), high.max(), 1.0])) * 1.18
    axes.set_ylim(0, top)
    if onset is not None:
        at = _day(onset)
        axes.axvline(at, color=MARK, linewidth=1.4)
        words = f" since {onset.astimezone(zone):%H:%M}"
        axes.text(at, top * 0.97, words, color=MARK, fontsize=9, va="top", ha=_side(times, at))
    for moment, word in moments:
        at = _day(moment)
        axes.axvline(at, color=WORDS, linewidth=0.9, linestyle=":")
        axes.text(at, top * 0.04, f" {word}", color=WORDS, fontsize=8, va="bottom", ha=_side(times, at))
    axes.set_title(title, loc="left", fontsize=10, color="#102a43", wrap=True)
    axes.set_ylabel(unit, fontsize=9, color=WORDS)
    locator = axes.xaxis.get_major_locator()
    axes.xaxis.set_major_formatter(
        ConciseDateFormatter(  # type: ignore[no-untyped-call]
            locator, tz=zone, show_offset=False
        )
    )
    axes.tick_params(labelsize=9, colors=WORDS, length=3)
    for edge in ("top", "right"):
        axes.spines[edge].set_visible(False)
    axes.legend(loc="lower left", fontsize=8, frameon=False, ncols=2)
    out = io.BytesIO()
    canvas.print_png(out)  # type: ignore[no-untyped-call]
    return out.getvalue()


def _how_many(series: pd.DataFrame, onset: datetime | None, last: int) -> int:
    if onset is None:
        return last
    after = int((pd.DatetimeIndex(series["window_start"]) >= pd.Timestamp(onset)).sum())
    return max(last, after + 20)


def _side(times: pd.DatetimeIndex, at: float) -> str:
    """Words stand left of a line that is near the right edge."""
    first, final = _day(times[0]), _day(times[-1])
    return "right" if at > first + 0.75 * (final - first) else "left"


def _day(moment: datetime) -> float:
    """Days since 1970, as matplotlib counts them."""
    return moment.timestamp() / 86_400


def _spread(series: pd.DataFrame, onset: datetime | None) -> float:
    """How many times more than Poisson the metric moved before the onset; at least once."""
    quiet = series
    if onset is not None:
        quiet = series[pd.DatetimeIndex(series["window_start"]) < pd.Timestamp(onset)]
    expected = np.maximum(quiet["expected"].to_numpy(float), 1.0)
    if len(expected) < 10:
        return 1.0
    return max(
        1.0, float(np.sqrt(np.median((quiet["observed"].to_numpy(float) - expected) ** 2 / expected) / 0.455))
    )
