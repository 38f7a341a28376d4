"""What a hotfix is worth today, in worlds with a known truth: a trial by members, drawn anew."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import numpy as np
import pytest
from recsysops_client.overrides import Override

from domain.detection.judge.again.measure import Measurement
from domain.resolution.held_out import LEAST_MEMBERS, ByMember, gained, gap_closed, held_out
from domain.values import Estimate, Finding, Severity

NOON = datetime(2026, 3, 3, 12, tzinfo=UTC)
MEMBERS = tuple(f"m{n}" for n in range(6000))
SERVED = 0.98
DRAWS = 200
LEAST_HELD = 170
"""Of 200 intervals of 90 %: fewer than 85 % of them would hold by chance less than one time in a hundred."""

LEVEL_AT_THE_ALARM, LEVEL_WITHOUT = 0.3, 0.4
"""Of what the slice usually is shown; the fault has become a little milder since."""
USUAL = 0.06
"""The slice's usual share of what is shown."""


class World(NamedTuple):
    """One day: rows of the slice and plays by member, and who was held out."""

    rows: ByMember
    plays: ByMember
    without: np.ndarray
    level: float


def drawn(seed: int, level: float, lift: float) -> World:
    """
    Members as unlike as members are: a few come all day, each has a taste of their own for the slice.

    Args:
        level: of what is usual, where the hotfix is served; `lift`: by what share they play more then.
    """
    rng = np.random.default_rng(seed)
    without = held_out(MEMBERS, f"approval-{seed}", SERVED)
    requests = rng.poisson(rng.lognormal(0.7, 0.9, len(MEMBERS)))
    taste = rng.gamma(2.0, 0.5, len(MEMBERS))
    share = USUAL * np.where(without, LEVEL_WITHOUT, level)
    rows = rng.poisson(10 * requests * share * taste)
    appetite = rng.gamma(1.5, 0.2 / 1.5, len(MEMBERS))
    plays = rng.poisson(requests * appetite * np.where(without, 1.0, 1.0 + lift))
    shown = 10 * requests.astype(np.float64)
    overall = USUAL * (level * SERVED + LEVEL_WITHOUT * (1 - SERVED))
    return World(
        ByMember(MEMBERS, rows.astype(float), shown),
        ByMember(MEMBERS, plays.astype(float), requests.astype(float)),
        without,
        overall / USUAL,
    )


def finding(change: float = LEVEL_AT_THE_ALARM - 1) -> Finding:
    return Finding(
        check="shown_by_genre",
        table="shown",
        slice=(("genre", "drama"),),
        window_start=NOON - timedelta(hours=1),
        window_end=NOON,
        observed=1000 * (1 + change),
        expected=1000,
        p_value=1e-9,
        severity=Severity.SEV2,
        title="less drama",
    )


def now(world: World, rng: np.random.Generator) -> Measurement:
    """The check's own look at the day: what it expects is off by some 3 %, and it says so."""
    observed = float(world.rows.amounts.sum())
    expected = observed / world.level * (1 + 0.03 * rng.standard_normal())
    band = 1.96 * 0.03 * expected
    return Measurement(
        observed=observed, expected=expected, low=expected - band, high=expected + band, p_value=0.5
    )


def holds(found: Estimate, truth: float) -> bool:
    assert found.low is not None
    assert found.high is not None
    assert found.low < found.high
    return found.low <= truth <= found.high


@pytest.mark.parametrize("level", [LEVEL_WITHOUT, 0.95], ids=["repairs nothing", "repairs most of it"])
def test_nine_of_ten_intervals_of_the_repair_hold_it(level: float) -> None:
    rng = np.random.default_rng(5)
    truth = (level - LEVEL_WITHOUT) / (1 - LEVEL_AT_THE_ALARM)
    worlds = [drawn(seed, level, 0.0) for seed in range(DRAWS)]
    found = [gap_closed(one.rows, one.without, now(one, rng), finding()) for one in worlds]
    assert sum(holds(one, truth) for one in found) >= LEAST_HELD
    widths = [one.high - one.low for one in found if one.high is not None and one.low is not None]
    assert np.median(widths) < 0.5  # of the gap, by 120 members: no interval that holds everything
    assert "members held out" in found[0].basis


@pytest.mark.parametrize("lift", [0.0, 0.4], ids=["gains nothing", "gains"])
def test_nine_of_ten_intervals_of_what_is_chosen_hold_it(lift: float) -> None:
    worlds = [drawn(seed, LEVEL_WITHOUT, lift) for seed in range(DRAWS)]
    found = [gained(one.plays, one.without, "% plays") for one in worlds]
    assert sum(holds(one, 100 * lift) for one in found) >= LEAST_HELD
    a_day = [gained(one.plays, one.without, "plays a day", 5000.0) for one in worlds]
    assert sum(holds(one, 5000 * (1 - 1 / (1 + lift))) for one in a_day) >= LEAST_HELD
    assert {one.unit for one in a_day} == {"plays a day"}


def test_where_those_held_out_saw_nothing_of_it_the_interval_is_as_of_a_count_of_nothing() -> None:
    world = drawn(3, 0.95, 0.0)
    rows = np.where(world.without, 0.0, world.rows.amounts)
    read = ByMember(MEMBERS, rows, world.rows.sizes)
    found = gap_closed(read, world.without, now(world, np.random.default_rng(1)), finding(-1.0))
    assert found.value is not None
    assert found.low is not None
    assert found.high is not None
    assert 0.02 < found.high - found.low < 0.5


def test_of_a_surge_fewer_rows_where_it_is_served_repair_it() -> None:
    world = drawn(4, 1.0, 0.0)
    twice = ByMember(MEMBERS, np.where(world.without, 2.5, 1.0) * world.rows.amounts, world.rows.sizes)
    found = gap_closed(twice, world.without, now(world, np.random.default_rng(1)), finding(1.0))
    other = gap_closed(twice, world.without, now(world, np.random.default_rng(1)), finding(-0.5))
    assert found.value is not None
    assert other.value is not None
    assert found.value == pytest.approx(-other.value / 2)


def test_a_total_counts_members_who_do_not_come_at_all() -> None:
    world = drawn(6, 1.0, 0.0)
    came = np.where(world.without, np.arange(len(MEMBERS)) % 2 == 0, world.rows.amounts >= 0)
    here = np.flatnonzero(came)
    members = tuple(MEMBERS[n] for n in here)
    read = ByMember(members, np.ones(len(here)), None)
    out = held_out(members, "approval-6", SERVED)
    found = gap_closed(read, out, now(world, np.random.default_rng(1)), finding(-0.5))
    assert found.value is not None  # each is alike in rows, and half of those held out are gone


def test_with_too_few_members_held_out_it_says_how_many() -> None:
    world = drawn(1, 0.95, 0.0)
    few = world.without & (np.cumsum(world.without) < LEAST_MEMBERS)
    found = gap_closed(world.rows, few, now(world, np.random.default_rng(1)), finding())
    assert found.value is None
    assert found.basis == "not measurable: 29 members held out, of 6,000; 30 are needed on each side"
    assert gained(world.plays, few, "% plays").value is None


@pytest.mark.parametrize("amount", [0.0, 2.0])
def test_where_chance_left_no_trace_nothing_is_known(amount: float) -> None:
    world = drawn(1, 0.95, 0.0)
    alike = ByMember(MEMBERS, np.full(len(MEMBERS), amount), np.full(len(MEMBERS), 2.0))
    found = gap_closed(alike, world.without, now(world, np.random.default_rng(1)), finding())
    assert found.value is None
    assert found.basis.startswith("not measurable: ")


def test_who_is_held_out_is_who_the_client_does_not_serve() -> None:
    for served in (0.99, 0.5, 0.05):
        override = Override("a", "boost_items", ("t",), NOON, amount=1.0, share=served, salt="approval-1")
        out = held_out(MEMBERS, "approval-1", served)
        assert out.tolist() == [not override.serves(member) for member in MEMBERS]
