"""
What a hotfix in force is worth today: members who are served it compared with those held out.

    sums by member ─▶ the client's hash parts them ─▶ a rate of either side ─▶ the difference

Who is held out is decided by a hash of the member, so only the hotfix differs between the two sides: the
hours, the items and the fault are the same. One member's requests are alike, so members are the unit that
counts.

Source:
    Kohavi, Tang & Xu (2020), Trustworthy Online Controlled Experiments, ch. 18 (ratio metrics by the delta
    method, with the member as the unit) and ch. 23 (hold-outs).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from math import exp, log, sqrt
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.stats import t as student

from domain.detection.judge.again.measure import BAND, Measurement
from domain.values import Estimate, Finding

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

LEAST_MEMBERS = 30
"""Members on each side; with fewer, an interval by Student's t says too little."""

CONFIDENCE = 0.9
A_DAY = " a day"
SHARE = "share"
NOTHING_SEEN = "nothing of it was seen of either side"
ALL_ALIKE = "all members are alike in it, so nothing says how far it may be off"


@dataclass(frozen=True)
class ByMember:
    """
    What was measured of each member over the same span.

    Args:
        members: (n,) ids as the client is given them.
        amounts: (n,) what is measured, ≥ 0.
        sizes: (n,) what it is measured over, such as requests; None: it is a total, which also grows when
            more members come at all.
        sampled: how many members these were sampled from; None where they are all.
    """

    members: tuple[str, ...]
    amounts: Floats
    sizes: Floats | None = None
    sampled: int | None = None


class Side(NamedTuple):
    """The members of one side: their rate, and its variance by chance over members."""

    rate: float
    variance: float
    members: int

    @property
    def relative_variance(self) -> float:
        """The variance of the rate's logarithm."""
        return self.variance / self.rate**2


class Sides(NamedTuple):
    """The two sides, and the rate of both together."""

    served: Side
    held_out: Side
    rate: float


def held_out(members: Iterable[str], salt: str, served: float) -> Bools:
    """
    (n,) who is not served when a share `served` (0–1) is, by the hash of `recsysops_client`, whatever engine
    the rows come from.

    >>> held_out(("m1", "m2", "m3"), "a1", 0.5).tolist()
    [True, False, True]
    """
    most = served * 2**64
    return np.array([_drawn(salt, member) >= most for member in members], np.bool_)


def _drawn(salt: str, member: str) -> int:
    return int.from_bytes(hashlib.sha256(f"{salt}\x1f{member}".encode()).digest()[:8])


def gap_closed(read: ByMember, without: Bools, now: Measurement, finding: Finding) -> Estimate:
    """
    The share of the finding's gap that the hotfix closes today: 1 is all of it, 0 none (also where the cause
    is gone and those held out are back to normal), below 0 where it does harm. 90 % interval.

    Args:
        read: rows of the finding's slice by member, of all of them.
        without: (n,) who is held out.
        now: the same metric for everybody, compared with what its past leads one to expect.
    """
    sides = _sides(read, without)
    if isinstance(sides, str):
        return _unknown(SHARE, sides)
    if now.expected <= 0 or finding.change == 0:
        return _unknown(SHARE, "there is no gap relative to what is expected")
    of_expected = now.observed / now.expected / sides.rate  # turns a rate into a share of the expected level
    scale = -of_expected / finding.change
    value = scale * (sides.served.rate - sides.held_out.rate)
    blurred = (now.high - now.low) / 2 / BAND / now.expected
    chance = scale**2 * (sides.served.variance + sides.held_out.variance)
    half = _quantile(sides) * sqrt(chance + (value * blurred) ** 2)
    level = 100 * of_expected * sides.held_out.rate
    basis = f"{_counted(sides, read)}; without it {level:.0f} % of what is expected"
    return Estimate(
        value=value, low=value - half, high=value + half, unit=SHARE, confidence=CONFIDENCE, basis=basis
    )


def gained(read: ByMember, without: Bools, unit: str, rewards_a_day: float | None = None) -> Estimate:
    """
    What everybody gains by the hotfix today (below 0: loses), in % of what is chosen without it; in numbers
    per day where `unit` asks for that and a day's rewards are known. 90 % interval.

    Args:
        read: what was chosen by each member, over their requests.
        without: (n,) who is held out.
        unit: as the promise has it: `% plays`, or `plays a day`.
    """
    bare = unit.removesuffix(A_DAY).removeprefix("% ")
    daily = rewards_a_day if unit.endswith(A_DAY) else None
    unit = f"% {bare}" if daily is None else f"{bare}{A_DAY}"
    sides = _sides(read, without)
    if isinstance(sides, str):
        return _unknown(unit, sides)
    if not (sides.served.rate > 0 and sides.held_out.rate > 0):
        return _unknown(unit, "one side chose nothing at all")
    middle = log(sides.served.rate / sides.held_out.rate)
    half = _quantile(sides) * sqrt(sides.served.relative_variance + sides.held_out.relative_variance)
    value, low, high = (
        100 * (exp(edge) - 1) if daily is None else daily * (1 - exp(-edge))
        for edge in (middle, middle - half, middle + half)
    )
    basis = _counted(sides, read)
    return Estimate(value=value, low=low, high=high, unit=unit, confidence=CONFIDENCE, basis=basis)


def _unknown(unit: str, why: str) -> Estimate:
    return Estimate(value=None, unit=unit, confidence=CONFIDENCE, basis=f"not measurable: {why}")


def _counted(sides: Sides, read: ByMember) -> str:
    some = "" if read.sampled is None else f", a sample of {read.sampled:,}"
    return f"{sides.held_out.members:,} members held out, {sides.served.members:,} served{some}"


def _quantile(sides: Sides) -> float:
    """The quantile of Student's t for the members of the smaller side."""
    fewest = min(sides.served.members, sides.held_out.members)
    return float(student.ppf((1 + CONFIDENCE) / 2, fewest - 1))


def _sides(read: ByMember, without: Bools) -> Sides | str:
    """Both sides; or why they cannot be compared, in words."""
    count = int(without.sum())
    if min(count, len(without) - count) < LEAST_MEMBERS:
        return f"{count:,} members held out, of {len(without):,}; {LEAST_MEMBERS} are needed on each side"
    amounts = read.amounts
    if not amounts.sum() > 0:
        return NOTHING_SEEN
    whole, residuals = np.empty(2), np.empty_like(amounts)
    for side, inside in enumerate((~without, without)):
        if read.sizes is None:
            whole[side], residuals[inside] = inside.mean(), amounts[inside]
            continue
        whole[side] = read.sizes[inside].sum()
        if not whole[side] > 0:
            return NOTHING_SEEN
        rate = amounts[inside].sum() / whole[side]
        residuals[inside] = amounts[inside] - rate * read.sizes[inside]
    squares = float((residuals**2).sum())
    if squares <= 1e-12 * float((amounts**2).sum()):
        return ALL_ALIKE
    dispersion = squares / float(amounts.sum())
    served, others = (
        _side(amounts[inside], residuals[inside], float(whole[side]), dispersion)
        for side, inside in enumerate((~without, without))
    )
    return Sides(served, others, float(amounts.sum() / whole.sum()))


def _side(amounts: Floats, residuals: Floats, whole: float, dispersion: float) -> Side:
    """
    One side. Where few of its members have anything, their chance variation does not show in them: the
    variance is then at least what the dispersion of all members gives for that total, plus one score interval
    for a total of nothing (Wilson 1927), as for a count of 0.
    """
    count, total = len(amounts), float(amounts.sum())
    seen = float((residuals**2).sum()) * count / (count - 1)
    z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
    least = dispersion * total + (z * dispersion) ** 2
    return Side(total / whole, max(seen, least) / whole**2, count)
