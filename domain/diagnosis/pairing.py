"""The same rows in two tables, by what identifies them: which lack a partner, or have it at another time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import pandas as pd

from domain.values import Slice

Relation = Literal["standby", "copied", "upstream", "beside"]
SAME_ROWS = ("standby", "copied")
AT = "__at"
LEAST_KEYS = 20
LEAST_OWN = 8  # of a finding's rows: its check has already found that they are not matched


@dataclass(frozen=True)
class Pair:
    """
    Rows of the finding's table and of another, from some time before the onset on.

    Args:
        relation: `standby` keeps the same rows; `copied` is what the finding's table is the standby of;
            `upstream` is what it is made from.
        keys: the columns that identify a row in both.
        mine, theirs: `keys`, the time in `__at` (aware), and dimensions as text.
        moved: rows of the finding's table, at any other time, with the keys of their rows without a partner.
        strayed: the other way round, where the finding's own check looks for partners in the other table.
        covers: the share (0–1) of the time since the onset that was read.
    """

    table: str
    relation: Relation
    keys: tuple[str, ...]
    mine: pd.DataFrame
    theirs: pd.DataFrame
    moved: pd.DataFrame | None = None
    strayed: pd.DataFrame | None = None
    covers: float = 1.0


@dataclass(frozen=True)
class Matched:
    """
    The other table's distinct rows, each with `partner` (the time of the same row in the finding's table, NaT
    without one), `later` (by how many seconds that is later than usual), `now` (since the onset) and `right`
    (while nothing was wrong yet). `usual` is the share that had a partner then, `rows_each` how many rows of
    the finding's table correspond to one of theirs.
    """

    rows: pd.DataFrame
    usual: float
    rows_each: float


def match(pair: Pair, since: datetime, right_until: datetime | None = None) -> Matched | None:
    """
    The other table's rows with partners; null where fewer than 20 were there before the onset, or since.

    Args:
        right_until: until when nothing was wrong yet; `since` where it is not given, or hardly any row is
            from before it.
    """
    keys = list(pair.keys)
    theirs = pair.theirs.drop_duplicates(keys)
    known = [pair.mine, pair.moved] if pair.moved is not None else [pair.mine]
    mine = pd.concat([frame[[*keys, AT]] for frame in known], ignore_index=True)
    first = mine.drop_duplicates(keys).rename(columns={AT: "partner"})
    rows = theirs.merge(first, on=keys, how="left")
    rows["now"] = (rows[AT] >= pd.Timestamp(since)).to_numpy()
    right = pd.Timestamp(right_until or since)
    right = right if (rows[AT] < right).sum() >= LEAST_KEYS else pd.Timestamp(since)
    rows["right"] = (rows[AT] < right).to_numpy()
    before = rows[rows["right"]]
    if len(before) < LEAST_KEYS or int(rows["now"].sum()) < LEAST_KEYS:
        return None
    partnered = before["partner"].notna()
    later = (rows["partner"] - rows[AT]).dt.total_seconds()
    usual = later[partnered.index[partnered]].median() if partnered.any() else 0.0
    rows["later"] = later - usual
    # all rows of before, even those with no request in the other table, which may be a sample; but not those
    # that are only there because they were written with an earlier time
    early = pair.mine.loc[pair.mine[AT] < right, keys]
    astray = len(early.merge(rows.loc[~rows["right"], keys], on=keys))
    each = (len(early) - astray) / max(int(partnered.sum()), 1)
    return Matched(rows, float(partnered.mean()), float(each))


@dataclass(frozen=True)
class MatchDrop:
    """
    Since a moment, relative to before (0.8 is 80 % less): `share`, for the match rate of the finding's table
    in the other one; and `rows`, for the other one's own rows per row of the finding's.
    """

    share: float
    rows: float


def match_drop(pair: Pair, where: Slice, since: datetime) -> MatchDrop | None:
    """
    How much fewer of the finding's rows in the slice `where` are matched in the other table, at whatever
    time; null where fewer than 8 were there before the moment or since, or the other one had none before.
    """
    keys, moment = list(pair.keys), pd.Timestamp(since)
    mine = pair.mine[_held(pair.mine, where)].drop_duplicates(keys)
    every = [pair.theirs] if pair.strayed is None else [pair.theirs, pair.strayed]
    known = pd.concat([frame[keys] for frame in every]).drop_duplicates()
    theirs = pair.theirs[_held(pair.theirs, where)].drop_duplicates(keys)
    there = mine.merge(known, on=keys, how="left", indicator=True)
    late, kept = (mine[AT] >= moment).to_numpy(bool), (there["_merge"] == "both").to_numpy(bool)
    now, before = int(late.sum()), int((~late).sum())
    if min(now, before) < LEAST_OWN or not kept[~late].any():
        return None
    after = (theirs[AT] >= moment).to_numpy(bool)
    if after.all():
        return None
    usual, rows_usual = kept[~late].mean(), int((~after).sum()) / before
    return MatchDrop(float(1 - kept[late].mean() / usual), float(1 - int(after.sum()) / now / rows_usual))


def _held(rows: pd.DataFrame, where: Slice) -> pd.Series:
    held = pd.Series(data=True, index=rows.index)
    for name, value in where:
        if name in rows:
            held &= rows[name].astype(str) == value
    return held


def dimensions_of(pair: Pair) -> list[str]:
    """What their rows can be sliced by: columns with one value per key."""
    others = [str(name) for name in pair.theirs if name not in (*pair.keys, AT)]
    spread = pair.theirs.groupby(list(pair.keys), sort=False)[others].nunique(dropna=False)
    return [name for name in others if bool((spread[name] <= 1).all())]
