"""The picture of the practice: how long each step took week by week, on a scale from seconds to days."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from domain.scored import Scorecard, TimeTaken
from workers.pictures.metric import DOTS, LINE, WIDTH_INCHES, WORDS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLUMNS, HEIGHT_INCHES, HALF = 2, 1.9, "#a8c1d9"
SHOWN = ("detect", "acknowledge", "diagnose", "mitigate", "resolve", "close")
TICKS = {
    1.0: "1 s",
    10.0: "10 s",
    60.0: "1 min",
    600.0: "10 min",
    3_600.0: "1 h",
    36_000.0: "10 h",
    86_400.0: "1 d",
    864_000.0: "10 d",
}
LEAST_SECONDS = 1.0
LEAST_REACH = timedelta(weeks=8)


def draw_scorecard(card: Scorecard) -> bytes | None:
    """PNG, 1,400 pixels wide; None where no step was ever taken. Dots are medians, bars the middle half."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 (0.5 s; few callers draw)
    from matplotlib.dates import date2num  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    times = [one for step in SHOWN if (one := card.time(step)).periods]
    if not times:
        return None
    rows = -(-len(times) // COLUMNS)
    figure = Figure(figsize=(WIDTH_INCHES, HEIGHT_INCHES * rows), dpi=DOTS, layout="constrained")
    canvas = FigureCanvasAgg(figure)
    shared, first = _limits(times), min(one.periods[0].begins for one in times)
    reach = (min(first, card.at - LEAST_REACH), max(one.periods[-1].ends for one in times))
    for place, one in enumerate(times):
        axes = figure.add_subplot(rows, COLUMNS, place + 1)
        _draw(axes, one, shared)
        axes.set_xlim(*(float(date2num(moment)) for moment in reach))  # type: ignore[no-untyped-call]
    drawn = io.BytesIO()
    canvas.print_png(drawn)  # type: ignore[no-untyped-call]
    return drawn.getvalue()


def _limits(times: Sequence[TimeTaken]) -> tuple[float, float]:
    """Limits shared by all steps, so that they can be compared."""
    every = [
        _seconds(span)
        for one in times
        for period in one.periods
        for span in (period.spread.quarter, period.spread.median, period.spread.three_quarters)
        if span is not None
    ]
    return min(every) / 2, max(every) * 3


def _draw(axes: Axes, one: TimeTaken, limits: tuple[float, float]) -> None:
    from matplotlib.dates import date2num  # noqa: PLC0415 (as above)

    for period in one.periods:
        spread = period.spread
        if spread.median is None or spread.quarter is None or spread.three_quarters is None:
            continue
        place = float(date2num(period.begins + (period.ends - period.begins) / 2))  # type: ignore[no-untyped-call]
        top = _seconds(spread.three_quarters)
        axes.vlines(place, _seconds(spread.quarter), top, color=HALF, linewidth=6)
        axes.plot([place], [_seconds(spread.median)], "o", color=LINE, markersize=4)
        axes.text(place, top * 1.15, str(spread.count), ha="center", fontsize=6, color=WORDS)
    axes.set_yscale("log")
    axes.set_ylim(*limits)
    shown = {place: name for place, name in TICKS.items() if limits[0] <= place <= limits[1]}
    axes.set_yticks(list(shown), labels=list(shown.values()))
    axes.minorticks_off()
    axes.set_title(f"time to {one.step}", loc="left", fontsize=8)
    axes.tick_params(labelsize=7, colors=WORDS)
    axes.spines[["top", "right"]].set_visible(False)
    axes.xaxis_date()
    _dates(axes)


def _dates(axes: Axes) -> None:
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter  # noqa: PLC0415 (as above)

    places = AutoDateLocator(maxticks=5)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(places)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(places, show_offset=False))  # type: ignore[no-untyped-call]


def _seconds(span: timedelta) -> float:
    return max(span.total_seconds(), LEAST_SECONDS)
