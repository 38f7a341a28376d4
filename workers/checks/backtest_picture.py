"""
Draws a backtest: what was observed, what each look expected, and the incidents that followed.

    a strip for each series     what was observed over its band, a red dot at each alarm
    below, its incidents        close-ups, with when each was opened and ended

Nothing is computed again: the picture shows the numbers that the looks judged by.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from textwrap import wrap
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from domain.detection.judge.comparison import Comparison
from domain.recommender.keys.duration import name_duration
from workers.checks.backtest import BacktestIncident, BacktestResult
from workers.checks.backtest_series import Series
from workers.pictures.metric import BAND, DOTS, LINE, MARK, WORDS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = npt.NDArray[np.float64]

INK, MIDDLE = "#102a43", "#829ab1"
WIDTH_INCHES, STRIP_INCHES, CLOSE_INCHES, LINE_INCHES, EDGE_INCHES = 11.0, 2.4, 2.0, 0.2, 0.8
MOST_SERIES, MOST_CLOSE, MOST_LISTED = 6, 3, 6
LONGEST = 130  # letters in an incident's line,
LONGEST_UNIT = 24  # and in a line beside an axis
AROUND = 1.0  # times an incident's length, shown in its close-up before and after it,
LEAST_WINDOWS = 12  # and at least this many windows
CLOSER = 3  # a close-up has to be this many times shorter than the whole time
SECONDS_AN_HOUR = 3_600.0
ROOM = 1.2  # times the highest value: the top of a strip
DOT, FEW = (8.0, 24.0), 300  # sizes of an alarm's dot, and up to how many windows the larger one is used
DAYS_NAMED = timedelta(days=2), timedelta(days=15)  # lengths of a strip between which its days are named
DATES = ["", "%Y", "%b", "%d %b", "%H:%M", "%H:%M"]  # labels where a year, month, day, … begins
GROUND = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 0.8}
COLUMNS = 6  # of the grid: two or three close-ups stand side by side


@dataclass(frozen=True)
class Close:
    """The time around the incident with this number."""

    number: int
    incident: BacktestIncident
    begin: datetime
    until: datetime


def draw_backtest(result: BacktestResult, series: Sequence[Series], zone: tzinfo) -> bytes:
    """
    PNG, 2,200 pixels wide.

    Args:
        series: at least one; the first six are drawn.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 (0.5 s; few callers draw)
    from matplotlib.figure import Figure  # noqa: PLC0415

    drawn = [(one, _closer(one, result)) for one in series[:MOST_SERIES]]
    heights = [height for one, closer in drawn for height in _heights(one, closer)]
    size = (WIDTH_INCHES, sum(heights) + EDGE_INCHES)
    figure = Figure(size, dpi=DOTS, facecolor="white", layout="constrained")
    canvas = FigureCanvasAgg(figure)
    _frame(figure, result, len(series) - len(drawn), zone)
    grid, row = figure.add_gridspec(len(heights), COLUMNS, height_ratios=heights), 0
    for one, closer in drawn:
        _strip(figure.add_subplot(grid[row, :]), one, result, zone)
        row += 1
        width = COLUMNS // max(len(closer), 2)
        for place, close in enumerate(closer):
            part = grid[row, place * width : (place + 1) * width]
            _close(figure.add_subplot(part), one, close, zone)
        row += bool(closer)
    figure.legend(
        *figure.axes[0].get_legend_handles_labels(), loc="upper right", fontsize=9, frameon=False, ncols=4
    ).set_in_layout(False)
    out = io.BytesIO()
    canvas.print_png(out)  # type: ignore[no-untyped-call]
    return out.getvalue()


def _heights(series: Series, closer: Sequence[Close]) -> list[float]:
    lines = min(len(series.incidents), MOST_LISTED + 1)
    return [STRIP_INCHES + LINE_INCHES * lines, *([CLOSE_INCHES] if closer else [])]


def _frame(figure: Figure, result: BacktestResult, left_out: int, zone: tzinfo) -> None:
    """The summary above the picture, and the notes for reading it below."""
    count = len(result.incidents)
    incidents = "No incident" if not count else "1 incident" if count == 1 else f"{count} incidents"
    start, end = (at.astimezone(zone) for at in (result.start, result.end))
    headline = f"{incidents}, {start:%a %d %b} to {end:%a %d %b %Y}"
    figure.suptitle(headline, x=0.01, ha="left", fontsize=14, color=INK, weight="bold")
    says = f"Times: {zone}. {result.looks:,} looks, each with what it expected then."
    if left_out:
        says += f" {left_out} more series are not drawn."
    figure.supxlabel(says, x=0.01, ha="left", fontsize=9, color=WORDS)


def _strip(axes: Axes, series: Series, result: BacktestResult, zone: tzinfo) -> None:
    """One series over the whole time."""
    top = _lines(axes, series.comparisons, series)
    _shade(axes, [(one.opened_at, one.ended_at or result.end) for _number, one in series.incidents])
    for number, incident in series.incidents:
        middle = (_day(incident.opened_at) + min(_day(incident.ended_at or result.end), _day(result.end))) / 2
        style: dict[str, Any] = {"color": MARK, "fontsize": 11, "weight": "bold", "bbox": GROUND}
        axes.text(middle, top, str(number), va="top", ha="center", **style)
    axes.set_xlim(_day(result.start), _day(result.end))
    captions = [_caption(number, one, zone) for number, one in series.incidents[:MOST_LISTED]]
    if more := len(series.incidents) - len(captions):
        captions.append(f"and {more} more")
    head = f"{series.name} (check {series.check})"
    axes.set_title("\n".join((head, *captions)), loc="left", fontsize=9.5, color=INK, linespacing=1.4)
    _tidy(axes, zone, result.end - result.start)


def _caption(number: int, incident: BacktestIncident, zone: tzinfo) -> str:
    opened, ended = incident.opened_at.astimezone(zone), incident.ended_at
    until = "and still open" if ended is None else f"to {ended.astimezone(zone):%a %H:%M}"
    says = f"{number}   {opened:%a %d %b %H:%M} {until}   {incident.severity.value}   {incident.title}"
    return says if len(says) <= LONGEST else f"{says[: LONGEST - 1]}…"


def _closer(series: Series, result: BacktestResult) -> list[Close]:
    """What gets a close-up: the first incidents that are short compared with the whole time."""
    first, last = series.comparisons[0], series.comparisons[-1]
    closer = []
    for number, incident in series.incidents:
        end = incident.ended_at or last.window_end
        around = max(
            (end - incident.window_start) * AROUND, LEAST_WINDOWS * (first.window_end - first.window_start)
        )
        begin = max(incident.window_start - around, result.start)
        until = min(end + around, result.end)
        if CLOSER * (until - begin) <= result.end - result.start:
            closer.append(Close(number, incident, begin, until))
    return closer[:MOST_CLOSE]


def _close(axes: Axes, series: Series, close: Close, zone: tzinfo) -> None:
    """The time around one incident."""
    incident = close.incident
    near = [
        one for one in series.comparisons if one.window_end > close.begin and one.window_start < close.until
    ]
    top = _lines(axes, near, series, bold=1.6)
    _shade(axes, [(incident.opened_at, incident.ended_at or close.until)])
    for word, at, side in (("opened", incident.opened_at, "right"), ("ended", incident.ended_at, "left")):
        if at is not None:
            axes.axvline(_day(at), color=MARK, linewidth=1.0)
            says = f" {word} {at.astimezone(zone):%H:%M} "
            axes.text(_day(at), top * 0.97, says, color=MARK, fontsize=9, va="top", ha=side)
    title = f"{close.number}   {incident.opened_at.astimezone(zone):%a %d %b}"
    axes.set_title(title, loc="left", fontsize=9.5, color=MARK, weight="bold")
    axes.set_xlim(_day(close.begin), _day(close.until))
    _tidy(axes, zone, close.until - close.begin)


def _lines(axes: Axes, held: Sequence[Comparison], series: Series, bold: float = 0.8) -> float:
    """Draw the band, the expected and observed values, and a dot where a look alarmed; returns the top."""
    unit, scale = _unit(series.comparisons[0])
    at, (low, high, expected, observed) = _steps(held, scale)
    axes.fill_between(at, low, high, step="post", color=BAND, linewidth=0, label="expected")
    axes.step(at, expected, where="post", color=MIDDLE, linewidth=0.8)
    axes.step(at, observed, where="post", color=LINE, linewidth=bold, label="observed")
    when, what = _alarms(held, series, scale)
    axes.scatter(when, what, s=DOT[len(held) <= FEW], color=MARK, linewidths=0, zorder=3, label="alarm")
    axes.set_ylabel(unit, fontsize=9, color=WORDS)
    highest = float(np.nanmax(np.concatenate([observed, high]), initial=1e-9))
    lowest = float(np.nanmin(np.concatenate([observed, low]), initial=0.0))
    axes.set_ylim(min(lowest, 0.0) * ROOM, highest * ROOM)
    return highest * ROOM


def _steps(held: Sequence[Comparison], scale: float) -> tuple[Floats, tuple[Floats, ...]]:
    """Edges in days, and the four numbers at each; nothing where no look was taken."""
    at, rows = list[float](), list[tuple[float, ...]]()
    for place, one in enumerate(held):
        begun, ended = _day(one.window_start), _day(one.window_end)
        observed = np.nan if one.observed is None else one.observed
        at.append(begun)
        rows.append((one.low / scale, one.high / scale, one.expected / scale, observed / scale))
        follows = place + 1 < len(held) and _day(held[place + 1].window_start) <= ended + 1e-9
        if not follows:
            at += [ended, ended]
            rows += [rows[-1], (np.nan,) * 4]
    return np.array(at), tuple(np.array(rows, dtype=np.float64).T)


def _alarms(held: Sequence[Comparison], series: Series, scale: float) -> tuple[list[float], list[float]]:
    """The middles of the windows whose look raised an alarm, and what was observed there."""
    raised = {one.window_end for one in series.findings}
    alarmed = [one for one in held if one.window_end in raised]
    when = [(_day(one.window_start) + _day(one.window_end)) / 2 for one in alarmed]
    return when, [(one.observed or 0.0) / scale for one in alarmed]


def _shade(axes: Axes, times: Sequence[tuple[datetime, datetime]]) -> None:
    """Shade the times of incidents, however short; an empty span is there for the legend."""
    style: dict[str, Any] = {"facecolor": MARK, "edgecolor": MARK, "alpha": 0.14, "linewidth": 0.8}
    for begun, ended in times:
        axes.axvspan(_day(begun), _day(ended), **style)
    axes.fill_between([], [], label="incident", **style)


def _unit(first: Comparison) -> tuple[str, float]:
    """The axis label, and what numbers are divided by: an age or a silence is shown in hours."""
    if first.unit == "seconds":
        return "hours", SECONDS_AN_HOUR
    says = f"{first.unit} in {name_duration(first.window_end - first.window_start)}"
    return "\n".join(wrap(says, LONGEST_UNIT)), 1.0


def _tidy(axes: Axes, zone: tzinfo, length: timedelta) -> None:
    from matplotlib import dates  # noqa: PLC0415

    locator: Any
    if DAYS_NAMED[0] <= length <= DAYS_NAMED[1]:  # name each day in its middle, mark its beginning
        axes.xaxis.set_major_locator(dates.DayLocator(tz=zone))  # type: ignore[no-untyped-call]
        axes.xaxis.set_major_formatter("")
        axes.grid(axis="x", color=BAND, linewidth=0.8)
        locator = dates.HourLocator(byhour=[12], tz=zone)  # type: ignore[no-untyped-call]
        axes.xaxis.set_minor_locator(locator)
        axes.xaxis.set_minor_formatter(dates.DateFormatter("%a %d %b", tz=zone))  # type: ignore[no-untyped-call]
        axes.tick_params(axis="x", which="minor", length=0)
    else:
        locator = dates.AutoDateLocator(tz=zone, minticks=3, maxticks=8)  # type: ignore[no-untyped-call]
        axes.xaxis.set_major_locator(locator)
        axes.xaxis.set_major_formatter(
            dates.ConciseDateFormatter(  # type: ignore[no-untyped-call]
                locator, tz=zone, show_offset=False, zero_formats=DATES
            )
        )
    axes.yaxis.set_major_formatter("{x:,.4g}")
    axes.tick_params(which="both", labelsize=9, colors=WORDS)
    for edge in ("top", "right"):
        axes.spines[edge].set_visible(False)


def _day(moment: datetime) -> float:
    """Days since 1970, as matplotlib counts them."""
    return moment.timestamp() / 86_400
