"""What a ticket says, in text that has no effect in any tracker's markup."""

from __future__ import annotations

from datetime import UTC

from domain.incident.events import Outstanding
from domain.incident.state import Incident, Ticket
from domain.inert import markup
from domain.values import Improvement
from workers.trackers.kind import Draft

TITLE_CHARACTERS = 200


def draft(incident: Incident, outstanding: Outstanding) -> Draft:
    """The ticket's text when it is opened."""
    paragraphs = [*_left(outstanding), *_happened(incident)]
    if incident.follow_up is not None and outstanding.follow_up is not None:
        paragraphs += _answers(incident.follow_up)
    paragraphs.append(
        f"Kept in step with incident {incident.number} of recsysops (`recsysops report {incident.number}`): "
        "closing this says there that it is done, and asks for the hotfix to be reverted."
    )
    title = markup(_title(incident, outstanding))[:TITLE_CHARACTERS]
    return Draft(title, tuple(map(markup, paragraphs)))


def comment(incident: Incident, ticket: Ticket) -> str:
    """The comment to add when something changed."""
    said = [*_left(ticket.outstanding), *_ended(incident, ticket)]
    if not ticket.outstanding.anything:
        said.append("Nothing is left to do.")
    return markup(" ".join(said))


def _title(incident: Incident, outstanding: Outstanding) -> str:
    if outstanding.follow_up is not None:
        what = outstanding.follow_up.partition(": ")[2]
    else:
        what = f"Replace the hotfix “{outstanding.hotfix}” by a fix for good: {incident.called}"
    return what


def _left(outstanding: Outstanding) -> list[str]:
    said = []
    if outstanding.follow_up is not None:
        said.append(f"To do: {outstanding.follow_up}.")
    if outstanding.hotfix is not None:
        expires = outstanding.expires_at
        until = f" until {expires.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if expires else " and does not expire"
        said.append(f"The hotfix “{outstanding.hotfix}” is in force{until}.")
    return said


def _happened(incident: Incident) -> list[str]:
    cause = incident.diagnosis.cause if incident.diagnosis else None
    what = f"What happened: {incident.title} ({incident.severity.value})."
    return [what, f"Why: {cause.rstrip('.')}."] if cause else [what]


def _answers(given: Improvement) -> list[str]:
    proof = [f"Proof: {given.proof}"] if given.proof else []
    return [
        f"Could it be detected faster, or predicted? {given.detect_faster}",
        f"Could it be diagnosed faster? {given.diagnose_faster}",
        *proof,
    ]


def _ended(incident: Incident, ticket: Ticket) -> list[str]:
    """What no longer has to be done, and why."""
    said, before, now, hotfix = [], ticket.before, ticket.outstanding, incident.hotfix
    if before.hotfix is not None and now.hotfix is None:
        expired = hotfix is not None and hotfix.stage == "expired"
        said.append(f"The hotfix “{before.hotfix}” {'has expired' if expired else 'is reverted'}.")
    if before.follow_up is not None and now.follow_up is None:
        said.append(_without(incident))
    return said


def _without(incident: Incident) -> str:
    """Why its follow-up does not have to be done."""
    answer, followed = incident.follow_up, incident.followed
    if answer is None:
        return "The follow-up is withdrawn: the incident was opened again."
    if answer.change == "nothing":
        return f"The follow-up is withdrawn: nothing changes: {answer.detail}."
    if followed is not None and followed.gone is not None:
        return f"The follow-up is taken back: {followed.harm or ''}."
    if followed is not None and followed.dropped is not None:
        return f"The follow-up is not to be done: {followed.dropped}."
    return f"The follow-up is done: {followed.done_says if followed else ''}."
