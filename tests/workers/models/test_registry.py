"""The model's registry says what should serve, and a check of versions looks for nothing else."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from domain.errors import SourceError
from domain.recommender.check import Check
from domain.recommender.model import Registry
from domain.recommender.recommender import Recommender
from workers.models.registry import released, should_serve

NOON = datetime(2026, 3, 30, 12, tzinfo=UTC)
CHECK = Check(name="versions", kind="versions", table="served")


def registry(folder: Path, held: Any, at: datetime = NOON, **keys: Any) -> Registry:
    path = folder / "ranker.json"
    path.write_text(held if isinstance(held, str) else json.dumps(held))
    os.utime(path, (at.timestamp(), at.timestamp()))
    return Registry.model_validate({"path": str(path), "version": "version", **keys})


def recommender(one: Registry | None) -> Recommender:
    model = {"name": "ranker", "path": "r", "features": ("a",), "candidates": "served", "registry": one}
    tables = {"served": {"name": "served", "path": "served.parquet", "time": "at"}}
    return Recommender.model_validate({"name": "t", "tables": tables, "models": {"ranker": model}})


def test_the_version_and_when_the_file_was_written_are_read(tmp_path: Path) -> None:
    found = released("ranker", registry(tmp_path, {"version": "v7"}))
    assert (found.version, found.since) == ("v7", NOON)


def test_keys_lie_as_deep_as_they_are_named_and_a_number_is_a_version(tmp_path: Path) -> None:
    held = {"production": {"version": 7, "from": "2026-03-30T14:00:00+02:00"}}
    one = registry(
        tmp_path, held, NOON + timedelta(days=9), version="production.version", since="production.from"
    )
    found = released("ranker", one)
    assert (found.version, found.since) == ("7", NOON)


@pytest.mark.parametrize(
    ("held", "keys", "words"),
    [
        ("{", {}, "cannot be read as JSON"),
        ({"versoin": "v7"}, {}, 'has no "version"; there is versoin'),
        ([], {}, 'has no "version"; there is list'),
        ({"version": {"id": 3}}, {}, "version holds dict; name a key"),
        ({"version": "v7", "at": "soon"}, {"since": "at"}, '"soon" is no time'),
    ],
)
def test_what_is_wrong_with_a_registry_is_said(
    held: Any, keys: dict[str, Any], words: str, tmp_path: Path
) -> None:
    with pytest.raises(SourceError, match='model "ranker"') as raised:
        released("ranker", registry(tmp_path, held, **keys))
    assert words in str(raised.value)


def test_a_registry_that_is_not_there_is_named() -> None:
    with pytest.raises(SourceError, match="there is no such file"):
        released("ranker", Registry(path="/nowhere/ranker.json", version="version"))


def test_all_is_to_be_served_by_what_the_registry_names(tmp_path: Path) -> None:
    one = recommender(registry(tmp_path, {"version": "v7"}))
    asked = should_serve(one, CHECK, NOON + timedelta(minutes=10))
    assert asked is not None
    assert asked.options["versions"] == {"v7": 1.0}


def test_a_window_before_all_replicas_had_time_to_follow_is_not_judged(tmp_path: Path) -> None:
    one = recommender(registry(tmp_path, {"version": "v7"}))
    assert should_serve(one, CHECK, NOON + timedelta(minutes=9)) is None
    patient = CHECK.model_copy(update={"within": timedelta(hours=1)})
    assert should_serve(one, patient, NOON + timedelta(minutes=59)) is None
    assert should_serve(one, patient, NOON + timedelta(hours=1)) is not None


def test_what_is_declared_needs_no_registry() -> None:
    declared = CHECK.with_options(versions={"v7": 0.9, "v8": 0.1})
    assert should_serve(recommender(None), declared, NOON) is declared
    with pytest.raises(SourceError, match="nothing says which version should serve"):
        should_serve(recommender(None), CHECK, NOON)
