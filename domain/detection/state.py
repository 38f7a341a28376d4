"""What a check remembers from look to look; a value that survives as JSON."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from domain.detection.discovery import Wealth
from domain.values import Finding, Moment, Slice, Value

SPOILED_KEPT = 64
CLEAR_AFTER = 2  # looks without the finding before it counts as over
CONFIRM_SHORT = 2  # looks in a row that must agree where windows are shorter than an hour
SHORT_SECONDS = 3_600.0


class Seen(Value):
    """
    Something found: since which window, in how many looks in a row, in how many it has been missing since.
    `blind`: what was found is that the check could not look.
    """

    slice: Slice
    since: Moment
    rise: bool = False
    looks: int = 1
    missing: int = 0
    told: bool = False
    blind: bool = False


class Spoiled(Value):
    """A time in which a slice was wrong: nothing is to be learned from it."""

    slice: Slice
    since: Moment
    until: Moment
    rise: bool = False


class CheckState(Value):
    """
    The memory of one check. `seen` is keyed by the finding's fingerprint; `spoiled` are the latest that
    ended; `accepted` is column → what it holds, where the columns are what is looked at. `known` are times
    that the log says were wrong (`domain.detection.spoiled`): told anew at each look, never remembered.
    """

    wealth: Wealth = Wealth()
    seen: dict[str, Seen] = Field(default_factory=dict)
    spoiled: tuple[Spoiled, ...] = ()
    last_window_end: Moment | None = None
    accepted: dict[str, str] | None = None
    known: tuple[Spoiled, ...] = Field(default=(), exclude=True)

    def new(self, found: list[Finding]) -> bool:
        """
        Whether anything in `found` is not standing already: only a discovery earns the next ones a wider
        level.
        """
        return any(finding.fingerprint not in self.seen for finding in found)

    def wrong(self, latest: datetime) -> tuple[Spoiled, ...]:
        """All times that were wrong, those that still are up to `latest`."""
        standing = (s for s in self.seen.values() if not s.blind)
        return (
            *self.known,
            *self.spoiled,
            *(Spoiled(slice=s.slice, since=s.since, until=latest, rise=s.rise) for s in standing),
        )


class Verdict(Value):
    """
    What one look of one check came to.

    `findings` are confirmed, `cleared` the fingerprints of those that were confirmed before and are over.
    `judged` says whether there was enough history to judge at all; `note` why not.
    """

    findings: tuple[Finding, ...] = ()
    cleared: tuple[str, ...] = ()
    state: CheckState = CheckState()
    judged: bool = True
    note: str | None = None


def confirm(
    state: CheckState,
    found: list[Finding],
    window_seconds: float,
    until: datetime,
    clear_after: int | None = None,
) -> Verdict:
    """
    Which of `found` have been there long enough to tell, which earlier ones are over, and the next state.

    `until` is when the last window before this look's began: what is over now was wrong until then. A short
    window has to show the same thing in two looks in a row, and a surge in two windows that share no row: by
    then the drop that it may come from is known. A long one is told at once. So is any where `clear_after` is
    given: over after so many looks without it.
    """
    need = CONFIRM_SHORT if window_seconds < SHORT_SECONDS and clear_after is None else 1
    patience = clear_after or (CLEAR_AFTER if window_seconds < SHORT_SECONDS else 1)
    seen: dict[str, Seen] = {}
    told: list[Finding] = []
    for finding in found:
        before = state.seen.get(finding.fingerprint)
        looks = before.looks + 1 if before else 1
        told_now = bool(before and before.told) or (looks >= need and not _too_early(finding, before))
        seen[finding.fingerprint] = Seen(
            slice=finding.slice,
            since=before.since if before else finding.window_start,
            rise=finding.change > 0,
            looks=looks,
            told=told_now,
        )
        if told_now:
            told.append(finding)
    cleared: list[str] = []
    spoiled = list(state.spoiled)
    for fingerprint, before in state.seen.items():
        if fingerprint in seen or not before.told:
            continue
        if before.missing + 1 >= patience:
            cleared.append(fingerprint)
            if not before.blind:
                spoiled.append(Spoiled(slice=before.slice, since=before.since, until=until, rise=before.rise))
        else:
            seen[fingerprint] = before.model_copy(update={"missing": before.missing + 1})
    kept = state.model_copy(update={"seen": seen, "spoiled": tuple(spoiled[-SPOILED_KEPT:])})
    return Verdict(findings=tuple(told), cleared=tuple(cleared), state=kept)


def _too_early(finding: Finding, before: Seen | None) -> bool:
    """Whether a surge was seen in one and the same time only. Rows that are wrong come from no drop."""
    if finding.change <= 0 or before is None or finding.subject is not None:
        return False
    return finding.window_start < before.since + (finding.window_end - finding.window_start)
