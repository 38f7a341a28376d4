"""What the reader of overrides promises to the process that embeds it."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from recsysops_client import Overrides

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
FILL = {
    "id": "a",
    "kind": "fill_feature",
    "items": ["tt1", "tt2"],
    "feature": "language",
    "value": "French",
    "expires_at": "2026-03-02T00:00:00Z",
}
BOOST = {
    "id": "b",
    "kind": "boost_items",
    "items": ["tt3"],
    "amount": 0.8,
    "expires_at": "2026-03-01T11:00:00Z",
}


def put(path: Path, *entries: Any, version: Any = 1) -> None:
    fresh = path.with_suffix(".tmp")
    fresh.write_text(json.dumps({"version": version, "overrides": list(entries)}))
    fresh.replace(path)


def test_no_file_means_no_overrides_and_no_problem(tmp_path: Path) -> None:
    overrides = Overrides(tmp_path / "overrides.json")
    assert overrides.current(NOW) == ()
    assert overrides.problem is None


def test_expired_overrides_are_left_out_without_the_file_changing(tmp_path: Path) -> None:
    put(tmp_path / "o.json", FILL, BOOST)
    overrides = Overrides(tmp_path / "o.json")
    assert [o.id for o in overrides.current(NOW)] == ["a"]
    assert [o.id for o in overrides.current(NOW.replace(hour=10))] == ["a", "b"]
    assert overrides.current(NOW.replace(day=3)) == ()
    assert overrides.revision == 1


def test_a_replaced_file_is_read_again_and_a_removed_one_ends_its_overrides(tmp_path: Path) -> None:
    path = tmp_path / "o.json"
    overrides = Overrides(path)
    put(path, FILL)
    assert overrides.current(NOW)[0].items == ("tt1", "tt2")
    put(path, {**FILL, "value": "Danish"})
    assert overrides.current(NOW)[0].value == "Danish"
    path.unlink()
    assert overrides.current(NOW) == ()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "o.json"),
        ('{"version": 2, "overrides": []}', '"version": 1'),
        ('{"version": 1, "overrides": [{"kind": "delete"}]}', "fill_feature, boost_items"),
        (json.dumps({"version": 1, "overrides": [{**FILL, "value": None}]}), "needs a feature and a value"),
        (json.dumps({"version": 1, "overrides": [{**BOOST, "amount": "much"}]}), "amount"),
        (json.dumps({"version": 1, "overrides": [{**BOOST, "expires_at": "2026-03-01"}]}), "time zone"),
        (json.dumps({"version": 1, "overrides": [FILL, {**FILL, "items": "tt1"}]}), "overrides[1].items"),
    ],
)
def test_a_malformed_file_leaves_the_last_good_one_in_force_and_says_what_is_wrong(
    tmp_path: Path, text: str, says: str
) -> None:
    path = tmp_path / "o.json"
    put(path, FILL)
    overrides = Overrides(path)
    before = overrides.current(NOW)
    path.write_text(text)
    assert overrides.current(NOW) == before != ()
    assert overrides.problem is not None
    assert says in overrides.problem
    put(path)
    assert overrides.current(NOW) == ()
    assert overrides.problem is None


def test_a_pipe_or_a_file_far_too_long_is_a_problem_and_not_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "o.json"
    put(path, FILL)
    overrides = Overrides(path)
    assert [o.id for o in overrides.current(NOW)] == ["a"]
    path.unlink()
    os.mkfifo(path)
    assert [o.id for o in overrides.current(NOW)] == ["a"]
    assert "no regular file" in str(overrides.problem)
    path.unlink()
    with path.open("wb") as file:
        file.truncate(65 * 1024 * 1024)
    assert [o.id for o in overrides.current(NOW)] == ["a"]
    assert "at most" in str(overrides.problem)
    put(path, BOOST)
    assert [o.id for o in overrides.current(NOW.replace(hour=10))] == ["b"]
    assert overrides.problem is None


def test_a_link_is_read_where_it_leads(tmp_path: Path) -> None:
    put(tmp_path / "one.json", FILL)
    put(tmp_path / "two.json", BOOST)
    (tmp_path / "o.json").symlink_to("one.json")
    overrides = Overrides(tmp_path / "o.json")
    assert [o.id for o in overrides.current(NOW)] == ["a"]
    (tmp_path / "next").symlink_to("two.json")
    (tmp_path / "next").replace(tmp_path / "o.json")
    assert [o.id for o in overrides.current(NOW.replace(hour=10))] == ["b"]
