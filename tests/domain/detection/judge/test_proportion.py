"""Proportions of rows that are too small or too large: found where they are, and nowhere else."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from domain.detection.data.tally import Tally
from domain.detection.judge.again.measure import Measurement
from domain.detection.judge.again.proportion import measure_proportion
from domain.detection.judge.proportion import Promise, Proportions, judge
from domain.detection.judge.state import CheckState, ExcludedWindow, Verdict
from domain.detection.kinds.models.stages import flow_of, judge_stages
from domain.detection.kinds.models.versions import judge_versions, promise_of, served_of
from domain.detection.kinds.rows.sampling import judge_sampling
from domain.errors import TooFewRows
from domain.recommender.check import Check
from domain.values import Finding, Severity, Slice

from ..funnel import CELLS, DEVICES, funnel, served, whole
from ..traffic import HOUR, MINUTE, grid

STAGES = Check(name="stages", kind="stages", table="candidates", options={"stages": ("ranked", "shown")})
KEPT = "kept in ads"
SAMPLING = Check(
    name="sampling", kind="sampling", table="served", options={"beside": "ads", "on": {"id": "request"}}
)
AGREED = SAMPLING.with_options(rate=0.1)
CANARY = {"v7": 0.9, "v8": 0.1}
VERSIONS = Check(name="versions", kind="versions", table="candidates", options={"versions": CANARY})
TV: Slice = (("device", "tv"),)


def only(verdict: Verdict) -> Finding:
    (finding,) = verdict.findings
    return finding


def kept(seed: int, now: dict[str, float] | None = None, windows: int = 60) -> Tally:
    """One row in ten or so is kept, on each device as often as it happens to be."""
    return funnel(seed, {(d, KEPT): share for d, share in (now or {}).items()}, windows, stages={KEPT: 0.1})


def everywhere(**devices: dict[str, float]) -> dict[str, dict[str, float]]:
    return {device: devices.get(device, CANARY) for device in DEVICES}


def test_a_slice_that_a_stage_loses_is_reported_at_that_stage() -> None:
    finding = only(judge_stages(STAGES, funnel(1, {("tv", "shown"): 0.05}), CheckState()))
    assert (finding.slice, finding.subject) == (TV, "shown")
    assert finding.low is not None and finding.observed < finding.low < finding.expected
    assert finding.change < -0.5
    assert finding.severity is Severity.SEV2
    assert "device = tv" in finding.title
    assert "get from ranked to shown, usually" in finding.title


def test_what_an_early_stage_loses_is_not_reported_at_the_later_ones_again() -> None:
    finding = only(judge_stages(STAGES, funnel(1, {("tv", "ranked"): 0.05}), CheckState()))
    assert (finding.slice, finding.subject) == (TV, "ranked")
    assert "get from candidates to ranked" in finding.title


def test_a_slice_of_which_nothing_gets_through_is_reported_at_the_stage_where_it_ends() -> None:
    finding = only(judge_stages(STAGES, funnel(1, {("tv", "ranked"): 0.0}), CheckState()))
    assert (finding.subject, finding.observed) == ("ranked", 0.0)
    assert "none get from" in finding.title


def test_a_slice_that_more_rows_came_into_and_as_many_as_ever_leave_lost_nothing() -> None:
    """As when a film is launched: it is a candidate everywhere, and seldom among the ten."""
    usual = funnel(1)
    rows, bad = usual.rows.copy(), usual.bad.copy()
    rows[:, [1, 3]] *= 10
    bad[:, [1, 3]] *= 10
    rows[-1, 2] *= 2
    rows[:, 0], bad[:, 0] = rows[:, 1:].sum(axis=1), bad[:, 1:].sum(axis=1)
    assert judge_stages(STAGES, replace(usual, rows=rows, bad=bad), CheckState()).findings == ()
    bad[-1, 2] *= 0.3
    bad[-1, 0] = bad[-1, 1:].sum(axis=0)
    assert only(judge_stages(STAGES, replace(usual, rows=rows, bad=bad), CheckState())).slice == TV


def test_more_than_usual_getting_through_is_no_loss() -> None:
    assert judge_stages(STAGES, funnel(1, {("tv", "shown"): 0.6}), CheckState()).findings == ()


@pytest.mark.parametrize(("share", "change"), [(0.03, "drop"), (0.3, "surge")])
def test_a_rate_of_its_own_in_one_slice_is_found_in_both_directions(share: float, change: str) -> None:
    finding = only(judge_sampling(SAMPLING, kept(2, {"tv": share}), CheckState()))
    assert finding.slice == TV
    assert (finding.change < 0) == (change == "drop")
    one_way = SAMPLING.model_copy(update={"direction": "surge" if change == "drop" else "drop"})
    assert judge_sampling(one_way, kept(2, {"tv": share}), CheckState()).findings == ()


def test_a_rate_that_was_agreed_needs_no_past() -> None:
    tally = kept(2, dict.fromkeys(DEVICES, 0.05), windows=1)
    finding = only(judge_sampling(AGREED, tally, CheckState()))
    assert finding.slice == ()
    assert finding.title.startswith("served: 5.")
    assert "kept in ads, agreed 10 %" in finding.title
    assert judge_sampling(SAMPLING, tally, CheckState()).note == "not enough history yet"


def test_a_version_that_should_not_serve_is_named_where_it_does() -> None:
    tally = served(3, everywhere(tv={"v7": 0.85, "v8": 0.1, "v6": 0.05}))
    finding = only(judge_versions(VERSIONS, tally, CheckState()))
    assert (finding.slice, finding.subject) == (TV, "v6")
    assert finding.title.startswith("candidates where device = tv: v6 serves ")
    assert finding.title.endswith(" instead of nothing")


def test_a_canary_that_is_too_wide_is_reported_once_and_one_too_narrow_by_what_took_its_place() -> None:
    wide = only(judge_versions(VERSIONS, served(3, everywhere(tv={"v7": 0.7, "v8": 0.3})), CheckState()))
    assert (wide.slice, wide.subject) == (TV, "v8")
    assert wide.expected == pytest.approx(wide.observed / 3, rel=0.1)
    narrow = only(judge_versions(VERSIONS, served(3, everywhere(tv={"v7": 1.0, "v8": 0.0})), CheckState()))
    assert (narrow.slice, narrow.subject) == (TV, "v7")


def test_a_version_left_behind_for_weeks_is_as_wrong_as_on_its_first_day() -> None:
    tally = served(3, everywhere(tv={"v6": 1.0}), windows=60)
    assert only(judge_versions(VERSIONS, tally, CheckState())).subject == "v6"


ONE = VERSIONS.with_options(versions={"v7": 1.0}).model_copy(update={"least_rows": 5.0})


def one_on_tv(then: str, now: str, windows: int) -> Tally:
    """Some three requests a device and hour; the last `windows` on tv are served by `now`, `then` before."""
    every = {device: {"v7": 1.0} for device in ("mobile", "web")}
    before, since = (
        served(7, {"tv": {one: 1.0, "v6": float(one == "v6")}, **every}, rows=3.0, windows=8)
        for one in (then, now)
    )
    at = before.columns.index("v6")
    bad = before.bad.copy()
    for name in ("v6", "v7"):
        mine, new = before.columns.index(name), since.columns.index(name)
        bad[-windows:, :, mine] = since.bad[-windows:, :, new]
    assert bad[-1, :, at].max() < 5
    return replace(before, bad=bad)


def test_few_requests_an_hour_are_judged_over_several_where_a_wrong_version_serves() -> None:
    finding = only(judge_versions(ONE, one_on_tv("v7", "v6", 4), CheckState()))
    assert (finding.slice, finding.subject) == (TV, "v6")
    assert "over 4h" in finding.title


def test_a_version_that_served_until_the_last_hour_is_not_wrong_since() -> None:
    assert judge_versions(ONE, one_on_tv("v6", "v7", 1), CheckState()).findings == ()


def test_hours_before_the_release_are_not_judged_by_what_has_been_due_since() -> None:
    """Until then it was the right one: a request or two that it still serves are too few to report."""
    tally = one_on_tv("v6", "v6", 1)
    assert judge_versions(ONE, tally, CheckState()).findings
    assert judge_versions(ONE, tally, CheckState(), steady=False).findings == ()


def test_a_share_within_what_is_allowed_is_kept() -> None:
    near = everywhere(**{device: {"v7": 0.885, "v8": 0.115} for device in DEVICES})
    assert judge_versions(VERSIONS, served(3, near, rows=200_000), CheckState()).findings == ()
    strict = VERSIONS.with_options(least_share=0.005)
    assert only(judge_versions(strict, served(3, near, rows=200_000), CheckState())).slice == ()


@pytest.mark.parametrize("scatter", [0.0, 0.05, 0.2])
def test_where_nothing_is_wrong_stages_are_silent(scatter: float) -> None:
    alarms = sum(
        bool(judge_stages(STAGES, funnel(seed, scatter=scatter), CheckState()).findings)
        for seed in range(100)
    )
    assert alarms == 0


def test_where_nothing_is_wrong_rates_and_versions_are_silent() -> None:
    same = everywhere()
    agreed = dict.fromkeys(DEVICES, 0.1)
    for seed in range(100):
        assert judge_sampling(SAMPLING, kept(seed), CheckState()).findings == ()
        assert judge_sampling(AGREED, kept(seed, agreed, windows=1), CheckState()).findings == ()
        assert judge_versions(VERSIONS, served(seed, same), CheckState()).findings == ()


def test_p_values_are_as_small_as_often_as_they_say() -> None:
    """Of one slice and stage, as many looks in a hundred lie below 5 % as a level of 5 % allows, or fewer."""
    small = []
    for seed in range(600):
        flow = flow_of(STAGES, funnel(seed, windows=30, rows=400, scatter=0.1))
        usable = np.arange(30) < 29
        small.append(judge(flow, usable).sides["drop"].p_values[1, 1] <= 0.05)
    assert 0.01 <= float(np.mean(small)) <= 0.065


@pytest.mark.parametrize("stage", ["ranked", "shown"])
def test_a_loss_of_half_is_found_nearly_always(stage: str) -> None:
    found = 0
    for seed in range(60):
        before = funnel(seed)
        base = before.bad[:-1, 2, list(before.columns).index(stage)].sum()
        reached = before.rows[:-1, 2].sum() if stage == "ranked" else before.bad[:-1, 2, 0].sum()
        tally = funnel(seed, {("tv", stage): 0.5 * base / reached})
        found += any(
            f.slice == TV and f.subject == stage for f in judge_stages(STAGES, tally, CheckState()).findings
        )
    assert found >= 57


def test_a_stale_version_of_one_request_in_twenty_is_found_nearly_always() -> None:
    shares = everywhere(tv={"v7": 0.85, "v8": 0.1, "v6": 0.05})
    found = [judge_versions(VERSIONS, served(seed, shares), CheckState()).findings for seed in range(100)]
    assert sum(bool(one) for one in found) >= 95


def test_a_slice_is_reported_although_all_of_them_were_a_little_unlucky_together() -> None:
    for seed in range(30):
        finding = only(judge_stages(STAGES, funnel(seed, {("tv", "shown"): 0.03}), CheckState()))
        assert finding.slice == TV


def test_a_country_that_is_lost_in_each_of_its_regions_is_reported_as_the_country() -> None:
    chance = np.random.default_rng(5)
    regions, countries = {"north": 0.9, "south": 0.1}, ("France", "Spain")
    cells: list[Slice] = [()]
    cells += [(("country", one),) for one in countries] + [(("region", one),) for one in regions]
    pairs: list[Slice] = [(("country", c), ("region", r)) for c in countries for r in regions]
    share = np.full((40, len(pairs)), 0.2)
    share[-1, :2] = 0.04
    rows = chance.poisson(np.tile([*regions.values()], 2) * 4_000, (40, len(pairs)))
    through = chance.binomial(rows, share)
    holds = np.array([[set(cell) <= set(pair) for pair in pairs] for cell in (*cells, *pairs)], dtype=float)
    tally = Tally(
        funnel(1, windows=40).grid,
        (*cells, *pairs),
        ("shown",),
        rows @ holds.T,
        (through @ holds.T)[:, :, None],
    )
    one = STAGES.with_options(stages=("shown",))
    assert only(judge_stages(one, tally, CheckState())).slice == (("country", "France"),)
    share[-1, 1] = 0.2
    through = chance.binomial(rows, share)
    alone = replace(tally, bad=(through @ holds.T)[:, :, None])
    assert only(judge_stages(one, alone, CheckState())).slice == (("country", "France"), ("region", "north"))


def test_short_windows_have_to_show_it_twice() -> None:
    state = CheckState()
    tally = funnel(1, {("tv", "shown"): 0.05}, width=MINUTE)
    first = judge_stages(STAGES, tally, state)
    assert first.findings == ()
    assert only(judge_stages(STAGES, tally, first.state)).slice == TV


def test_times_that_were_wrong_teach_nothing() -> None:
    tally = funnel(1, {("tv", "shown"): 0.05})
    low = tally.bad.copy()
    low[-20:-1, 2, 1] *= 0.25
    low[-20:-1, 0, 1] = low[-20:-1, 1:, 1].sum(axis=1)
    past = replace(tally, bad=low)
    wrong = ExcludedWindow(slice=TV, since=past.start(40), until=past.start(59))
    assert only(judge_stages(STAGES, past, CheckState(known=(wrong,)))).slice == TV
    assert judge_stages(STAGES, past, CheckState()).findings == ()


@pytest.mark.parametrize("kind", ["sampling", "stages", "versions"])
def test_without_rows_nothing_is_judged(kind: str) -> None:
    check = {"stages": STAGES, "sampling": SAMPLING, "versions": VERSIONS}[kind]
    tally = kept(1) if kind == "sampling" else funnel(1) if kind == "stages" else served(1, everywhere())
    rows, bad = tally.rows.copy(), tally.bad.copy()
    rows[-1], bad[-1] = 0, 0
    judge_it = {"stages": judge_stages, "sampling": judge_sampling, "versions": judge_versions}[kind]
    verdict = judge_it(check, replace(tally, rows=rows, bad=bad), CheckState())
    assert (verdict.judged, verdict.note, verdict.findings) == (False, "no rows in this window", ())


def test_a_promise_of_nothing_or_of_all_is_held_without_a_division_by_it() -> None:
    rows = np.full((1, 1, 2), 100.0)
    proportions = Proportions(
        funnel(1, windows=1).grid, ((),), ("none", "all"), rows, np.array([[[1.0, 99.0]]])
    )
    strict = Promise(np.array([0.0, 1.0]), np.zeros(2))
    sides = judge(proportions, np.zeros(1, dtype=bool), strict).sides
    assert sides["surge"].p_values[0, 0] < 0.001
    assert sides["drop"].p_values[0, 1] < 0.001
    kept_as_promised = replace(proportions, held=np.array([[[0.0, 100.0]]]))
    sides = judge(kept_as_promised, np.zeros(1, dtype=bool), strict).sides
    assert sides["surge"].p_values.min() == sides["drop"].p_values.min() == 1.0


def test_what_was_found_is_measured_again_and_is_back_once_it_is() -> None:
    bad, good = funnel(1, {("tv", "shown"): 0.05}), funnel(1)
    finding = only(judge_stages(STAGES, bad, CheckState()))
    still = measure_proportion(STAGES, finding, flow_of(STAGES, bad), None, CheckState())
    assert (still.observed, still.within) == (finding.observed, False)
    again = measure_proportion(STAGES, finding, flow_of(STAGES, good), None, CheckState())
    assert again.within
    assert 0.7 < again.repaired(finding) < 1.3


def again(finding: Finding, tally: Tally) -> Measurement:
    parts = served_of(tally, steady=False)
    return measure_proportion(VERSIONS, finding, parts, promise_of(VERSIONS, parts.columns), CheckState())


def test_a_version_that_is_gone_is_measured_to_be_gone() -> None:
    bad = served(3, everywhere(tv={"v7": 0.85, "v8": 0.1, "v6": 0.05}))
    finding = only(judge_versions(VERSIONS, bad, CheckState()))
    assert not again(finding, bad).within
    assert again(finding, served(4, everywhere())).within


def test_what_is_not_there_cannot_be_measured() -> None:
    finding = only(judge_stages(STAGES, funnel(1, {("tv", "shown"): 0.05}), CheckState()))
    elsewhere = finding.model_copy(update={"slice": (("device", "fridge"),)})
    with pytest.raises(TooFewRows, match="no rows of this slice"):
        measure_proportion(STAGES, elsewhere, flow_of(STAGES, funnel(1)), None, CheckState())
    with pytest.raises(TooFewRows, match="fewer than three windows"):
        measure_proportion(STAGES, finding, flow_of(STAGES, funnel(1, windows=2)), None, CheckState())


def test_every_slice_of_a_made_up_funnel_is_there() -> None:
    assert funnel(1).cells == CELLS


def few(seed: int, share: float, over: int, *, ended: bool = False) -> Tally:
    """A hundred rows a window and device, 15 of which are kept; of the last `over` another share on tv."""
    chance = np.random.default_rng(seed)
    shares = np.full((40, len(DEVICES)), 0.15)
    shares[-over : -1 if ended else None, DEVICES.index("tv")] = share
    rows = chance.poisson(100, shares.shape)
    held = chance.binomial(rows, shares).astype(float)
    return Tally(grid(HOUR, 40), CELLS, (KEPT,), whole(rows.astype(float)), whole(held)[:, :, None])


def test_what_one_window_is_too_small_to_show_several_together_do() -> None:
    agreed = SAMPLING.with_options(rate=0.15).model_copy(update={"least_rows": 10.0})
    counts = [
        [len(judge_sampling(agreed, few(seed, 0.02, over), CheckState()).findings) for seed in range(20)]
        for over in (1, 4)
    ]
    assert sum(counts[0]) < 10
    assert sum(counts[1]) > 15
    (finding,) = judge_sampling(agreed, few(3, 0.02, 4), CheckState()).findings
    assert finding.title.endswith(" over 4h")
    assert finding.window_end - finding.window_start == timedelta(hours=4)


def test_what_is_over_is_not_reported_of_several_windows() -> None:
    agreed = SAMPLING.with_options(rate=0.15).model_copy(update={"least_rows": 10.0})
    for seed in range(20):
        assert judge_sampling(agreed, few(seed, 0.0, 4, ended=True), CheckState()).findings == ()
