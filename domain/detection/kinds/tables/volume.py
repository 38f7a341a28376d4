"""The total of a table in one window, against its own season, level and scatter."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta

from domain.detection.data.check_run import CheckRun
from domain.detection.data.counts import Counts
from domain.detection.data.ratio_cells import RatioCells
from domain.detection.data.window import DAY
from domain.detection.expect.total.baseline import Baseline
from domain.detection.expect.total.predictive import Expected
from domain.detection.judge.comparison import Comparison
from domain.detection.judge.counts.measure_counts import measure_counts
from domain.detection.judge.counts.sequential_finding import as_one, changed_total
from domain.detection.judge.counts.total import expect_total, unsure, windows_needed
from domain.detection.judge.counts.total_sums import HOUR, last_sums, learn_sums, lengths, windows_as_one
from domain.detection.judge.discovery import (
    FALSE_ALARMS_PER_WEEK,
    SEQUENTIAL_PART,
    WEEK_SECONDS,
    level,
    spend,
)
from domain.detection.judge.judging import Judging, as_it_is, by_check
from domain.detection.judge.ratio import judge_ratio
from domain.detection.judge.reporting import Numbers, finding_over
from domain.detection.judge.state import CheckState, TrackedFinding, Verdict, confirm
from domain.detection.judge.title import title_of
from domain.detection.judge.usable import usable_counts
from domain.detection.kind import Kind, shared, usual_history
from domain.detection.needs import CountsOrRatio
from domain.detection.suited import Suited, by_time
from domain.recommender.check import Check
from domain.recommender.options import Divided, fits_divided
from domain.recommender.recommender import Recommender
from domain.values import Finding

FOUR_WEEKS, SIXTEEN_WEEKS = timedelta(weeks=4), timedelta(weeks=16)


def judge_volume(
    check: Check, counts: Counts | RatioCells, state: CheckState, looks_per_week: float | None = None
) -> Verdict:
    """
    Whether the last window's total, or its ratio, is what history predicts.

    Returns:
        At most one finding: significant at the level this look may spend, *and* changed by the declared least
        share and least number of rows.
    """
    if isinstance(counts, RatioCells):
        return judge_ratio(check, counts, state, looks_per_week)
    amounts = check.measure is not None
    expected, baseline = expect_total(counts, state, amounts=amounts)
    width = counts.grid.width.total_seconds()
    anew = baseline is not None and baseline.until != (state.baseline and state.baseline.until)
    state = state.model_copy(update={"baseline": baseline})
    if anew:
        state = state.model_copy(update={"sums": learn_sums(counts, state, amounts)})
    if expected is None:
        return Verdict(state=state, judged=False, note=_not_yet(baseline))
    observed, looks = float(counts.total[-1]), looks_per_week or WEEK_SECONDS / width
    as_many = windows_as_one(baseline, state.sums, expected.mean) if baseline else 1.0
    stands = unsure(state, expected, observed, as_many)
    single, together = _single(check, counts, state, expected, looks), _together(check, counts, state, stands)
    lasting = _lasting(check, counts, state, looks)
    findings = as_one(single, lasting) or together
    state = state.model_copy(update={"wealth": spend(state.wealth, state.new(findings))})
    sure = {one.fingerprint for one in together}
    verdict = confirm(state, findings, width, counts.start(len(counts.total) - 1), unsure=stands, sure=sure)
    verdict = verdict.comparing([_compared(check, counts, expected, observed)] if () in state.traced else ())
    return verdict.model_copy(update={"note": verdict.note or (baseline.note() if baseline else None)})


def _by_days(check: Check, counts: Counts) -> bool:
    """Whether evidence is gathered over windows: for shorter ones a look reads only the latest."""
    return counts.grid.width >= DAY and check.measure is None


def _single(
    check: Check, counts: Counts, state: CheckState, expected: Expected, looks: float
) -> list[Finding]:
    """What the last window says by itself."""
    part = 1 - SEQUENTIAL_PART if _by_days(check, counts) else 1.0
    alpha = level(state.wealth, looks, allowed=part * FALSE_ALARMS_PER_WEEK)
    return _found(check, counts, expected, float(counts.total[-1]), alpha)


def _lasting(check: Check, counts: Counts, state: CheckState, looks: float) -> list[Finding]:
    """What has been off since an onset."""
    if not _by_days(check, counts):
        return []
    found = changed_total(check, counts, state, usable_counts(counts, state), looks)
    return [found] if found is not None else []


def _not_yet(baseline: Baseline | None) -> str:
    return "not enough history yet" if baseline is None else "this hour has not come often enough yet"


def _compared(check: Check, counts: Counts, expected: Expected, observed: float) -> Comparison:
    last, (low, high) = len(counts.total) - 1, expected.band()
    return Comparison(
        unit=check.measure or "rows",
        window_start=counts.start(last),
        window_end=counts.end(last),
        observed=observed,
        expected=expected.mean,
        low=low,
        high=high,
    )


def _together(
    check: Check, counts: Counts, state: CheckState, stands: Mapping[str, TrackedFinding]
) -> list[Finding]:
    """
    The finding of the shortest sum of windows that has one. Standing findings continue only while the latest
    windows do not indicate their end; surges need an hour or more, as the rows of a backlog come all at once.
    """
    width, last = counts.grid.width.total_seconds(), len(counts.total) - 1
    since = _since(state, width, int(counts.local_seconds()[-1])) or 0
    for one in last_sums(counts.until(last, since), state):
        for found in _found(check, counts, one.expected, one.observed, one.level, one.windows):
            late = found.change > 0 and one.windows * width < HOUR
            before, now = state.seen.get(found.fingerprint), stands.get(found.fingerprint)
            if not late and (before is None or not before.reported or (now and now.back == 0.0)):
                return [found]
    return []


def _since(state: CheckState, width: float, begins: int) -> int | None:
    """How many windows before the judged one a look has to read; None for all of the history."""
    since = windows_needed(state.baseline, width, begins)
    return None if since is None else max(since, *lengths(width), 0)


def _found(
    check: Check, counts: Counts, expected: Expected, observed: float, alpha: float, windows: int = 1
) -> list[Finding]:
    """The last `windows` together, if they are off beyond chance and by an amount that matters."""
    p_value, off = expected.p_value(observed), observed - expected.mean
    matters = abs(off) >= max(check.least_rows, check.least_change * expected.mean)
    wanted = check.direction == "both" or (check.direction == "drop") == (off < 0)
    if p_value > alpha or not matters or not wanted:
        return []
    share = min(1.0, abs(off) / max(expected.mean, 1.0))
    unit, last = check.measure or "rows", len(counts.total) - 1
    numbers = Numbers(observed, round(expected.mean, 2), *expected.band(), unit, p_value)
    title = title_of(check.table or "", (), observed, expected.mean, unit)
    window = counts.start(last + 1 - windows), counts.end(last)
    return [finding_over(window, check, (), numbers, share, title)]


def _since_learned(run: CheckRun, state: CheckState) -> int | None:
    """
    The baseline is kept: a look reads only the windows since. A ratio learns from its last windows at each
    look.
    """
    if run.options.divided and run.check.history is None:
        return round(usual_history(run.window, sliced=False) / run.window)
    if run.window >= DAY and run.check.measure is None:
        return None  # evidence of what has long been off is gathered from all of them
    return _since(state, run.window.total_seconds(), int(run.grid.local_seconds()[-1]))


def _history(window: timedelta) -> timedelta:
    """
    Four weeks, in which a weekday comes four times, however short windows are; sixteen of days, since it
    takes that long to learn how many rows a sparse day usually has.
    """
    if window == DAY:
        return SIXTEEN_WEEKS
    return max(usual_history(window, sliced=False), FOUR_WEEKS)


def _suits(recommender: Recommender) -> Iterator[Suited]:
    for table in by_time(recommender):
        if not table.dimensions:
            yield Suited(table.name)


KIND = Kind(
    name="volume",
    purpose="too few or too many rows in a table",
    options=Divided,
    fits=fits_divided,
    needs=CountsOrRatio(),
    judging=Judging(by_check(judge_volume), measure_counts, over="apart", narrowed=as_it_is),
    sliced="never",
    shared=shared,
    evidences=("monitor-1",),
    rows="reports",
    least_windows=8,
    history=_history,
    reads=_since_learned,
    suits=_suits,
)
