"""What the reader of overrides promises to the process that embeds it."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from recsysops_client import Override, Overrides

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


def test_what_is_blocked_is_named_by_its_items_alone(tmp_path: Path) -> None:
    put(
        tmp_path / "o.json",
        {"id": "c", "kind": "block_items", "items": ["tt1"], "expires_at": FILL["expires_at"]},
    )
    overrides = Overrides(tmp_path / "o.json")
    assert [(o.id, o.kind, o.items) for o in overrides.current(NOW)] == [("c", "block_items", ("tt1",))]
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
        ('{"version": 1, "overrides": [{"kind": "delete"}]}', "fill_feature, boost_items, block_items"),
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


MEMBERS = st.lists(st.text(min_size=1, max_size=12), unique=True, min_size=1, max_size=40)


@given(MEMBERS, st.floats(0, 1), st.floats(0, 1), st.text(min_size=1))
def test_whoever_is_of_a_smaller_share_is_of_a_larger_one_and_at_the_whole_everybody_is(
    members: list[str], one: float, other: float, salt: str
) -> None:
    def drawn(share: float) -> set[str]:
        override = Override("a1", "boost_items", ("7",), NOW, share=share, salt=salt)
        return {member for member in members if override.serves(member)}

    less, more = sorted((one, other))
    assert drawn(less) <= drawn(more) <= set(members)
    assert drawn(0.0) == set()
    assert drawn(1.0) == set(members)


def test_each_salt_draws_other_members_and_as_many_as_the_share() -> None:
    def drawn(salt: str) -> set[str]:
        override = Override("a1", "boost_items", ("7",), NOW, share=0.3, salt=salt)
        return {str(n) for n in range(10_000) if override.serves(str(n))}

    one, other = drawn("a1"), drawn("a2")
    assert 2_800 < len(one) < 3_200  # ± 4 standard deviations
    assert 750 < len(one & other) < 1_050  # of two draws, 9 % in both


def test_without_a_member_only_what_is_for_all_is_served(tmp_path: Path) -> None:
    path = tmp_path / "overrides.json"
    put(path, {**FILL, "share": 0.999, "salt": "a1"})
    overrides = Overrides(path)
    assert overrides.current(NOW) == ()
    assert overrides.current(NOW, member="m1") != ()


@pytest.mark.parametrize(
    "wrong", [{"share": 1.5, "salt": "a"}, {"share": "5 %", "salt": "a"}, {"share": 0.5}, {"share": True}]
)
def test_a_share_that_cannot_be_understood_leaves_the_last_good_one(
    tmp_path: Path, wrong: dict[str, Any]
) -> None:
    path = tmp_path / "overrides.json"
    put(path, FILL)
    overrides = Overrides(path)
    before = overrides.current(NOW)
    put(path, {**FILL, **wrong})
    assert overrides.current(NOW) == before
    assert overrides.problem is not None
    assert "share" in overrides.problem
