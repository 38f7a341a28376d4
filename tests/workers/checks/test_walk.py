"""Looks over the past that share one question say what each would have said with its own question."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from domain.detection.judge.state import CheckState, Verdict
from domain.errors import SourceError
from domain.recommender.recommender import Recommender
from tests.engines import world
from tests.engines.model import write_ranked, write_served
from tests.engines.places import in_files
from tests.workers import rankings, test_served
from tests.workers.checks import test_diversity, test_models
from tests.workers.shop import END, write_shop
from workers.checks.backtest_check import Fault, backtest_check, ends_of
from workers.checks.check_run import check_run_of, run_check
from workers.checks.plan import plan
from workers.declaration.check_kinds import ours
from workers.sources.logged import numbers

LOOKS = 3


def write_world(folder: Path) -> Recommender:
    world.write(folder)
    return world.declared(in_files(folder))


def write_pages(folder: Path) -> Recommender:
    return test_diversity.written(folder, test_diversity.pages())


WRITTEN = {
    "world": (write_world, world.LOOKS[1], ("missing", "references")),
    "shop": (write_shop, END, ("misses",)),
    "ranked": (write_ranked, rankings.END, ("numeric",)),
    "served": (write_served, test_served.END, ("joins", "disagreements", "sampling", "stages")),
    "pages": (write_pages, test_diversity.END, ("diversity",)),
}


def one_by_one(recommender: Recommender, check: str, ends: list[datetime]) -> Iterator[Verdict]:
    planned, memory = plan(recommender, recommender.checks[check]), CheckState()
    for end in ends:
        verdict = run_check(recommender, planned, end, memory)
        memory = verdict.state
        yield verdict


@pytest.mark.parametrize(("name", "kind"), [(name, kind) for name in WRITTEN for kind in WRITTEN[name][2]])
def test_rows_counted_at_once_are_judged_as_look_by_look(name: str, kind: str, tmp_path: Path) -> None:
    write, at, _kinds = WRITTEN[name]
    recommender = write(tmp_path)
    checks = [one for one in recommender.checks.values() if one.kind == kind and one.name != "broken"]
    assert checks
    for check in checks:
        planned = plan(recommender, check)
        ends = ends_of(recommender, planned, at - (LOOKS - 1) * planned.every - planned.window, at)[-LOOKS:]
        at_once = list(_verdicts(recommender, check.name, ends))
        alone = list(one_by_one(recommender, check.name, ends))
        assert len(at_once) == len(alone) == LOOKS
        assert [_plain(one) for one in at_once] == [_plain(one) for one in alone]
        assert all(one.judged for one in at_once)


def write_spoiled(folder: Path) -> tuple[Recommender, list[datetime]]:
    """A model whose ages were in days for three hours, and the ends of looks before, in and after them."""

    def in_days(frame: pd.DataFrame, _last: pd.Series, chance: np.random.Generator) -> pd.DataFrame:
        end = rankings.END
        hit = frame["at"].between(end - 6 * rankings.HOUR, end - 3 * rankings.HOUR, inclusive="left")
        return test_models.in_days(frame, hit, chance)

    recommender = rankings.write_rankings(folder, test_models.CHECKS, in_days)
    planned = plan(recommender, recommender.checks["numbers"])
    return recommender, ends_of(recommender, planned, rankings.END - 8 * rankings.HOUR, rankings.END)


def test_what_was_wrong_is_not_learned_from_where_looks_share_a_question(tmp_path: Path) -> None:
    recommender, ends = write_spoiled(tmp_path)
    at_once = list(_verdicts(recommender, "numbers", ends))
    alone = one_by_one(recommender, "numbers", ends)
    assert [_plain(one) for one in at_once] == [_plain(one) for one in alone]
    assert any(one.findings for one in at_once)
    assert not at_once[-1].findings


def test_looks_that_have_too_little_in_common_each_ask_for_themselves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recommender, ends = write_spoiled(tmp_path)
    at_once = list(_verdicts(recommender, "numbers", ends))
    monkeypatch.setattr(numbers, "MOST_MARKS", 1)
    planned = plan(recommender, recommender.checks["numbers"])
    grid = planned.grid(ends[-1])
    with pytest.raises(SourceError, match="too many at once"):
        numbers.past_numbers(recommender, planned.check, grid, planned.dimensions, grid.count - 1)
    alone = _verdicts(recommender, "numbers", ends)
    assert [_plain(one) for one in at_once] == [_plain(one) for one in alone]


def test_every_kind_of_rows_that_is_counted_at_once_is_looked_at_here(tmp_path: Path) -> None:
    rows = [kind for kind in ours().values() if kind.sliced == "always" and kind.rows is None]
    recommender = write_world(tmp_path)
    planned = plan(recommender, recommender.checks["missing"])
    now = check_run_of(recommender, planned, planned.grid(world.LOOKS[1]))
    at_once = {kind.name for kind in rows if kind.shared(now)}
    assert {kind for _write, _at, kinds in WRITTEN.values() for kind in kinds} == at_once


def _verdicts(recommender: Recommender, check: str, ends: list[datetime]) -> Iterator[Verdict]:
    for _at, came_to in backtest_check(recommender, plan(recommender, recommender.checks[check]), ends):
        assert not isinstance(came_to, Fault), came_to.says
        yield came_to


def _plain(verdict: Verdict) -> dict[str, Any]:
    return verdict.model_dump(mode="json")
