"""The templates of `recsysops check new` on many made-up looks: quiet if nothing changed."""

from __future__ import annotations

from typing import Any

from domain.detection.judge.judgement import judge_own, seen_of
from domain.detection.judge.state import CheckState
from domain.detection.own import OwnCheck
from domain.recommender.check import Check
from tests.domain.detection.rows import histograms, tally
from workers.scaffold.template import histograms as histograms_template
from workers.scaffold.template import wrong_rows as wrong_rows_template

CHECK = Check(name="c", kind="own_kind", table="views", options={})
LOOKS = 100


def alarms(own: OwnCheck[Any, Any], options: Any, data: Any) -> int:
    seen = seen_of(own, CHECK, data.grid, data, CheckState())
    return len(judge_own(own, options, seen, CheckState()).findings)


def test_days_that_differ_anyway_alarm_in_at_most_one_look_of_fifty() -> None:
    one, other = wrong_rows_template, histograms_template
    keys, column = one.Keys(column="language"), other.Keys(column="rating")
    found = [alarms(one.CHECK, keys, tally(15, scatter=0.3, seed=seed)) for seed in range(LOOKS)]
    assert sum(map(bool, found)) <= LOOKS / 50
    for rows in (150, 600):
        looks = (histograms(15, rows, scatter=0.3, seed=seed) for seed in range(LOOKS))
        assert sum(bool(alarms(other.CHECK, column, look)) for look in looks) <= LOOKS / 50


def test_their_faults_are_reported_as_the_slice_that_has_them() -> None:
    one, other = wrong_rows_template, histograms_template
    hit = tally(15, now={"tv": 0.4})
    judged = judge_own(
        one.CHECK, one.Keys(column="x"), seen_of(one.CHECK, CHECK, hit.grid, hit, CheckState()), CheckState()
    )
    assert [finding.slice for finding in judged.findings] == [(("device", "tv"),)]
    moved = histograms(15, shift={"tv": 0.5})
    seen = seen_of(other.CHECK, CHECK, moved.grid, moved, CheckState())
    judged = judge_own(other.CHECK, other.Keys(column="rating"), seen, CheckState())
    assert [finding.slice for finding in judged.findings] == [(("device", "tv"),)]
