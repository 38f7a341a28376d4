"""The contents of the thread: the evidence once, and one line for each notable step."""

from __future__ import annotations

from bot.messages import words
from bot.messages.blocks import Block, context, cut, escape, section
from bot.messages.inert import paragraphs, sentence, with_times
from domain.incident import events as e
from domain.incident.timeline import Entry
from domain.values import Diagnosis, Evidence

STATEMENT_MAX = 500
TABLE_ROWS_MAX = 8
MOST_LINES = 10

NOTABLE: frozenset[str] = frozenset(
    event.wire_name
    for event in (
        e.FindingJoined,
        e.FindingCleared,
        e.IncidentAcknowledged,
        e.IncidentAssigned,
        e.SeverityChanged,
        e.NoteAdded,
        e.IncidentSilenced,
        e.DiagnosisFailed,
        e.DiagnosisRequested,
        e.BundleFailed,
        e.HotfixChosen,
        e.HotfixApproved,
        e.HotfixRejected,
        e.HotfixApplied,
        e.HotfixWidened,
        e.HotfixFailed,
        e.HotfixVerified,
        e.HotfixRefuted,
        e.HotfixWorthMeasured,
        e.RevertRequested,
        e.HotfixReverted,
        e.RevertFailed,
        e.HotfixExpired,
        e.ExpiryReminded,
        e.RenewalRequested,
        e.RenewalFailed,
        e.PredictionScored,
        e.IncidentResolved,
        e.IncidentReopened,
        e.FollowUpProposed,
        e.FollowUpAnswered,
        e.FollowUpAssigned,
        e.FollowUpReminded,
        e.FollowUpDone,
        e.FollowUpDropped,
        e.ChangeWritten,
        e.ChangeProposed,
        e.ChangeHandedOver,
        e.PullRequestClosed,
        e.ChangeEarned,
        e.TakeBackRequested,
        e.ChangeTakenBack,
        e.ChangeLeft,
        e.IncidentMerged,
        e.IncidentClosed,
        e.TicketOpened,
        e.TicketClosed,
        e.TimeCorrected,
        e.OnsetCorrected,
        e.NoteCorrected,
        e.SeverityCorrected,
    )
)
"""Steps worth a line in the thread; the others only change the message itself."""

HANDS: frozenset[str] = frozenset(
    event.wire_name for event in (e.IncidentAssigned, e.FollowUpAssigned, e.FollowUpReminded)
)
"""Steps whose line names the person something is handed to."""


def evidence(diagnosis: Diagnosis) -> list[Block]:
    """The evidence in the diagnosis's order, with the measured share if there is one."""
    ordered = diagnosis.evidence
    took = f" · gathered in {diagnosis.seconds:.0f} s" if diagnosis.seconds >= 1 else ""
    head = section(f"*Evidence ({len(ordered)})*{took}")
    left = len(ordered) - MOST_LINES
    more = [context(f"and {left} weaker ones, in the report")] if left > 0 else []
    return [head, *(section(_line(one)) for one in ordered[:MOST_LINES]), *more]


def _line(one: Evidence) -> str:
    table = f"\n```{_table(one.table)}```" if one.table else ""
    return f"{_measured(one.strength)}{cut(sentence(one.statement), STATEMENT_MAX)}{table}"


def _measured(share: float | None) -> str:
    """Five dots for a share; empty if none was measured."""
    if share is None:
        return ""
    dots = round(share * 5)
    return f"`{'●' * dots + '○' * (5 - dots)}`  "


def _table(rows: tuple[tuple[str, ...], ...]) -> str:
    shown = [tuple(cut(escape(cell), 28) for cell in row[:5]) for row in rows[:TABLE_ROWS_MAX]]
    widths = [max((len(row[i]) for row in shown if i < len(row)), default=0) for i in range(5)]
    lines = ["  ".join(cell.ljust(widths[i]) for i, cell in enumerate(row)).rstrip() for row in shown]
    more = [f"… {len(rows) - TABLE_ROWS_MAX} more"] if len(rows) > TABLE_ROWS_MAX else []
    return cut("\n".join([*lines, *more]), 500)


def step(entry: Entry, names: words.Names = words.NOBODY) -> str:
    """One line of the thread: who did what, by name; only the person it is handed to is mentioned."""
    who = words.called(entry.who, names)
    what = with_times(paragraphs(entry.what))
    if entry.wire_name in HANDS:  # nowhere else: text from data must mention nobody
        what = words.with_names(what, words.person)
    return cut(f"{who}: {what}" if who != "recsysops" else what, 2000)
