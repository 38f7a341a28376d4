"""
The picture for an item's answer: what it was shown against its expected exposure, and how its launch goes.
"""

from __future__ import annotations

import io
from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from domain.answer import ItemAnswer
from workers.items.look import ItemEvidence
from workers.pictures.metric import BAND, DOTS, HEIGHT_INCHES, LINE, MARK, WIDTH_INCHES, WORDS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_STEPS, LEAST_A_STEP = 96, 12.0  # steps drawn, and impressions that a step should hold on average
OTHERS = "#9fb3c8"
INK = "#102a43"
Z90 = 1.645


def draw_item(answer: ItemAnswer, seen: ItemEvidence, zone: tzinfo = UTC) -> bytes:
    """PNG, 1,400 pixels wide: exposure over time, and below it, for a launch, impressions by age."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 (0.5 s; few callers draw)
    from matplotlib.figure import Figure  # noqa: PLC0415

    launched = seen.ages is not None and seen.item in seen.ages.index and len(seen.ages) > 1
    height = HEIGHT_INCHES * (2 if launched else 1) + 0.4
    figure = Figure(figsize=(WIDTH_INCHES, height), dpi=DOTS, facecolor="white", layout="constrained")
    canvas = FigureCanvasAgg(figure)
    panels: Any = figure.subplots(2 if launched else 1, 1, squeeze=False)[:, 0]
    figure.suptitle(answer.headline, x=0.01, ha="left", fontsize=10, color=INK, wrap=True)
    _over_time(panels[0], answer, seen, zone)
    if launched:
        _by_age(panels[1], seen)
    out = io.BytesIO()
    canvas.print_png(out)  # type: ignore[no-untyped-call]
    return out.getvalue()


def _over_time(axes: Axes, answer: ItemAnswer, seen: ItemEvidence, zone: tzinfo) -> None:
    frame = seen.series
    if frame is None or frame.empty:
        axes.text(0.5, 0.5, "Nothing was shown yet.", ha="center", color=WORDS, transform=axes.transAxes)
        axes.set_axis_off()
        return
    steps = _coarser(frame)
    starts = pd.DatetimeIndex(steps["window_start"]).tz_convert(zone)
    width = starts[1] - starts[0] if len(starts) > 1 else pd.Timedelta(minutes=1)
    edges = pd.DatetimeIndex([*starts, starts[-1] + width])
    place = np.append(np.arange(len(steps)), len(steps) - 1)
    observed = steps["observed"].to_numpy(float)[place]
    top = float(observed.max(initial=1.0))
    if steps["merited"].notna().all():
        merited = steps["merited"].to_numpy(float)[place]
        reach = Z90 * np.sqrt(_error(seen) ** 2 + 1 / np.maximum(merited, 1.0))
        low, high = merited * np.exp(-reach), merited * np.exp(reach)
        axes.fill_between(
            edges, low, high, step="post", color=BAND, linewidth=0, label="expected exposure, 90 %"
        )
        top = max(top, float(high.max()))
    axes.step(edges, observed, where="post", color=LINE, linewidth=1.6, label="shown")
    axes.margins(x=0)
    axes.set_ylim(0, top * 1.25)
    _legend(axes)
    axes.set_ylabel(f"impressions in {_span(width)}", fontsize=9, color=WORDS)
    if answer.since is not None:
        _since(axes, answer.since, edges, top * 1.2, zone)
    _tidy_times(axes, zone)


def _since(axes: Axes, moment: datetime, edges: pd.DatetimeIndex, height: float, zone: tzinfo) -> None:
    at = moment.timestamp() / 86_400  # days since 1970, as matplotlib counts
    first, last = (edge.timestamp() / 86_400 for edge in (edges[0], edges[-1]))
    side = "right" if at > first + 0.75 * (last - first) else "left"
    axes.axvline(at, color=MARK, linewidth=1.4)
    words = f"  since {moment.astimezone(zone):%d %b %H:%M %Z}  "
    axes.text(at, height, words, color=MARK, fontsize=9, va="top", ha=side)


def _by_age(axes: Axes, seen: ItemEvidence) -> None:
    """Cumulative impressions since the launch: this item's, and the other launches'."""
    assert seen.ages is not None  # noqa: S101 - drawn only then
    own = seen.ages.loc[seen.item].to_numpy(float)
    lived = int(np.isfinite(own).sum())
    reach = max(2 * lived, 6)
    label: str | None = "other launches"
    for name, row in seen.ages.iterrows():
        if name == seen.item or not np.isfinite(row.iloc[0]):
            continue
        axes.plot(*_climb(row.to_numpy(float)[:reach]), color=OTHERS, linewidth=1.0, label=label)
        label = None
    axes.plot(*_climb(own[:reach]), color=LINE, linewidth=2.0, label="this item")
    axes.set_xlabel("hours since the launch", fontsize=9, color=WORDS)
    axes.set_ylabel("impressions so far", fontsize=9, color=WORDS)
    axes.set_xlim(0, reach)
    axes.set_ylim(0, None)
    _legend(axes)
    _tidy(axes)


def _climb(bins: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    known = bins[: int(np.isfinite(bins).sum())]
    return np.arange(len(known) + 1), np.concatenate([[0.0], np.cumsum(known)])


def _coarser(frame: pd.DataFrame) -> pd.DataFrame:
    """Neighbouring windows merged until each holds enough to show a line instead of noise."""
    mean = max(float(frame["observed"].mean()), 1e-9)
    size = max(int(np.ceil(len(frame) / MOST_STEPS)), int(np.ceil(LEAST_A_STEP / mean)), 1)
    size = min(size, max(len(frame) // 4, 1))
    whole = frame.iloc[len(frame) % size :]
    group = np.arange(len(whole)) // size
    sums = whole[["observed", "merited"]].groupby(group).sum(min_count=1)
    sums["window_start"] = whole["window_start"].groupby(group).first()
    return sums


def _error(seen: ItemEvidence) -> float:
    deserved = seen.deserved
    if deserved is None or seen.item not in deserved.items:
        return 0.0
    return float(deserved.error[int(np.flatnonzero(deserved.items == seen.item)[0])])


def _span(width: pd.Timedelta) -> str:
    minutes = int(width.total_seconds() // 60)
    return f"{minutes // 60} h" if minutes % 60 == 0 and minutes else f"{minutes} min"


def _tidy_times(axes: Axes, zone: tzinfo) -> None:
    from matplotlib.dates import ConciseDateFormatter  # noqa: PLC0415

    locator = axes.xaxis.get_major_locator()
    axes.xaxis.set_major_formatter(
        ConciseDateFormatter(locator, tz=zone, show_offset=False)  # type: ignore[no-untyped-call]
    )
    _tidy(axes)


def _legend(axes: Axes) -> None:
    """Put the legend above the picture, where it covers nothing."""
    axes.legend(
        loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0.2, fontsize=8, frameon=False, ncols=2
    )


def _tidy(axes: Axes) -> None:
    axes.yaxis.set_major_formatter("{x:,.0f}")
    axes.tick_params(labelsize=9, colors=WORDS, length=3)
    for edge in ("top", "right"):
        axes.spines[edge].set_visible(False)
