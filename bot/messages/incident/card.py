"""
The living message of an incident: what, how bad, why, what can be done, what happens if I press.

It is a function of the incident alone, so the message in the channel can always be drawn again.
"""

from __future__ import annotations

from collections.abc import Mapping

from bot.messages import budget, words
from bot.messages.blocks import (
    Block,
    Style,
    actions,
    button,
    confirm,
    context,
    cut,
    divider,
    escape,
    image,
    plain,
    section,
    together,
)
from bot.messages.blocks import header as header_block
from bot.messages.budget import few
from bot.messages.incident import stage
from bot.messages.incident.menu import menu
from bot.messages.incident.ticket import ticket
from bot.messages.incident.value import spell
from bot.messages.inert import sentence
from bot.messages.link import Link, linked
from domain.incident.card import Action, Button, buttons
from domain.incident.state import Incident
from domain.values import Diagnosis, Finding, Slice, name_slice

FALLBACK_MAX = 1000
WHY_LEAST, PROOF_MOST, FAILURE_MOST = 7, 20, 25  # words
ALSO_MOST, CHARACTERS_MAX = 12, 600
MOST_SO_FAR = 3  # lines of evidence on the message while the rest is still being gathered

LABELS: dict[Action, str] = {
    "acknowledge": "I have it",
    "assign": "Assign …",
    "severity": "Severity …",
    "look_again": "Diagnose again",
    "note": "Note …",
    "silence": "Silence …",
    "dismiss": "Not an incident …",
    "deploy": "Deploy …",
    "approve": "Approve",
    "break_glass": "Break glass …",
    "reject": "Reject …",
    "revert": "Revert",
    "renew": "Renew …",
    "resolve": "Resolve …",
    "reopen": "Reopen …",
    "follow_up_accept": "Accept",
    "follow_up_edit": "Edit …",
    "follow_up_decline": "Decline …",
    "close": "Close",
    "correct": "Correct …",
    "report": "Report",
    "why": "Why these numbers",
}
STYLES: dict[Action, Style] = {
    "approve": "primary",
    "follow_up_accept": "primary",
    "close": "primary",
    "break_glass": "danger",
    "revert": "danger",
}
IN_MORE: tuple[Action, ...] = ("note", "assign", "severity", "silence", "correct")
"""Slack's overflow menu has room for five."""


NO_FILES: Mapping[str, str] = {}


def card(
    incident: Incident, link: Link, names: words.Names = words.NOBODY, files: Mapping[str, str] = NO_FILES
) -> list[Block]:
    """
    The blocks of the message.

    Args:
        link:    addresses of pages for the reader.
        names:   what to call the person who declared it; people without a name are mentioned.
        files:   digest of a picture that `pictures_of` names → its id in Slack; without one it is not shown.
    """
    over = incident.status in ("resolved", "closed")
    above = [header_block(headline(incident)), section(_facts(incident, names))]
    picture = _picture(picture_of(incident), files, f"The metric of: {incident.title}")
    below = [
        *stage.hotfix(incident),
        *([] if over else menu(incident)),
        *stage.ending(incident),
        *ticket(incident),
    ]
    room = budget.WORDS - budget.words_in(budget.text_of([*above, *below]))
    why = section(cut(_why(incident, room), CHARACTERS_MAX))
    presses = _presses(incident, link)
    return together([*above, *picture, why, *below, *presses, *stage.diff(incident), *_footer(incident)])


def headline(incident: Incident) -> str:
    """One line: how bad and what; plain text, not yet escaped."""
    sign = {"resolved": "✅", "closed": "✔️"}.get(incident.status, words.EMOJI[incident.severity])
    state = {"resolved": "resolved · ", "closed": "closed · "}.get(incident.status, "")
    if incident.merged_into is not None:
        sign, state = "↪️", f"part of #{incident.merged_into} · "
    predicted = "predicted · " if incident.kind == "predicted" else ""
    return f"{sign} {incident.severity.value} · {state}{predicted}{incident.title.replace('`', '')}"


def _facts(incident: Incident, names: words.Names) -> str:
    since = incident.onset_at or incident.opened_at
    end = incident.resolved_at
    how_long = f"lasted {words.lasting(end - since)}" if end else words.moment(since, "{ago}")
    begun = "since" if incident.onset_at else "found"  # when it began may not be known yet
    first = f"*#{incident.number}* · {begun} {words.moment(since)} · {how_long} · {_holder(incident)}"
    return "\n".join([first, *_size(incident, names), *_also(incident)])


def _also(incident: Incident) -> list[str]:
    """
    Where else it was seen: of each table and column, the slices that lie in no other one, the first by name.
    """
    widest: list[Finding] = []
    for one in incident.also:
        if not any(_lies_in(one, other) for other in widest):
            widest = [*(other for other in widest if not _lies_in(other, one)), one]
    own = incident.first_finding.slice if incident.first_finding else None
    titles = [_elsewhere(one, own) for one in widest]
    if not titles:
        return []
    more = f"; and {len(titles) - 1} more" if len(titles) > 1 else ""
    return [f"also: {escape(few(titles[0], ALSO_MOST))}{more}"]


def _lies_in(one: Finding, other: Finding) -> bool:
    same = (one.table, one.subject) == (other.table, other.subject)
    return same and set(other.slice) <= set(one.slice)


def _elsewhere(one: Finding, own: Slice | None) -> str:
    """Its title, without the slice if that is the incident's own."""
    place = f"{one.table} where {name_slice(one.slice)}"
    return one.title.replace(place, one.table, 1) if one.slice and one.slice == own else one.title


def _holder(incident: Incident) -> str:
    if incident.assignee:
        verb = "had" if incident.status == "closed" else "has"
        return f"{words.person(incident.assignee)} {verb} it"
    return "nobody had it" if incident.status in ("resolved", "closed") else "*nobody has it yet*"


def _size(incident: Incident, names: words.Names) -> list[str]:
    finding = incident.finding
    if finding is None:
        return [f"Declared by {words.called(incident.opened_by, names)}"]
    if finding.kind == "predicted":
        return [_forecast(incident, finding)]
    share = (
        [f"{words.percent(finding.affected_share)} of traffic"] if finding.affected_share is not None else []
    )
    seen = escape(words.compared(finding, briefly=True))
    more = [f"found {incident.findings_count} times"] if incident.findings_count > 1 else []
    back = ["*back to normal*"] if incident.cleared_at and incident.status not in ("closed",) else []
    return [" · ".join([*share, seen, *more, *back])]


def _forecast(incident: Incident, finding: Finding) -> str:
    """The forecast of a launch, its date, and whether the forecast has recovered since."""
    size = f"forecast {escape(words.forecast(finding))}"
    good = ["*the forecast has recovered*"] if incident.cleared_at and incident.status != "closed" else []
    return " · ".join([*good, f"launches {words.moment(finding.window_start)}", size])


def picture_of(incident: Incident) -> str | None:
    """The digest of the picture of the metric shown on its message."""
    return None if incident.status == "closed" else incident.picture


def pictures_of(incident: Incident) -> dict[str, str]:
    """Digest of the picture on its message → the name under which it is kept."""
    digest = picture_of(incident)
    return {} if digest is None else {digest: incident.title}


def fallback(incident: Incident) -> str:
    """The message's text besides its blocks: for notifications and screen readers."""
    return cut(escape(headline(incident)), FALLBACK_MAX)


def stripped(incident: Incident, link: Link) -> str:
    """The message for when Slack does not accept its blocks."""
    report = link(f"/reports/{incident.number}")
    return f"{fallback(incident)}\n" + (
        linked("The whole report", report) if report else f"`/recsysops report {incident.number}` has more."
    )


def _picture(digest: str | None, files: Mapping[str, str], alt: str) -> list[Block]:
    return [image(files[digest], alt)] if digest is not None and digest in files else []


def _why(incident: Incident, room: int) -> str:
    """The cause and its strongest proof in `room` words; how far the diagnosis is while there is none."""
    diagnosis = incident.diagnosis
    if diagnosis is None:
        return f"*Why*  {_not_diagnosed(incident, room)}"
    again = _second_look(incident)
    room -= budget.words_in("\n".join(["*Why*", *again]))
    cause = few(diagnosis.cause or _not_established(diagnosis), max(WHY_LEAST, room))
    proof = few(_proof(incident, diagnosis), min(PROOF_MOST, room - budget.words_in(cause)))
    said = [f"*Why*  {sentence(cause)}", *([sentence(proof)] if budget.words_in(proof) else [])]
    return "\n".join([*said, *again])


def _proof(incident: Incident, diagnosis: Diagnosis) -> str:
    """The strongest line of evidence, while it still matters."""
    over = incident.status in ("resolved", "closed")
    return "" if over or not diagnosis.evidence else diagnosis.evidence[0].statement


def _not_established(diagnosis: Diagnosis) -> str:
    """That no cause is established, with the test that would show it, if there is one."""
    test = diagnosis.discriminating_test
    return f"Not established yet. What would show it: {test}" if test else "Not established yet."


def _second_look(incident: Incident) -> list[str]:
    """The result of looking again, below what was known before."""
    if "diagnose" in incident.awaits:
        return ["_Being diagnosed again …_"]
    if incident.diagnosis_failure and incident.status not in ("resolved", "closed"):
        return [f"_Diagnosing again failed: {sentence(few(incident.diagnosis_failure, FAILURE_MOST))}_"]
    return []


def _not_diagnosed(incident: Incident, room: int) -> str:
    if "diagnose" in incident.awaits:
        again = " again" if incident.diagnosis_failure else ""
        lines = [line.statement for piece in incident.evidence_so_far for line in piece.lines][:MOST_SO_FAR]
        bullets = [f"• {sentence(few(line, PROOF_MOST))}" for line in lines]
        return "\n".join([f"Evidence is being gathered{again} …", *bullets])
    if incident.diagnosis_failure:
        failure = sentence(few(incident.diagnosis_failure.rstrip("."), FAILURE_MOST))
        return f"Not established: gathering evidence failed ({failure}).{_try_again(incident)}"
    return sentence(few(incident.description, max(WHY_LEAST, room - 1))) or "Not established yet."


def _try_again(incident: Incident) -> str:
    return " _Diagnose again_ retries." if Button(action="look_again") in buttons(incident) else ""


def _presses(incident: Incident, link: Link) -> list[Block]:
    """All buttons except those beside what they choose: an option, a change."""
    report_url = link(f"/reports/{incident.number}")
    pressable = [one for one in buttons(incident) if not _has_its_place(one)]
    if incident.status == "resolved":  # the follow-up comes next; taking it back is for later
        pressable.sort(key=lambda one: one.action in ("revert", "renew"))
    more = [one for one in pressable if one.action in IN_MORE and incident.status != "closed"]
    beside = [_button(incident, one, report_url) for one in pressable if one not in more]
    overflow = [_overflow(incident, more)] if more else []
    return [divider(), actions([*beside, *overflow])]


def _has_its_place(one: Button) -> bool:
    return one.action == "deploy" or (one.action == "follow_up_accept" and one.option is not None)


def _button(incident: Incident, one: Button, report_url: str | None) -> Block:
    drawn = button(LABELS[one.action], one.action, spell(incident, one.option), _style(incident, one.action))
    if one.action == "report":  # without an address, a press is answered with one for whoever pressed
        return {**drawn, "url": report_url} if report_url else drawn
    if one.action == "approve":
        option = incident.option(one.option or "")
        label = option.label if option else one.option
        asked = f"“{label}” is deployed at once and watched by the check that raised the alarm."
        return {**drawn, "confirm": confirm(f"{LABELS[one.action].rstrip(' …')}?", asked, "Yes")}
    return drawn


def to_revert(incident: Incident) -> list[Block]:
    """The button that reverts what is in force, for use outside the message."""
    found = [one for one in buttons(incident) if one.action == "revert"]
    return [actions([_button(incident, one, None) for one in found])] if found else []


def _style(incident: Incident, action: Action) -> Style | None:
    if action == "acknowledge":
        return None if incident.menu else "primary"
    if action == "close" and incident.follow_up is None:
        return None
    return STYLES.get(action)


def _overflow(incident: Incident, more: list[Button]) -> Block:
    options = [
        {"text": plain(LABELS[one.action]), "value": f"{one.action}|{spell(incident)}"} for one in more
    ]
    return {"type": "overflow", "action_id": "more", "options": options}


def _footer(incident: Incident) -> list[Block]:
    lines = []
    if incident.silenced_until and incident.silenced_until > incident.last_at and incident.status != "closed":
        lines.append(f"🔕 silenced until {words.moment(incident.silenced_until)}")
    if incident.score:
        lines.append(words.scored(incident))
    return [context(*lines)] if lines else []
