"""Every slice in the last window, or the last few together: its share of the total, against its own past."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, cached_property, lru_cache, partial

import numpy as np
import numpy.typing as npt

from domain.detection.data.counts import Counts, Floats
from domain.detection.data.ratio_cells import RatioCells
from domain.detection.expect.crossed_effects import margins_of
from domain.detection.expect.overdispersion import Groups
from domain.detection.expect.seasonal_profile import profile_keys
from domain.detection.expect.share import (
    WARM_UP,
    Shares,
    Whole,
    expect_shares,
    share_p_values,
    whole_of,
)
from domain.detection.expect.total.forecast import SURELY_BACK
from domain.detection.expect.total.predictive import Expected
from domain.detection.judge.counts.slice_sums import (
    DENIED,
    additional_findings,
    is_apart,
    lengths,
    level_of_sums,
    likelier_back,
)
from domain.detection.judge.counts.total import LEAST_EXPECTED, expect_total
from domain.detection.judge.discovery import (
    SLICES_FALSE_ALARMS_PER_WEEK,
    WEEK_SECONDS,
    benjamini_hochberg,
    level,
    spend,
)
from domain.detection.judge.ratio import judge_ratio
from domain.detection.judge.reporting import Numbers, compared, finding_over
from domain.detection.judge.state import CheckState, TrackedFinding, Verdict, confirm
from domain.detection.judge.title import title_of, title_within
from domain.detection.judge.usable import inside
from domain.detection.slices.displaced import Total, pick
from domain.detection.slices.localise import Suspects
from domain.detection.slices.renamed import ReportedSlice, merge_renamed
from domain.recommender.check import Check
from domain.values import Finding, Slice

LEAST_HISTORY = 8  # windows with rows before a slice is judged
BAND = 1.96


@dataclass(frozen=True)
class JudgedSlices:
    """
    Slices of the last window, the rows they hold out of `n`, and how surprising that is: `dispersion`
    decides whether it is reported, `scatter` whether it is over. Being slow to report is no reason to be slow
    to end.

    `total` is what the table should hold by its own past, None if that is too short.
    """

    shares: Shares
    n: float
    total: Callable[[], Expected | None]
    dispersion: Floats
    scatter: Floats
    observed: Floats
    p_values: Floats

    @cached_property
    def whole(self) -> Whole:
        """The table as it would be without what is wrong with each slice."""
        usual = self.total()
        return whole_of(self.observed, self.n, self.shares.share, None if usual is None else usual.mean)

    @cached_property
    def expected(self) -> Floats:
        """(n_slices,) rows that each should hold, regardless of what is wrong with it."""
        return self.whole.expected(self.shares.share)

    @cached_property
    def deviation(self) -> Floats:
        """(n_slices,) the chance deviation of that, in rows."""
        return self.whole.deviation(self.shares.share, self.dispersion)

    def likelier_back(self, place: int, share: float) -> float:
        """The log likelihood by which the slice is as it should be, rather than at that share of it."""
        scatter = self.scatter[place] * self.whole.weight(self.shares.share)[place]
        numbers = self.observed[place], self.expected[place], share, scatter
        return likelier_back(*map(float, numbers))


def judge_slices(
    check: Check, counts: Counts | RatioCells, state: CheckState, looks_per_week: float | None = None
) -> Verdict:
    """
    The fewest slices that explain what changed within the total of the last window, or within a ratio.

    If no single window shows something, the last few are judged together, see `slice_sums`.

    A change of the whole table changes no share and belongs to the volume check. Discoveries are controlled
    over the slices of this look and over looks; each must also reach the declared least change and least
    rows.
    """
    if isinstance(counts, RatioCells):
        return judge_ratio(check, counts, state, looks_per_week)
    if int((counts.total[:-1] > 0).sum()) < LEAST_HISTORY or counts.total[-1] <= 0:
        note = "not enough history yet" if counts.total[-1] > 0 else "no rows to divide into slices"
        return Verdict(state=state, judged=False, note=note)
    width, last = counts.grid.width.total_seconds(), len(counts.total) - 1
    looks, sums = looks_per_week or WEEK_SECONDS / width, _sums(counts, state)
    alpha = level(state.wealth, looks, allowed=SLICES_FALSE_ALARMS_PER_WEEK)
    judged = judge(check, counts, state)
    findings = [
        _finding(check, counts, judged, one, title_of)
        for one in _reported(check, counts, judged, state, alpha)
    ]
    shorter = [judged]
    for several in sums:
        more = _found_in(check, several, state, level_of_sums(several, len(sums)), shorter)
        findings += additional_findings(more, findings, state, several)
    state = state.model_copy(update={"wealth": spend(state.wealth, state.new(findings))})
    stands = _unsure(counts, judged, state, min(WEEK_SECONDS / looks / width, 1.0))
    verdict = confirm(state, findings, width, counts.start(last), unsure=stands)
    window = counts.start(last), counts.end(last)
    return verdict.comparing(
        compared(window, counts.slices[place], None, _numbers(check, judged, place))
        for place in _traced(counts, state)
    )


def _unsure(
    counts: Counts, judged: JudgedSlices, state: CheckState, part: float
) -> dict[str, TrackedFinding]:
    """
    Standing findings that may well have recovered, whether found in this look or not: fingerprint → their
    state after it.

    Args:
        part: the part of a window that is new in a look.
    """
    places, found = {where: place for place, where in enumerate(counts.slices)}, dict[str, TrackedFinding]()
    for fingerprint, seen in state.seen.items():
        if seen.share is None or seen.share == 1.0 or seen.blind or seen.slice not in places:
            continue
        place = places[seen.slice]
        held = float(judged.observed[place] / max(judged.expected[place], LEAST_EXPECTED))
        late = seen.held(held, part * judged.likelier_back(place, seen.share))
        if late.back < SURELY_BACK:
            found[fingerprint] = late
    return found


def _sums(counts: Counts, state: CheckState) -> list[Counts]:
    """The counts over several windows at a time, shortest first, if there is enough to judge them."""
    every = (counts.merged(each) for each in lengths(counts.grid.width.total_seconds()))
    return [one for one in every if int((one.total[:-1] > 0).sum()) >= LEAST_HISTORY and is_apart(one, state)]


def _found_in(
    check: Check, counts: Counts, state: CheckState, alpha: float, shorter: list[JudgedSlices]
) -> list[Finding]:
    """
    What several windows show together and the latest of them do not contradict: losses, unless only surges
    are asked for. A surge that no single window shows costs nobody anything, and is mostly what other slices
    lost.

    Args:
        shorter: what was judged over fewer windows; what is judged here is added.
    """
    judged, found = judge(check, counts, state, shorter[0].shares.cluster_size), list[Finding]()
    start = counts.start(len(counts.total) - 1).astimezone(counts.grid.zone)
    title = partial(title_within, start=start, window=counts.grid.width)
    for reported in _reported(check, counts, judged, state, alpha):
        finding = _finding(check, counts, judged, reported, title)
        stands = state.seen.get(finding.fingerprint)
        off = stands.share if stands and stands.share is not None else _share(finding)
        asked = finding.change < 0 or check.direction == "surge"
        if asked and all(one.likelier_back(reported.place, off) < DENIED for one in shorter):
            found.append(finding)
    shorter.append(judged)
    return found


def _share(finding: Finding) -> float:
    return finding.observed / max(finding.expected, LEAST_EXPECTED)


def _reported(
    check: Check, counts: Counts, judged: JudgedSlices, state: CheckState, alpha: float
) -> list[ReportedSlice]:
    """The fewest slices that explain what is off beyond chance and matters."""
    tested = np.maximum(judged.shares.expected(judged.n), judged.observed) >= check.least_rows
    tested &= np.array([len(dict(name)) == len(name) for name in counts.slices], dtype=bool)
    found = _discovered(counts.slices, judged.p_values, tested, alpha)
    if found.any():  # only then is the table's expectation needed
        found &= _matters(check, judged)
    if not found.any():
        return []
    suspects = Suspects(
        counts.slices,
        judged.observed,
        judged.shares.past,
        judged.dispersion,
        judged.n,
        judged.shares.freedom,
        judged.shares.cluster_size,
        judged.shares.crossed,
    )
    total = Total(judged.n, judged.total(), _dropping(counts, state))
    picked = pick(suspects, found, total, alpha, check.least_change)
    return merge_renamed(counts.slices, judged.observed, judged.expected, picked)


def _traced(counts: Counts, state: CheckState) -> list[int]:
    """The places of the traced slices; for a whole table, which is not judged here, its largest slice."""
    places = [place for place, where in enumerate(counts.slices) if where and where in state.traced]
    single = [place for place, where in enumerate(counts.slices) if len(where) == 1]
    if () in state.traced and single:
        places.append(max(single, key=lambda place: float(counts.rows[:-1, place].sum())))
    return places


def _discovered(
    slices: tuple[Slice, ...], p_values: Floats, tested: npt.NDArray[np.bool_], alpha: float
) -> npt.NDArray[np.bool_]:
    """
    Discoveries among single dimensions and among pairs, each with its own part of the level: the few hundred
    slices of single dimensions do not pay for the thousands of pairs.
    """
    ways = np.array([len(name) for name in slices])
    found = np.zeros(len(tested), dtype=bool)
    families = np.unique(ways[tested])
    for family in families:
        members = tested & (ways == family)
        found[members] = benjamini_hochberg(p_values[members], alpha / len(families))
    return found


def judge(
    check: Check, counts: Counts, state: CheckState, cluster_size: Floats | None = None
) -> JudgedSlices:
    """
    All slices of the last window, unfiltered.

    Args:
        cluster_size: (n_slices,) rows that come together, if known from more and shorter windows.
    """
    usable, special = _usable(counts, state), counts.special_days()  # alike for all slices
    local = counts.local_seconds() if special is None else special.as_lived(counts.local_seconds())
    keys = profile_keys(local, counts.grid.width.total_seconds(), usable[:, 0])
    margins = margins_of(counts.slices)
    groups = _by_dimensions(counts.slices)
    shares = expect_shares(counts.total, counts.rows, usable, keys=keys, margins=margins, groups=groups)
    if cluster_size is not None:
        shares = replace(shares, cluster_size=np.maximum(shares.cluster_size, cluster_size))
    if special is not None:
        shares = shares.on_holiday(float(special.holiday[-1] + special.edge[-1]))
    observed = counts.rows[-1]
    n = float(counts.total[-1])
    dispersion = shares.dispersion(n)
    p_values = share_p_values(observed, n, shares.share, dispersion, shares.freedom, shares.cluster_size)
    total = cache(lambda: expect_total(counts, state, amounts=check.measure is not None)[0])
    return JudgedSlices(shares, n, total, dispersion, shares.scatter(n), observed, p_values)


@lru_cache(maxsize=16)
def _by_dimensions(slices: tuple[Slice, ...]) -> Groups:
    """
    (n_slices,) a number for the dimensions of each; cached, as a table has the same ones from look to look.
    """
    numbers: dict[tuple[str, ...], int] = {}
    names = (tuple(dimension for dimension, _value in one) for one in slices)
    return np.array([numbers.setdefault(name, len(numbers)) for name in names], dtype=np.int64)


def _dropping(counts: Counts, state: CheckState) -> bool:
    """Whether a slice is known to have lacked rows in a period that overlaps the last window."""
    last = len(counts.total) - 1
    standing = any(not (seen.rise or seen.blind) for seen in state.seen.values())
    return standing or any(not w.rise and w.until > counts.start(last) for w in state.excluded)


def _usable(counts: Counts, state: CheckState) -> npt.NDArray[np.bool_]:
    """
    (n_windows, n_slices): while one slice is wrong, none learns anything.

    Shares add up to one, so the slices that took its place would learn their usual share from a fault, and
    seem to drop when it is fixed. Holidays teach nothing either. If nearly all of the history was wrong, it
    is the new normal, and all of it counts.
    """
    good, special = counts.known.copy(), counts.special_days()
    if special is not None:
        good &= ~special.marked
    for wrong in state.wrong(counts.end(len(counts.total) - 1)):
        good &= ~inside(counts, wrong)
    enough = int((good & (counts.total > 0))[:-1].sum()) >= LEAST_HISTORY
    return np.repeat((good if enough else counts.known)[:, None], len(counts.slices), axis=1)


def _matters(check: Check, judged: JudgedSlices) -> npt.NDArray[np.bool_]:
    off = judged.observed - judged.expected
    big = np.abs(off) >= np.maximum(check.least_rows, check.least_change * judged.expected)
    learned = judged.shares.learned >= WARM_UP
    match check.direction:
        case "drop":
            return np.asarray(big & learned & (off < 0))
        case "surge":
            return np.asarray(big & learned & (off > 0))
        case _:
            return np.asarray(big & learned)


def _numbers(check: Check, judged: JudgedSlices, place: int) -> Numbers:
    expected, spread = float(judged.expected[place]), BAND * float(judged.deviation[place])
    return Numbers(
        observed=float(judged.observed[place]),
        expected=round(expected, 2),
        low=max(0.0, expected - spread),
        high=expected + spread,
        unit=check.measure or "rows",
        p_value=float(judged.p_values[place]),
    )


def _finding(
    check: Check, counts: Counts, judged: JudgedSlices, reported: ReportedSlice, titled: Callable[..., str]
) -> Finding:
    place = reported.place
    observed, expected = float(judged.observed[place]), float(judged.expected[place])
    whole = max(judged.n, float(judged.whole.rows[place]), 1.0)
    affected = min(1.0, abs(observed - expected) / whole)
    numbers, where, last = _numbers(check, judged, place), counts.slices[place], len(counts.total) - 1
    title = titled(check.table or "", where, observed, expected, unit=numbers.unit)
    title = "; ".join(filter(None, (title, reported.words)))
    return finding_over((counts.start(last), counts.end(last)), check, where, numbers, affected, title)
