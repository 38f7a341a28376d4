"""What the last window's total should be, by the baseline that a check keeps, or relearns when due."""

from __future__ import annotations

from datetime import datetime
from math import ceil

import numpy as np

from domain.detection.data.counts import Counts
from domain.detection.expect.total.baseline import Baseline, carried, expected, learn
from domain.detection.expect.total.forecast import SURELY_BACK
from domain.detection.expect.total.predictive import Expected
from domain.detection.judge.state import CheckState, TrackedFinding
from domain.detection.judge.usable import usable_counts

LEAST_EXPECTED = 1e-9
STILL_BETTER = 0.9  # of a baseline's windows: one learned from fewer does not replace it


def windows_needed(baseline: Baseline | None, width: float, begins: int) -> int | None:
    """
    How many windows before the judged one a look has to read: those since the baseline was learned, if it may
    still be used, else None: all of the history.

    Args:
        begins: when the judged window begins, seconds on the local clock.
    """
    if baseline is None or baseline.width != width or baseline.due(begins):
        return None
    return ceil((begins - baseline.asked) / width)


def expect_total(
    counts: Counts, state: CheckState, amounts: bool = False
) -> tuple[Expected | None, Baseline | None]:
    """
    What the last window should hold, None without enough history; and the baseline to keep.
    """
    width, local = counts.grid.width.total_seconds(), counts.local_seconds()
    last, kept = len(counts.total) - 1, state.baseline
    since = windows_needed(kept, width, int(local[-1]))
    if kept is None or since is None:
        kept = _learned(counts, state, amounts)
        if kept is None:
            return None, None
        since = windows_needed(kept, width, int(local[-1])) or 0
    late = counts.until(last, since)
    usable = usable_counts(late, state)
    return expected(kept, late.total, late.local_seconds(), usable, late.special_days()), kept


def _learned(counts: Counts, state: CheckState, amounts: bool) -> Baseline | None:
    """
    The baseline of all windows before the last one; or the previous one, with its level carried on, if
    something that stands, or has stood for long, leaves less to learn from.
    """
    width, local = counts.grid.width.total_seconds(), counts.local_seconds()
    usable = usable_counts(counts, state)
    special, kept, last = counts.special_days(), state.baseline, len(counts.total) - 1
    found = learn(
        counts.total[:-1],
        local[:-1],
        width,
        usable[:-1],
        amounts=amounts,
        special=special.only(slice(last)) if special else None,
        before=kept.special if kept is not None and kept.width == width else (),
    )
    if (
        kept is None
        or kept.width != width
        or not 0 <= local[-1] - kept.until < state.accept_after.total_seconds()
    ):
        return found
    least = kept.windows * (1.0 if _stands(state, counts.end(last)) else STILL_BETTER)
    if found is not None and found.windows >= least:
        return found
    late = slice(int(np.searchsorted(local[:-1], kept.asked)), last)
    return carried(
        kept,
        counts.total[late],
        local[late],
        usable[late],
        float(local[-1]),
        special.only(late) if special else None,
    )


def unsure(
    state: CheckState, usual: Expected, observed: float, as_one: float = 1.0
) -> dict[str, TrackedFinding]:
    """
    Standing findings that may well have recovered, whether found in this window or not: fingerprint → their
    state after it.

    The few rows of a night fit a loss as well as its end. Evidence adds up over windows, as in a sequential
    test.

    Args:
        as_one: how many neighbouring windows scatter as one, and count as one.

    Source:
        Wald (1945), "Sequential tests of statistical hypotheses", Ann. Math. Stat. 16(2).
    """
    found, share = dict[str, TrackedFinding](), observed / max(usual.mean, LEAST_EXPECTED)
    for fingerprint, seen in state.seen.items():
        if seen.share is None or seen.share == 1.0 or seen.blind or not seen.reported:
            continue
        late = seen.held(share, usual.likelier(observed, seen.share) / as_one)
        if late.back < SURELY_BACK:
            found[fingerprint] = late
    return found


def _stands(state: CheckState, until: datetime) -> bool:
    """Whether something was found that is neither over nor accepted."""
    standing = (seen for seen in state.seen.values() if seen.reported and not seen.blind)
    return any(until - seen.since < state.accept_after for seen in standing)
