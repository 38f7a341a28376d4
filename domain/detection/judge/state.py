"""What a check remembers from look to look; a value that survives as JSON."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta

from pydantic import Field

from domain.detection.expect.total.baseline import Baseline
from domain.detection.judge.comparison import Comparison
from domain.detection.judge.discovery import Wealth
from domain.values import Finding, Moment, Slice, Value, share_rows

EXCLUDED_KEPT = 64
LATE = 0.25  # weight of a window's value in the running share
CLEAR_AFTER = 2  # looks without the finding before it counts as over
CONFIRM_SHORT = 2  # looks in a row that must agree if windows are shorter than an hour
SHORT_SECONDS = 3_600.0
ACCEPT_AFTER = timedelta(days=28)  # a weekday has come four times by then


class TrackedFinding(Value):
    """
    Something found: since which window, in how many looks in a row, and in how many it has been missing
    since. `blind`: what was found is that the check could not look. `share` is the part of the expected that
    it has held lately, and `back` the log likelihood by which windows since are more like the expected than
    like that. `subject` is the finding's.
    """

    slice: Slice
    subject: str | None = None
    since: Moment
    rise: bool = False
    looks: int = 1
    missing: int = 0
    reported: bool = False
    blind: bool = False
    share: float | None = None
    back: float = 0.0

    def held(self, share: float, likelier: float) -> TrackedFinding:
        """
        The state after one more window, which held that `share` of the expected and is by this log likelihood
        `likelier` as expected than as it was.

        Unless it is recovering, the share follows: the value by which something was found is more extreme
        than the true one.
        """
        back = max(self.back + likelier, 0.0)
        last = share if self.share is None else self.share
        return self.model_copy(update={"back": back, "share": last if back else last + LATE * (share - last)})


class ExcludedWindow(Value):
    """
    A time in which a slice was wrong: nothing is to be learned from it. `confirmed`: somebody besides the
    check says so.
    """

    slice: Slice
    since: Moment
    until: Moment
    rise: bool = False
    confirmed: bool = True


class CheckState(Value):
    """
    The memory of one check. `seen` is keyed by the finding's fingerprint; `excluded` are the latest periods
    that ended; `accepted` is column → what it holds, for checks of columns. `known` are times that the log
    says were wrong (`domain.detection.judge.excluded`): supplied at each look, not remembered. The same holds
    for `accept_after`, how long something is wrong before it becomes usual, and `traced`, the slices whose
    comparisons are asked for. `baseline` is what the total usually is, for checks of totals, and `sums` what
    several of its windows hold together, shortest first.
    """

    wealth: Wealth = Wealth()
    seen: dict[str, TrackedFinding] = Field(default_factory=dict)
    excluded: tuple[ExcludedWindow, ...] = ()
    last_window_end: Moment | None = None
    accepted: dict[str, str] | None = None
    known: tuple[ExcludedWindow, ...] = Field(default=(), exclude=True)
    accept_after: timedelta = Field(default=ACCEPT_AFTER, exclude=True)
    traced: frozenset[Slice] = Field(default=frozenset(), exclude=True)
    baseline: Baseline | None = None
    sums: tuple[Baseline, ...] = ()

    def new(self, found: list[Finding]) -> bool:
        """
        Whether anything in `found` is not already standing: only a discovery earns the next ones a wider
        level.
        """
        return any(finding.fingerprint not in self.seen for finding in found)

    def wrong(self, latest: datetime) -> tuple[ExcludedWindow, ...]:
        """
        All times that were wrong, those that still are up to `latest`; without what has lasted so long that
        it is accepted as usual now.
        """
        standing = (
            ExcludedWindow(slice=s.slice, since=s.since, until=latest, rise=s.rise)
            for s in self.seen.values()
            if not s.blind
        )
        every = (*self.known, *self.excluded, *standing)
        return tuple(one for one in every if one.until - one.since < self.accept_after)


class Verdict(Value):
    """
    The result of one look of one check.

    `findings` are confirmed, `cleared` the fingerprints of those that were confirmed before and are over.
    `judged` says whether there was enough history to judge at all; `note` why not, or what not yet.
    `comparisons` are what was judged of the traced slices.
    """

    findings: tuple[Finding, ...] = ()
    cleared: tuple[str, ...] = ()
    state: CheckState = CheckState()
    judged: bool = True
    note: str | None = None
    comparisons: tuple[Comparison, ...] = ()

    def comparing(self, comparisons: Iterable[Comparison]) -> Verdict:
        """The same, with the comparisons."""
        return self.model_copy(update={"comparisons": tuple(comparisons)})


def confirm(
    state: CheckState,
    found: list[Finding],
    window_seconds: float,
    until: datetime,
    clear_after: int | None = None,
    unsure: Mapping[str, TrackedFinding] | None = None,
    sure: Collection[str] = (),
) -> Verdict:
    """
    Which of `found` have been there long enough to report, which earlier ones are over, and the next state.

    `until` is when the last window before this look's began: what is over now was wrong until then. A short
    window has to show the same thing in two looks in a row, and a surge in two windows that share no row: by
    then the drop that it may come from is known. A fault of the same column in a slice that shares rows is
    the same thing: which slice describes it best may differ from look to look. A long window is reported at
    once. So is any window if `clear_after` is given: over after that many looks without it. Findings that are
    `unsure`, fingerprint → state after this look, stand: such a window fits both. The fingerprints in `sure`
    wait for nothing.
    """
    short = window_seconds < SHORT_SECONDS
    need = CONFIRM_SHORT if short and clear_after is None else 1
    patience = clear_after or (CLEAR_AFTER if short else 1)
    seen: dict[str, TrackedFinding] = {}
    for finding in found:
        before = state.seen.get(finding.fingerprint) or _under_another_slice(state, finding)
        looks = before.looks + 1 if before else 1
        long_enough = looks >= need and not _too_early(finding, before, window_seconds)
        late = (unsure or {}).get(finding.fingerprint)
        seen[finding.fingerprint] = TrackedFinding(
            slice=finding.slice,
            subject=finding.subject,
            since=before.since if before else finding.window_start,
            rise=finding.change > 0,
            looks=looks,
            reported=bool(before and before.reported) or finding.fingerprint in sure or long_enough,
            share=late.share if late else _share(finding),
        )
    reported = tuple(finding for finding in found if seen[finding.fingerprint].reported)
    kept, cleared = _ended(state, seen, until, patience, unsure or {})
    return Verdict(findings=reported, cleared=cleared, state=kept)


def _under_another_slice(state: CheckState, finding: Finding) -> TrackedFinding | None:
    """
    An earlier sighting of the finding's column in a slice that shares rows with its own, not reported yet:
    once it has been reported, another slice is reported only if it lasts. Findings about all rows, without a
    column, are excluded: so many slices are a little off that this would match too easily.
    """
    if finding.subject is None:
        return None
    rise = finding.change > 0
    alike = (one for one in state.seen.values() if one.subject == finding.subject and one.rise == rise)
    waiting = (one for one in alike if not one.reported and not one.blind)
    return next((one for one in waiting if share_rows(one.slice, finding.slice)), None)


def _share(finding: Finding) -> float | None:
    return finding.observed / finding.expected if finding.expected > 0 else None


def _ended(
    state: CheckState,
    seen: Mapping[str, TrackedFinding],
    until: datetime,
    patience: int,
    unsure: Mapping[str, TrackedFinding],
) -> tuple[CheckState, tuple[str, ...]]:
    """
    The state with what is `seen` now and what stands though it is not seen, and the findings that are over.
    """
    cleared, excluded, standing = list[str](), list(state.excluded), dict(seen)
    for fingerprint, before in state.seen.items():
        if fingerprint in seen or not before.reported:
            continue
        if fingerprint in unsure:
            standing[fingerprint] = unsure[fingerprint]
        elif before.missing + 1 < patience:
            standing[fingerprint] = before.model_copy(update={"missing": before.missing + 1})
        else:
            cleared.append(fingerprint)
            if not before.blind:
                wrong = ExcludedWindow(slice=before.slice, since=before.since, until=until, rise=before.rise)
                excluded.append(wrong)
    kept = {"seen": standing, "excluded": tuple(excluded[-EXCLUDED_KEPT:])}
    return state.model_copy(update=kept), tuple(cleared)


def _too_early(finding: Finding, before: TrackedFinding | None, window_seconds: float) -> bool:
    """Whether a surge was seen only in one and the same period. Wrong rows do not come from a drop."""
    if finding.change <= 0 or before is None or finding.subject is not None:
        return False
    window = min(finding.window_end - finding.window_start, timedelta(seconds=window_seconds))
    return finding.window_end - window < before.since + window
