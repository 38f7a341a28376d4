"""Every question can be asked of BigQuery: in its words, without what only other engines know."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from domain.recommender.recommender import Recommender
from tests.engines import world
from tests.engines.answers import differences, moved
from tests.engines.compiled import Compiled
from tests.engines.model import WRITTEN
from tests.engines.places import in_files
from workers.checks.run import State, run_checks
from workers.sources.engines import source

ESTIMATED = ("drift", "tail", "scores", "skew")
"""Checks of quantiles, which BigQuery estimates, and of groups of texts, whose digest it spells otherwise."""


def found(recommender: Recommender, looks: Sequence[datetime]) -> list[dict[str, Any]]:
    """The findings of all looks, of estimates only which and where."""
    state, findings = State(), list[dict[str, Any]]()
    for at in looks:
        result = run_checks(recommender, at, state)
        state = result.state
        findings += [one.model_dump(mode="json") for one in result.findings]
    where = ("check", "subject", "slice", "window_start", "window_end")
    return [{key: one[key] for key in where} if one["check"] in ESTIMATED else one for one in findings]


def by_country(recommender: Recommender, name: str) -> Recommender:
    """With one dimension, of a check that asks for each slicing of each column on its own there."""
    check = recommender.checks[name].model_copy(update={"dimensions": ("country",)})
    return recommender.model_copy(update={"checks": {**recommender.checks, name: check}})


def in_bigquery(
    recommender: Recommender, folder: Path, patch: pytest.MonkeyPatch
) -> tuple[Recommender, Compiled]:
    bigquery = Compiled(folder)
    patch.setattr(source, "open_url", lambda _name, _url, _seconds: bigquery)
    return moved(recommender, lambda name: {"url": "bigquery://project/data", "table": name}), bigquery


def test_every_question_compiles_and_another_way_of_counting_finds_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.write(tmp_path)
    files = by_country(world.declared(in_files(tmp_path)), "drift")
    here = found(files, world.LOOKS[:2])
    there, bigquery = in_bigquery(files, tmp_path, monkeypatch)
    assert list(differences(here, found(there, world.LOOKS[:2]))) == []
    assert {one["check"] for one in here} == set(world.CHECKS)
    assert len(bigquery.asked) > 50


@pytest.mark.parametrize("name", WRITTEN)
def test_so_it_is_with_what_a_model_scored_and_served(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, end = WRITTEN[name]
    files = write(tmp_path)
    here = found(files, [end])
    there, bigquery = in_bigquery(files, tmp_path, monkeypatch)
    assert list(differences(here, found(there, [end]))) == []
    assert {one["check"] for one in here} == set(files.checks)
    assert len(bigquery.asked) > 5
