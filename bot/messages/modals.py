"""One modal for each action that needs input from a person."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bot.messages import correction
from bot.messages.blocks import Block, cut, escape, plain, section
from bot.messages.incident.explained import explained
from bot.messages.incident.menu import choices
from bot.messages.incident.why import why, why_blocks
from bot.messages.inert import sentence
from bot.messages.words import circled
from domain.incident.decide import in_hand
from domain.incident.ranking import why_first
from domain.incident.state import Incident
from domain.values import Improvement, Severity

View = dict[str, Any]
TITLE_MAX = 24
INPUT_MAX = 3000
OPTIONS_MAX = 100
MOST_EXPLAINED = 20

SILENCES = {"1": "1 hour", "4": "4 hours", "12": "12 hours", "24": "1 day", "72": "3 days", "168": "7 days"}
HOW = {"elsewhere": "Fixed elsewhere", "by_itself": "It went away by itself", "hotfix": "By the hotfix"}
CHANGES = {
    "check": "A check",
    "threshold": "A threshold",
    "log": "A log",
    "hotfix": "A hotfix",
    "nothing": "Nothing, for a reason",
}
SEVERITIES = {
    "SEV1": "SEV1: wakes people",
    "SEV2": "SEV2: now, in working hours",
    "SEV3": "SEV3: today",
    "SEV4": "SEV4: can wait until morning",
}


def _modal(action: str, value: str, title: str, submit: str, blocks: Sequence[Block]) -> View:
    return {
        "type": "modal",
        "callback_id": action,
        "private_metadata": value,
        "title": plain(title, TITLE_MAX),
        "submit": plain(submit, TITLE_MAX),
        "close": plain("Cancel", TITLE_MAX),
        "blocks": list(blocks),
    }


def _ask(name: str, label: str, *, lines: bool = True, value: str = "", hint: str = "") -> Block:
    element: Block = {
        "type": "plain_text_input",
        "action_id": name,
        "multiline": lines,
        "max_length": INPUT_MAX,
    }
    if value:
        element["initial_value"] = cut(value, INPUT_MAX)
    block: Block = {"type": "input", "block_id": name, "label": plain(label, 2000), "element": element}
    return {**block, "hint": plain(hint, 2000)} if hint else block


def _select(name: str, label: str, choices: dict[str, str], chosen: str | None = None) -> Block:
    options = [{"text": plain(words), "value": key} for key, words in choices.items()]
    element: Block = {"type": "static_select", "action_id": name, "options": options}
    first = next((option for option in options if option["value"] == chosen), None)
    if first:
        element["initial_option"] = first
    return {"type": "input", "block_id": name, "label": plain(label, 2000), "element": element}


def numbers(incident: Incident, value: str) -> View:
    """How each number of the menu was made, and why a declared hotfix is not on it; nothing to submit."""
    answer = why(incident)
    first = why_first([option for _, option in choices(incident)])
    shown = [section(sentence(first))] if first else []
    for index, option in enumerate((incident.menu or ())[:MOST_EXPLAINED]):
        known = "\n".join(f"{name}: {escape(said)}" for name, said in explained(option))
        shown.append(section(f"*{circled(index)} {escape(option.label)}*\n{known}"))
    view = _modal("why", value, f"Numbers of #{incident.number}", "", [*shown, *why_blocks(answer)])
    return {name: given for name, given in view.items() if name != "submit"}


def note(incident: Incident, value: str) -> View:
    return _modal(
        "note", value, f"Note on #{incident.number}", "Add", [_ask("text", "What should others know?")]
    )


def severity(incident: Incident, value: str) -> View:
    asked = [
        _select("severity", "How bad is it?", SEVERITIES, incident.severity.value),
        _ask("reason", "Why does it change?"),
    ]
    return _modal("severity", value, f"Severity of #{incident.number}", "Change", asked)


def assign(incident: Incident, value: str) -> View:
    who = {
        "type": "input",
        "block_id": "person",
        "label": plain("Who takes over?"),
        "element": {"type": "users_select", "action_id": "person"},
    }
    return _modal("assign", value, f"Assign #{incident.number}", "Assign", [who])


def silence(incident: Incident, value: str) -> View:
    notice = section("No messages in the thread until then. The incident's own message stays up to date.")
    asked = [notice, _select("hours", "For how long?", SILENCES, "1")]
    return _modal("silence", value, f"Silence #{incident.number}", "Silence", asked)


def dismiss(incident: Incident, value: str) -> View:
    why = _ask("reason", "Why is this not an incident?", hint="The check learns from your answer.")
    return _modal("dismiss", value, "Not an incident", "Dismiss", [why])


def resolve(incident: Incident, value: str) -> View:
    asked = [
        *_in_hand(incident),
        _select("how", "How did it end?", HOW, "elsewhere"),
        _ask("reason", "How was it resolved?"),
    ]
    return _modal("resolve", value, f"Resolve #{incident.number}", "Resolve", asked)


def _in_hand(incident: Incident) -> list[Block]:
    """What continues after the end, or is called off with it."""
    said = in_hand(incident)
    withdrawn = incident.hotfix is not None and incident.hotfix.stage == "chosen"
    return [section(f"{escape(said)}.{' Resolving withdraws it.' if withdrawn else ''}")] if said else []


def reopen(incident: Incident, value: str) -> View:
    return _modal(
        "reopen", value, f"Reopen #{incident.number}", "Reopen", [_ask("reason", "Why is it open again?")]
    )


def reject(incident: Incident, value: str) -> View:
    return _modal("reject", value, "Reject the hotfix", "Reject", [_ask("reason", "Why not this one?")])


def break_glass(incident: Incident, value: str) -> View:
    notice = section(
        "It is deployed at once, without the second person that it needs. Your name and the reason are "
        "posted in the channel and appear in the report."
    )
    return _modal(
        "break_glass",
        value,
        "Break glass",
        "Deploy alone",
        [notice, _ask("reason", "Why can it not wait for a second person?")],
    )


def renew(incident: Incident, value: str) -> View:
    why = _ask("reason", "Why should it stay in force longer?", hint="It is renewed for the same time again.")
    return _modal("renew", value, "Renew the hotfix", "Renew", [why])


def correct(incident: Incident, value: str) -> View:
    found = correction.choices(incident)[:OPTIONS_MAX]
    asked = [
        _select("what", "What is wrong?", {one.key: f"{one.name}: {one.says}" for one in found}),
        _ask("right", "What is right?", hint="A time like 2026-03-01 02:41, in UTC; a severity like SEV2."),
        _ask("reason", "Why is it corrected?", hint="The original stays in the timeline."),
    ]
    return _modal("correct", value, f"Correct #{incident.number}", "Correct", asked)


def follow_up_edit(incident: Incident, value: str) -> View:
    return _follow_up("follow_up_edit", incident, value, "Follow-up", "Save", None)


def follow_up_decline(incident: Incident, value: str) -> View:
    return _follow_up("follow_up_decline", incident, value, "Decline the follow-up", "Decline", "nothing")


def _follow_up(
    action: str, incident: Incident, value: str, title: str, submit: str, change: str | None
) -> View:
    known = incident.follow_up or incident.proposed or _NOTHING_PROPOSED
    detail = "" if change else known.detail
    what = "Why does nothing change?" if change else "What exactly changes?"
    asked = [
        _ask("detect_faster", "Could it have been detected faster, or predicted?", value=known.detect_faster),
        _ask("diagnose_faster", "Could it have been diagnosed faster?", value=known.diagnose_faster),
        *([] if change else [_select("change", "What changes?", CHANGES, known.change)]),
        *([] if change else _which_check(incident)),
        _ask("detail", what, value=detail),
    ]
    return _modal(action, value, title, submit, asked)


def _which_check(incident: Incident) -> list[Block]:
    """Which of the replayed checks is to be declared; the best, unless somebody chooses otherwise."""
    if not incident.changes:
        return []
    names = {one.change.name: one.says for one in incident.changes}
    agreed = incident.change.name if incident.change else next(iter(names))
    return [_select("check", "Which check is declared?", {**names, NO_CHECK: "None of them"}, agreed)]


NO_CHECK = "-"
"""The choice of no check; no proposed check has this name."""

_NOTHING_PROPOSED = Improvement(detect_faster="", diagnose_faster="", change="check", detail="")


def declare(title: str = "", channel: str = "") -> View:
    """The modal of `/recsysops declare`; `channel` is where it was typed."""
    asked = [
        _ask("title", "What is wrong, in a few words?", lines=False, value=title),
        _select("severity", "How bad is it?", SEVERITIES, Severity.SEV3.value),
        {**_ask("description", "What is known so far?"), "optional": True},
    ]
    return _modal("declare", channel, "Declare an incident", "Declare", asked)
