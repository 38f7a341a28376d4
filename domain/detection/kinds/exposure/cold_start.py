"""
New members' cold start: what their first sessions are shown and choose, against earlier cohorts of that age.

A new member has no past, so the recommender falls back on a prior: what is popular, what the country or the
device likes. If that prior breaks, hardly any total moves, and those who join leave again. A member's
sessions are numbered from the first; for the first few, by window, whole and by slice,

    chosen    the share of what is shown that is chosen
    popular   the share of what is shown that is among the tenth of items shown most to everybody then

are compared with those of earlier windows. A window with more second sessions than usual is not a different
cohort: each earlier window is weighted to the judged one's mix of ages (indirect standardisation). The column
`joined` says who is new; without one, it is whoever was not seen for `unseen` windows before, so that a
member who comes back after a long time is taken for a new one, in every cohort alike.

Source:
    Indirect standardisation: Breslow & Day (1987), "Statistical Methods in Cancer Research" II, ch. 2. The
    share of popular items: Abdollahpouri et al. (2019), "Managing Popularity Bias in Recommender Systems".
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from pydantic import Field

from domain.detection.data.check_run import CheckRun
from domain.detection.data.counts import Floats
from domain.detection.data.window import WINDOW, Grid
from domain.detection.judge.again.measure import Measurement
from domain.detection.judge.again.proportion import measure_proportion
from domain.detection.judge.judging import Again, Judging, as_it_is
from domain.detection.judge.proportion import Proportions, Words, judge_proportions
from domain.detection.judge.state import CheckState, Verdict
from domain.detection.judge.title import percent
from domain.detection.kind import Kind
from domain.detection.needs import OwnExpression
from domain.errors import SourceError
from domain.recommender.check import Check
from domain.recommender.options import Options
from domain.recommender.recommender import Recommender
from domain.values import Slice

POPULAR = 0.1  # of the items of a window, the most shown ones
MOST_SLICES = 200
PART, VALUE, AGE, SHOWN = "__part", "__value", "__age", "shown"
CHOSEN, AMONG_POPULAR = "chosen", "popular"


class Keys(Options):
    """
    What is written under [checks.NAME] besides the keys that every check has: the columns with the `item`
    that is shown, the `session` (or request), the `member` and the time (`at`), if they are not the
    table's own; what was `chosen` (true or 1) and when the member `joined`, if a column says so. The
    `first` sessions of a member are examined; a member not seen in the first `unseen` windows of the history
    is new.
    """

    item: str
    """Column with the item that is shown."""
    session: str
    """Column with the session, or request."""
    chosen: str | None = None
    """Column that is true or 1 where the item was chosen; without it, only what is shown is judged."""
    joined: str | None = None
    """Column with the time at which the member joined."""
    member: str | None = None
    """Column with the member; by default the table's."""
    at: str | None = None
    """Column with the time; by default the table's."""
    first: int = Field(default=3, ge=1, le=50)
    """How many sessions of a new member are looked at."""
    unseen: int = Field(default=7, ge=1)
    """Without `joined`: members not seen in this many first windows of the history are new."""


def settled(recommender: Recommender, check: Check) -> Check:
    """The check with the table's own member and time, if it names no others."""
    table = recommender.tables[str(check.table)]
    own = {"member": table.member, "at": table.time}
    return check.with_options(
        **{name: column for name, column in own.items() if check.options.get(name) is None}
    )


def columns(keys: Keys) -> tuple[str, ...]:
    """
    Those that the table must have.

    Raises:
        SourceError: nothing says which column holds the member, or the time.
    """
    for name in ("member", "at"):
        if getattr(keys, name) is None:
            raise SourceError(
                f'does not say which column holds it; add {name} = "…" to the check or the table'
            )
    named = (keys.item, keys.session, keys.member, keys.at, keys.chosen, keys.joined)
    return tuple(name for name in named if name is not None)


def ask(rows: Any, keys: Keys, dimensions: tuple[str, ...]) -> Any:
    """
    By window and session number, whole and for each value of each dimension: what new members were shown,
    how much of it they chose, and how much of it is popular.

    Args:
        rows: the table's rows (an Ibis table) with the column `WINDOW` and the dimensions as texts.
    """
    one = rows[WINDOW].cast("int64") * 0 + 1
    chosen = rows[keys.chosen].cast("boolean").cast("int64").fill_null(0) if keys.chosen else one * 0
    shown = rows.select(
        __at=rows[WINDOW],
        __member=rows[keys.member].cast("string"),
        __session=rows[keys.session].cast("string"),
        __item=rows[keys.item].cast("string"),
        __moment=rows[keys.at],
        __chosen=chosen,
        __one=one,
        __joined=rows[keys.joined or keys.at].cast("timestamp").epoch_seconds(),
        **{f"__d{place}": rows[name].cast("string") for place, name in enumerate(dimensions)},
    )
    shown = shown.filter(shown["__member"].notnull(), shown["__session"].notnull(), shown["__item"].notnull())
    numbered = _numbered(shown, keys)
    popular = _popular(shown)
    found = shown.inner_join(numbered, ["__member", "__session"])
    found = found.left_join(popular, ["__at", "__item"])
    parts = [_counted(found, place, of) for place, of in enumerate((None, *dimensions))]
    return parts[0].union(*parts[1:]) if len(parts) > 1 else parts[0]


def _numbered(shown: Any, keys: Keys) -> Any:
    """The first sessions of each new member, numbered from 0."""
    each = shown.group_by("__member", "__session").aggregate(
        __begun=shown["__moment"].min(),
        __seen=shown["__at"].min(),
        __since=shown["__joined"].min(),
        __one=shown["__one"].max(),
    )
    number = each["__one"].cumsum(group_by="__member", order_by=["__begun", "__session"]) - 1
    each = each.mutate(**{AGE: number, "__came": each["__seen"].min().over(group_by="__member")})
    new = each["__came"] >= keys.unseen
    if keys.joined:
        begins = shown.aggregate(__first=shown["__moment"].cast("timestamp").epoch_seconds().min())
        new = each["__since"] >= begins["__first"].as_scalar()
    return each.filter(new, each[AGE] < keys.first).select("__member", "__session", AGE)


def _popular(shown: Any) -> Any:
    """By window, the most shown items."""
    each = shown.group_by("__at", "__item").aggregate(__n=-shown.count(), __popular=shown["__one"].max())
    each = each.mutate(
        __rank=each["__popular"].cumsum(group_by="__at", order_by=["__n", "__item"]) - 1,
        __items=each["__popular"].sum().over(group_by="__at"),
    )
    return each.filter(each["__rank"] < each["__items"] * POPULAR).select("__at", "__item", "__popular")


def _counted(found: Any, place: int, of: str | None) -> Any:
    """One part: the whole table, or the values of one dimension; `PART` says which."""
    value = found["__at"].cast("string") if of is None else found[f"__d{place - 1}"]
    each = (
        found.mutate(**{VALUE: value})
        .group_by("__at", AGE, VALUE)
        .aggregate(
            **{
                SHOWN: found["__one"].sum(),
                CHOSEN: found["__chosen"].sum(),
                AMONG_POPULAR: found["__popular"].fill_null(0).sum(),
            }
        )
    )
    numbers = {name: each[name].cast("float64") for name in (SHOWN, CHOSEN, AMONG_POPULAR)}
    part = (each["__at"] * 0 + place).cast("int64")
    return each.select(
        **{WINDOW: each["__at"], PART: part, VALUE: each[VALUE], AGE: each[AGE].cast("int64"), **numbers}
    )


def proportions_of(frame: pd.DataFrame, grid: Grid, dimensions: tuple[str, ...], keys: Keys) -> Proportions:
    """
    The result of `ask`, with earlier windows weighted to the judged one's mix of ages.

    Raises:
        SourceError: more than 200 slices.
    """
    named = [
        () if part == 0 else ((dimensions[int(part) - 1], str(value)),)
        for part, value in zip(frame[PART], frame[VALUE], strict=True)
    ]
    cells: tuple[Slice, ...] = ((), *sorted(set(named) - {()}))
    if len(cells) > MOST_SLICES + 1:
        few = "name fewer dimensions, or such with fewer values"
        raise SourceError(f"{len(cells) - 1:,} slices, more than {MOST_SLICES}; {few}")
    place = {cell: at for at, cell in enumerate(cells)}
    at = frame[WINDOW].to_numpy(np.int64), np.array([place[one] for one in named], dtype=np.int64)
    age = frame[AGE].to_numpy(np.int64)
    held = [AMONG_POPULAR, *([CHOSEN] if keys.chosen else [])]
    shape = (grid.count, len(cells), keys.first)
    counts = np.zeros((1 + len(held), *shape))
    for row, name in enumerate((SHOWN, *held)):
        np.add.at(counts[row], (*at, age), frame[name].to_numpy(float))
    shown, having = counts[0], counts[1:]
    columns_of = np.stack([_standardised(shown, one) for one in having], axis=-1)
    rows = np.repeat(shown.sum(axis=2)[:, :, None], len(held), axis=2)
    labels = tuple(_label(name, keys.first) for name in held)
    return Proportions(grid, cells, tuple(held), rows, columns_of, labels=labels)


def _standardised(shown: Floats, held: Floats) -> Floats:
    """
    (n_windows, n_cells) from (n_windows, n_cells, n_ages): those that have the property, as they would be if
    each window had the ages of the last one.
    """
    rate = (held[:, 0].sum(axis=0) + 0.5) / (shown[:, 0].sum(axis=0) + 1)
    rows = shown.sum(axis=2)
    due = np.where(rows > 0, shown @ rate / np.maximum(rows, 1.0), 1.0)
    found = held.sum(axis=2) * np.where(rows[-1] > 0, due[-1] / due, 1.0)
    return np.asarray(np.minimum(found, rows))


def _label(name: str, first: int) -> str:
    sessions = "first session" if first == 1 else f"first {first} sessions"
    if name == CHOSEN:
        return f"of what new members are shown in their {sessions} they choose"
    return f"of what new members are shown in their {sessions}, the most popular items are"


WORDS = Words(
    says=lambda label, observed, expected: (
        f"{label} {percent(observed)}, for those who joined before {percent(expected)} at the same age"
    ),
    unit=lambda name: f"impressions {name}",
)


def judge(run: CheckRun, frame: pd.DataFrame, memory: CheckState) -> Verdict:
    """Whether this cohort is shown, or chooses, something else than earlier ones. See `judge_proportions`."""
    proportions = proportions_of(frame, run.grid, run.dimensions, run.options)
    return judge_proportions(run.check, proportions, memory, run.looks_per_week, WORDS)


def measure(run: CheckRun, frame: pd.DataFrame, again: Again[pd.DataFrame]) -> Measurement:
    """What new members are shown, or choose, now. See `measure_proportion`."""
    proportions = proportions_of(frame, run.grid, run.dimensions, run.options)
    return measure_proportion(run.check, again.finding, proportions, None, again.memory)


KIND = Kind(
    name="cold_start",
    purpose="what new members' first sessions are shown and choose, against earlier cohorts",
    example={"item": "item_id", "session": "request_id", "chosen": "chosen"},
    options=Keys,
    needs=OwnExpression(ask),
    judging=Judging(judge, measure, over="windows", narrowed=as_it_is),
    columns=columns,
    settled=settled,
    sliced="always",
    evidences=("monitor-7",),
    by_slice=("model-6",),
)
