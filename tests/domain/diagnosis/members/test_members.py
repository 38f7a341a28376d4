"""Listeners of a radio: those of a slice against comparable ones, new ones against former cohorts."""

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from domain.diagnosis.bundle.freeze import freeze, thaw
from domain.diagnosis.bundle.leave_out import Hidden, leave_out
from domain.diagnosis.diagnose import diagnose
from domain.diagnosis.material import Material
from domain.diagnosis.members.against import against_comparable, new_members
from domain.diagnosis.members.rows import Cohorts, MemberRows
from domain.errors import TooFewRows
from domain.values import Finding, Severity

NOON = datetime(2026, 10, 6, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
FEATURES = ("plan", "year_of_birth", "app")


def listeners(
    seed: int = 1, *, lost: float = 0.0, all_lost: float = 0.0, inside: int = 150, outside: int = 600
) -> MemberRows:
    """Listeners of a county and of others, an hour before and one since; what is lost as said."""
    chance = np.random.default_rng(seed)
    count = inside + outside
    mine = np.arange(count) < inside
    plan = chance.choice(["free", "paid"], count)
    each = np.where(plan == "paid", 9.0, 4.0) * chance.gamma(4, 0.25, count)
    before = 1.0 + chance.poisson(each)
    now = chance.poisson(each * (1 - all_lost) * np.where(mine, 1 - lost, 1.0)).astype(float)
    frame = pd.DataFrame(
        {
            "__inside": mine, "__before": before, "__now": now, "__rows_before": before, "__rows_now": now,
            "plan": plan, "year_of_birth": chance.integers(1940, 2010, count),
            "app": chance.choice(["4.1", "4.2"], count), "county": np.where(mine, "Kerry", "elsewhere"),
        }
    )  # fmt: skip
    return MemberRows(frame, (*FEATURES, "county"), HOUR, HOUR, own=1.0)


def found_in(rows: MemberRows, seed: int = 0) -> Any:
    return against_comparable(rows, ("county",), seed=seed)


def test_what_all_lose_is_no_loss_of_those_concerned() -> None:
    found = [found_in(listeners(seed, lost=0.6, all_lost=0.2), seed) for seed in range(60)]
    assert all(one.differ for one in found)
    held = sum(one.low < -0.6 < one.high for one in found)
    assert held >= 47  # 54 are expected; fewer than 47 has a chance of 1 in 200
    # who is counted had a row before: a little less since, in both groups alike
    assert np.mean([one.own for one in found]) == pytest.approx(-0.72, abs=0.02)
    assert np.mean([one.others for one in found]) == pytest.approx(-0.31, abs=0.02)
    assert found[0].nearest_in == FEATURES
    assert (found[0].concerned, found[0].comparables) == (150, pytest.approx(400, abs=100))


def test_where_nothing_sets_them_apart_nine_intervals_in_ten_say_so() -> None:
    differ = [found_in(listeners(seed, all_lost=0.3), seed).differ for seed in range(60)]
    assert sum(differ) <= 13  # 6 are expected; more than 13 has a chance of 1 in 500


def test_of_a_loss_of_everything_the_interval_still_has_a_width() -> None:
    found = found_in(listeners(lost=1.0))
    assert -1 < found.low < found.high < -0.9


def test_times_of_different_length_are_compared_by_the_hour() -> None:
    rows = replace(listeners(), since=2 * HOUR)
    assert found_in(rows).own == pytest.approx((1 + found_in(listeners()).own) / 2 - 1, abs=1e-9)


def test_minutes_are_as_uncertain_as_the_rows_that_they_come_of() -> None:
    rows = listeners(lost=0.6)
    minutes = rows.frame.assign(__before=rows.frame["__before"] * 30, __now=rows.frame["__now"] * 30)
    by_rows, by_minutes = found_in(rows), found_in(replace(rows, frame=minutes))
    assert (by_minutes.low, by_minutes.high) == pytest.approx((by_rows.low, by_rows.high), abs=1e-9)


@pytest.mark.parametrize(("inside", "outside"), [(9, 600), (150, 9), (150, 0)])
def test_too_few_members_are_said(inside: int, outside: int) -> None:
    with pytest.raises(TooFewRows, match=f"{inside} members concerned and {outside} others: 10 needed"):
        found_in(listeners(inside=inside, outside=outside))


def test_members_with_hardly_a_row_before_say_nothing() -> None:
    rows = listeners(inside=12)
    none = rows.frame.assign(__rows_before=1.0, __before=1.0)
    with pytest.raises(TooFewRows, match="12 rows of them before it began: 20 needed"):
        found_in(replace(rows, frame=none))


def test_a_value_never_seen_before_and_one_that_nobody_has_take_nothing_away() -> None:
    rows = listeners(lost=0.6)
    odd = rows.frame.assign(plan=np.where(rows.frame["__inside"], "trial", "paid"), app=None)
    found = found_in(replace(rows, frame=odd))
    assert found.nearest_in == ("plan", "year_of_birth")
    assert found.differ


def test_ten_thousand_features_of_members_are_compared_in_seconds() -> None:
    rows, chance = listeners(lost=0.6), np.random.default_rng(0)
    names = [f"f{n}" for n in range(10_000)]
    wide = pd.concat(
        [rows.frame, pd.DataFrame(chance.normal(size=(len(rows.frame), 10_000)), columns=names)], axis=1
    )
    began = time.monotonic()
    assert found_in(replace(rows, frame=wide, features=tuple(names))).differ
    assert time.monotonic() - began < 600  # seconds where nothing else runs


def cohorts(**today: float) -> Cohorts:
    chance = np.random.default_rng(3)
    members = 200 + chance.poisson(20, 7)
    counts = pd.DataFrame({"cohort": range(7), "members": members, "shown": members * 30.0})
    counts["shown"] *= np.exp(chance.normal(0, 0.05, 7))
    counts["chosen"] = counts["shown"] * 0.1 * np.exp(chance.normal(0, 0.05, 7))
    counts["popular"] = counts["shown"] * 0.2 * np.exp(chance.normal(0, 0.05, 7))
    for name, factor in today.items():
        counts[name] *= np.where(counts["cohort"] == 0, factor, 1.0)
    return Cohorts(NOON - 24 * HOUR, 24 * HOUR, counts)


def test_new_listeners_who_choose_less_of_as_much_are_detected() -> None:
    found = new_members(cohorts(chosen=0.4))
    assert found.count == cohorts().counts["members"].iloc[0]
    assert found.shown.low < 0 < found.shown.high
    assert found.chosen is not None
    assert found.chosen.low < -0.6 < found.chosen.high < -0.4
    assert found.chosen.p_value < 0.01
    assert found.chosen.compared == ("1", "2", "3", "4", "5", "6")
    assert found.popular is not None
    assert found.popular.low < 0 < found.popular.high


def test_new_listeners_who_are_shown_what_is_popular_are_detected() -> None:
    found = new_members(cohorts(popular=2.5))
    assert found.popular is not None
    assert 1.0 < found.popular.low < 1.5 < found.popular.high


def test_more_new_members_are_no_more_for_each() -> None:
    found = new_members(cohorts(members=3.0, shown=3.0, chosen=3.0, popular=3.0))
    assert found.chosen is not None
    assert [found.shown.ratio, found.chosen.ratio] == pytest.approx([0.0, 0.0], abs=0.15)


def test_where_a_cohort_was_shown_nothing_no_share_of_it_is_given() -> None:
    found = new_members(cohorts(shown=0.0))
    assert (found.chosen, found.popular) == (None, None)
    assert found.shown.high < -0.9


def test_too_few_new_members_or_cohorts_are_said() -> None:
    part = cohorts()
    few = part.counts.assign(members=[9, *part.counts["members"][1:]])
    with pytest.raises(TooFewRows, match="fewer than 10 members joined since 2026-10-05 12:00 UTC"):
        new_members(replace(part, counts=few))
    with pytest.raises(TooFewRows, match="2 former cohorts have 10 new members or more, 3 are needed"):
        new_members(replace(part, counts=part.counts.head(3)))


def material(rows: MemberRows | None) -> Material:
    finding = Finding(
        check="listens", table="listens", slice=(("county", "Kerry"),), window_start=NOON - HOUR,
        window_end=NOON, observed=10, expected=40, p_value=1e-9, severity=Severity.SEV2, title="…",
    )  # fmt: skip
    return Material(finding=finding, members=rows)


def said(rows: MemberRows | None, word: str = "members") -> list[str]:
    return [line.statement for line in diagnose(material(rows)).evidence if word in line.statement]


def test_the_diagnosis_says_it_with_its_numbers() -> None:
    (line,) = said(listeners(lost=0.6), "members concerned")
    assert line.startswith("150 members concerned have ")
    assert " % less than in the 1h before, " in line
    assert " comparable members (nearest in `plan`, `year_of_birth`, `app`) " in line
    assert line.endswith(" %]")


def test_that_they_fare_like_others_is_said_too() -> None:
    (line,) = said(listeners(), "members concerned")
    assert "no other than those, as far as chance lets it be seen [" in line


def test_what_sets_them_apart_beside_the_slice_is_named() -> None:
    rows = listeners(lost=0.6)
    newest = rows.frame.assign(app=np.where(rows.frame["__inside"], "5.0", rows.frame["app"]))
    (line,) = said(replace(rows, frame=newest), "`app` is")
    assert "comparable members: `app` is 5.0 for 100 %, unlike comparable ones" in line
    assert said(rows, "comparable members: ") == []


def test_without_features_all_others_are_compared_with() -> None:
    (line,) = said(replace(listeners(lost=0.6), features=("county",)), "members concerned")
    assert " 600 other members " in line


def test_new_members_are_a_line() -> None:
    (line,) = said(replace(listeners(), cohorts=cohorts(chosen=0.4)), "joined")
    assert "members who joined since 2026-10-05 12:00 UTC are shown " in line
    assert " of it popular items, and choose " in line
    assert "% less [" in line
    assert line.endswith(" of it, against 6 former cohorts at the same age")


def test_of_a_slice_that_is_none_of_members_nothing_is_said() -> None:
    assert said(replace(listeners(lost=0.6), own=0.5)) == []
    assert said(None) == []


def test_each_step_that_fails_says_why_and_takes_no_other_with_it() -> None:
    few = replace(listeners(inside=9), cohorts=cohorts(chosen=0.4))
    lines = said(few)
    assert (
        "The members concerned could not be examined: 9 members concerned and 600 others: 10 needed" in lines
    )
    assert any("joined since" in line for line in lines)


def test_what_a_bundle_hides_of_them_still_distinguishes_like_from_unlike() -> None:
    rows = listeners(lost=0.6)
    newest = rows.frame.assign(app=np.where(rows.frame["__inside"], "5.0", rows.frame["app"]))
    whole = material(replace(rows, frame=newest))
    hidden = Hidden({"app", "year_of_birth"}, b"salt")
    kept, left_out = leave_out(freeze(whole), whole, hidden)
    assert (left_out.hashed, left_out.dropped) == (("app",), ("year_of_birth",))
    assert not kept.frames["members.frame"]["app"].isin(["4.1", "4.2", "5.0"]).any()
    again = [line.statement for line in diagnose(thaw(kept.document, kept.frames, None)).evidence]
    assert any(f"`app` is {hidden.value('5.0')} for 100 %" in line for line in again)


def test_a_bundle_keeps_what_was_read_of_them() -> None:
    whole = material(replace(listeners(lost=0.6), cohorts=cohorts(chosen=0.4)))
    frozen = freeze(whole)
    assert diagnose(thaw(frozen.document, frozen.frames, None)) == diagnose(whole)
    bare = {name: frame.drop(columns="plan", errors="ignore") for name, frame in frozen.frames.items()}
    again = [line.statement for line in diagnose(thaw(frozen.document, bare, None)).evidence]
    assert any("nearest in `year_of_birth`, `app`" in line for line in again)
