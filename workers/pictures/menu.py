"""
The picture of a menu: what each option repairs against what it costs everyone else, readable in five seconds.

Legible at 360 pixels, the width of a picture on a phone: options are numbered as on the menu, their names are
below. The first one is recognised by its filling, a harmful one by its dashes, never by colour alone.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Sequence
from math import cos, hypot, inf, isfinite, pi, sin
from typing import TYPE_CHECKING, Any, NamedTuple

from domain.values import Estimate, Option
from workers.pictures.metric import DOTS, LINE, MARK, WIDTH_INCHES, WORDS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.text import Text

LEAST_PRICED = 2
PLOT_INCHES, ROW_INCHES = 3.5, 0.29
LEFT, RIGHT, ABOVE, BELOW = 0.85, 0.2, 0.45, 0.75  # inches around the plot
TAG_POINTS = 19.0  # across the circle around a number
ASIDE_POINTS = 18.0  # distance from its point, so that it hides no interval
LEAST_SPAN = 1.0  # % up and down that is always drawn, so that small differences look small
COLUMN_INCHES = WIDTH_INCHES / 2 - 0.25
INK, OTHER, PAPER = "#102a43", "#7b8794", "#ffffff"
NOT_DRAWN = "not priced"
TURNS = [pi * (step + 3) / 12 for step in range(24)]  # up and to the right first
ALONG = 12

Place = tuple[float, float]


class Point(NamedTuple):
    """An option in the plot: its menu number, and what it repairs and costs as (value, low, high)."""

    number: int
    option: Option
    repairs: tuple[float, float, float]
    costs: tuple[float, float, float]

    @property
    def harms(self) -> bool:
        whole = self.option.whole
        return whole is not None and whole.high is not None and whole.high < 0


class Mark(NamedTuple):
    """An option's number, where its point is, and how it looks."""

    number: int
    at: Place
    shape: str
    face: str
    edge: str
    text: str


def draw_menu(options: Sequence[Option]) -> bytes | None:
    """
    PNG, 1,400 pixels wide; None if fewer than two options have both numbers, in one unit, with intervals.

    Args:
        options: in menu order; those without a price are named below the plot.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 (0.5 s; few callers draw)
    from matplotlib.figure import Figure  # noqa: PLC0415

    unit, points = comparable(options)
    if len(points) < LEAST_PRICED:
        return None
    rows = (len(options) + 1) // 2
    height = ABOVE + PLOT_INCHES + BELOW + rows * ROW_INCHES + 0.1
    figure = Figure(figsize=(WIDTH_INCHES, height), dpi=DOTS, facecolor=PAPER)
    canvas = FigureCanvasAgg(figure)
    axes = figure.add_axes(
        (
            LEFT / WIDTH_INCHES,
            (height - ABOVE - PLOT_INCHES) / height,
            (WIDTH_INCHES - LEFT - RIGHT) / WIDTH_INCHES,
            PLOT_INCHES / height,
        )
    )
    _frame(axes, unit, points)
    _options(axes, options, points)
    _names(figure, options, {point.number: point for point in points})
    out = io.BytesIO()
    canvas.print_png(out)  # type: ignore[no-untyped-call]
    return out.getvalue()


def comparable(options: Sequence[Option]) -> tuple[str, list[Point]]:
    """The most common unit of cost, and the options whose numbers are known in that unit and in %."""
    known = [
        Point(number, option, repairs, costs)
        for number, option in enumerate(options, 1)
        if option.deployable
        and option.repairs.unit == "%"
        and (repairs := _known(option.repairs))
        and (costs := _known(option.costs))
    ]
    units = Counter(point.option.costs.unit for point in known).most_common(1)
    unit = units[0][0] if units else ""
    return unit, [point for point in known if point.option.costs.unit == unit]


def _known(given: Estimate) -> tuple[float, float, float] | None:
    if given.value is None or given.low is None or given.high is None:
        return None
    found = (given.value, given.low, given.high)
    return found if all(map(isfinite, found)) else None


def _frame(axes: Axes, unit: str, points: Sequence[Point]) -> None:
    """Set up axes that hold every interval and the point of doing nothing: no repair, no loss."""
    left, right = _reach([edge for point in points for edge in point.repairs[1:]], 0.0, 100.0)
    bottom, top = _reach([edge for point in points for edge in point.costs[1:]], -LEAST_SPAN, LEAST_SPAN)
    axes.set_xlim(left, right)
    axes.set_ylim(bottom, top)
    axes.axhspan(bottom, 0.0, color="#f1f3f5", linewidth=0, zorder=0)
    axes.axhline(0.0, color=INK, linewidth=1.2, zorder=1)
    axes.axvline(100.0, color=OTHER, linewidth=1.0, linestyle=":", zorder=1)
    share = points[0].option.repairs.confidence
    axes.set_xlabel(f"repairs, % of what was lost  (bars: {100 * share:.0f} %)", fontsize=12, color=INK)
    axes.set_ylabel(f"←  others lose    {unit}    gain  →", fontsize=12, color=INK)
    axes.set_title("Right: repairs more.  Down: others lose more.", loc="left", fontsize=13, color=INK)
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:+g}".replace("-", "−") if value else "0")
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}".replace("-", "−"))
    axes.locator_params(nbins=6)
    axes.tick_params(labelsize=11, colors=WORDS, length=3)
    for edge in ("top", "right"):
        axes.spines[edge].set_visible(False)


def _reach(edges: Sequence[float], least: float, most: float) -> Place:
    """An axis from the lowest to the highest value, with room for a number at either end."""
    low, high = min(*edges, least), max(*edges, most)
    room = 0.08 * (high - low)
    return low - room, high + room


def _options(axes: Axes, options: Sequence[Option], points: Sequence[Point]) -> None:
    """Draw the intervals as crosses, each with a number that hides neither a number nor an interval."""
    for point in reversed(points):
        _cross(axes, point)
    marks = [_mark(point) for point in points]
    marks += [
        Mark(n, (0.0, 0.0), "s", PAPER, INK, INK) for n, one in enumerate(options, 1) if not one.deployable
    ]
    scale, box = DOTS / 72, axes.get_window_extent()
    edge = TAG_POINTS * scale / 2
    places = apart(
        _pixels(axes, [mark.at for mark in marks]),
        (TAG_POINTS * scale * 1.15, ASIDE_POINTS * scale),
        (box.x0 + edge, box.y0 + edge, box.x1 - edge, box.y1 - edge),
        _pixels(axes, [at for point in points for at in _along(point)]),
    )
    for mark, place in zip(marks, places, strict=True):
        x, y = axes.transData.inverted().transform(place)
        _tag(axes, mark, (float(x), float(y)))


def _pixels(axes: Axes, places: Sequence[Place]) -> list[Place]:
    return [(float(x), float(y)) for x, y in axes.transData.transform(places)]


def _along(point: Point) -> list[Place]:
    """Closely spaced places along both intervals."""
    (x, left, right), (y, low, high) = point.repairs, point.costs
    steps = [step / ALONG for step in range(ALONG + 1)]
    across = [(left + step * (right - left), y) for step in steps]
    return [*across, *((x, low + step * (high - low)) for step in steps)]


def _tag(axes: Axes, mark: Mark, place: Place) -> None:
    """Draw the number, and a line from it to its point."""
    axes.plot([mark.at[0], place[0]], [mark.at[1], place[1]], color=mark.edge, linewidth=1.0, zorder=3)
    axes.plot(*mark.at, marker="o", markersize=4, color=mark.edge, zorder=3)
    face: dict[str, Any] = {"markerfacecolor": mark.face, "markeredgecolor": mark.edge, "zorder": 4}
    axes.plot(*place, marker=mark.shape, markersize=TAG_POINTS, markeredgewidth=1.8, **face)
    style: dict[str, Any] = {"fontsize": 12, "fontweight": "bold", "ha": "center", "va": "center_baseline"}
    axes.text(*place, str(mark.number), color=mark.text, zorder=5, **style)


def _cross(axes: Axes, point: Point) -> None:
    (x, left, right), (y, low, high) = point.repairs, point.costs
    style: dict[str, Any] = {
        "color": _mark(point).edge,
        "linewidth": 3.2 if point.number == 1 else 1.8,
        "linestyle": (0, (2.0, 1.2)) if point.harms else "-",
        "solid_capstyle": "butt",
        "zorder": 2,
    }
    axes.plot([left, right], [y, y], **style)
    axes.plot([x, x], [low, high], **style)


def _mark(point: Point) -> Mark:
    at = (point.repairs[0], point.costs[0])
    if point.harms:
        return Mark(point.number, at, "o", PAPER, MARK, MARK)
    if point.number == 1:
        return Mark(point.number, at, "o", LINE, LINE, PAPER)
    return Mark(point.number, at, "o", PAPER, OTHER, INK)


def apart(
    anchors: Sequence[Place], distances: Place, box: tuple[float, float, float, float], avoid: Sequence[Place]
) -> list[Place]:
    """
    Where each anchor's mark goes: on the nearest ring around it that has room, furthest from `avoid`.

    Args:
        anchors: earlier ones are placed before later ones.
        distances: the least distance between any two marks (much less than the box), and the first ring's
            radius.

    Returns:
        Places within the box (left, bottom, right, top), every two far enough apart.
    """
    size, radius_least = distances
    placed: list[Place] = []
    for x, y in anchors:
        radius, free = radius_least, list[Place]()
        while not free:
            ring = [(x + radius * cos(turn), y + radius * sin(turn)) for turn in TURNS]
            free = [one for one in ring if _within(one, box) and _nearest(one, placed) >= size]
            radius += size / 12
        placed.append(max(free, key=lambda one: _nearest(one, avoid)))
    return placed


def _nearest(place: Place, others: Sequence[Place]) -> float:
    return min((hypot(place[0] - x, place[1] - y) for x, y in others), default=inf)


def _within(place: Place, box: tuple[float, float, float, float]) -> bool:
    return box[0] <= place[0] <= box[2] and box[1] <= place[1] <= box[3]


def _names(figure: Figure, options: Sequence[Option], points: dict[int, Point]) -> None:
    """Write the numbers' names in two columns, read across; after each what the plot cannot show of it."""
    height = figure.get_figheight()
    top = height - ABOVE - PLOT_INCHES - BELOW
    for number, option in enumerate(options, 1):
        row, column = divmod(number - 1, 2)
        point = points.get(number)
        drawn = point is not None or not option.deployable
        notes = ("first" if number == 1 else "", "" if drawn else NOT_DRAWN, _harm(point))
        written = figure.text(
            (0.15 + column * WIDTH_INCHES / 2) / WIDTH_INCHES,
            (top - (row + 0.5) * ROW_INCHES) / height,
            "",
            fontsize=11.5,
            fontweight="bold" if number == 1 else "normal",
            color=INK if drawn else OTHER,
            va="center",
        )
        written.set_parse_math(False)  # a dollar in a name is a dollar
        _write(written, number, option.label, "".join(f" · {note}" for note in notes if note))


def _harm(point: Point | None) -> str:
    return "all lose" if point is not None and point.harms else ""


def _write(written: Text, number: int, label: str, note: str) -> None:
    """Write as much of the label as its column holds, and the whole note."""
    for most in range(len(label), 0, -1):
        short = label if most == len(label) else f"{label[:most].rstrip()}…"
        written.set_text(f"{number}  {short}{note}")
        if written.get_window_extent().width <= COLUMN_INCHES * DOTS:
            return
