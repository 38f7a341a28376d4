"""A team's own checks as strangers write them, installed beside the tests without a network."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from workers.declaration import check_kinds

Install = Callable[[str, str], None]


@contextmanager
def installing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """
    Writes (kind, source) as an installed distribution: a module, and the metadata that pip would write.
    """
    site = folder / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(str(site))
    names: list[str] = []

    def install(kind: str, source: str) -> None:
        (site / f"{kind}.py").write_text(source, encoding="utf-8")
        metadata = site / f"{kind}-1.dist-info"
        metadata.mkdir()
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {kind}\nVersion: 1\n")
        (metadata / "entry_points.txt").write_text(f"[recsysops.checks]\n{kind} = {kind}:CHECK\n")
        names.append(kind)
        monkeypatch.syspath_prepend(str(site))  # what was looked up before is looked up anew

    yield install
    check_kinds.forget()
    for name in names:
        sys.modules.pop(name, None)


COUNTS = """
from domain.detection.own import Judgement, Options, OwnCheck, RowCounts, Seen
from domain.detection.data.counts import Counts


class Least(Options):
    least_a_day: float = 500.0


def judge(options: Least, seen: Seen[Counts]) -> list[Judgement]:
    rows = float(seen.data.total[-1])
    never = 0.0 if rows < options.least_a_day else 1.0
    return [Judgement(rows, options.least_a_day, options.least_a_day, 1e12, never)]


CHECK = OwnCheck("too_few", RowCounts(), judge, Least)
"""

WRONG = """
from domain.detection.own import Judgement, Options, OwnCheck, Seen, WrongRows
from domain.detection.expect.usual_proportion import usual_proportions
from domain.detection.data.tally import Tally


class Long(Options):
    column: str
    most: float = 90.0


def wrong(rows, options):
    return {f"{options.column} over {options.most:g}": rows[options.column] > options.most}


def judge(options: Long, seen: Seen[Tally]):
    tally = seen.data
    rates = usual_proportions(tally.rows[seen.usable], tally.bad[seen.usable])
    p_values = rates.p_values(tally.bad[-1], tally.rows[-1])
    most = rates.most(tally.rows[-1])
    for place, cell in enumerate(tally.cells):
        expected = float(rates.share[place, 0] * tally.rows[-1, place])
        yield Judgement(
            float(tally.bad[-1, place, 0]), expected, 0.0, float(most[place, 0]), float(p_values[place, 0]),
            slice=cell, subject=options.column, unit=f"rows of too many {options.column}",
        )


CHECK = OwnCheck("too_long", WrongRows(wrong), judge, Long, columns=lambda options: (options.column,))
"""

HISTOGRAMS = """
import numpy as np

from domain.detection.data.histogram import Histograms
from domain.detection.own import ColumnHistograms, Judgement, Options, OwnCheck, Seen


class Of(Options):
    column: str = "rating"


def judge(options: Of, seen: Seen[Histograms]):
    shares = seen.data.counts[0][:, 0] / np.maximum(seen.data.counts[0][:, 0].sum(axis=1, keepdims=True), 1)
    usual = shares[seen.usable].mean(axis=0)
    off = np.abs(shares - usual).sum(axis=1) / 2
    most = float(off[seen.usable].max()) * 2
    yield Judgement(float(off[-1]), 0.0, 0.0, most, 0.0 if off[-1] > most else 1.0, subject=options.column)


CHECK = OwnCheck("moved", ColumnHistograms(lambda options: (options.column,)), judge, Of, measurable=False)
"""

EXPRESSION = """
from domain.detection.own import WINDOW, Judgement, Options, OwnCheck, OwnExpression, Seen


class PerMember(Options):
    most: float


def ask(rows, options, dimensions):
    return rows.group_by(WINDOW, *dimensions).aggregate(
        views=rows.count().cast("float64"), members=rows.member_id.nunique()
    )


def judge(options: PerMember, seen: Seen):
    frame = seen.data
    now = frame[frame[WINDOW] == seen.grid.count - 1]
    for row in now.to_dict("records"):
        each = row["views"] / max(row["members"], 1)
        where = tuple((name, row[name]) for name in ("country",) if name in row)
        yield Judgement(each, options.most, 0.0, options.most, 0.0 if each > options.most else 1.0, where,
                        unit="views a member", says=f"{each:.1f} views a member")


CHECK = OwnCheck("too_keen", OwnExpression(ask), judge, PerMember)
"""
