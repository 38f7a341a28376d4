"""How far the hotfix has come, how it ended, and what follows, in words."""

from __future__ import annotations

from collections.abc import Callable

from bot.messages import words
from bot.messages.blocks import Block, button, context, cut, escape, section
from bot.messages.follow_up import became, due, what_now
from bot.messages.incident.value import spell
from bot.messages.inert import code_block, sentence
from domain.incident.decide import CHOICE_HOLDS, DEPLOYED, IN_HAND, missing_to_close
from domain.incident.menu import second_person
from domain.incident.outcome import against_promise, cost_against_promise, repaired, worth_today
from domain.incident.sentence import HOW
from domain.incident.state import Hotfix, Incident, Stage
from domain.values import Improvement, Option

PART_MAX = 500
DIFF_MAX = 1_500


def hotfix(incident: Incident) -> list[Block]:
    """One section about the hotfix in hand, or none."""
    fix = incident.hotfix
    if fix is None:
        return []
    option = incident.option(fix.option)
    label = f"“{escape(option.label if option else fix.option)}”"
    if fix.stage == "verified" and incident.kind == "predicted":
        return [section("*Hotfix*  " + _verified(fix, option, label, "forecast"))]
    return [section("*Hotfix*  " + _SENTENCES[fix.stage](fix, option, label)), *_alone(fix)]


def _alone(fix: Hotfix) -> list[Block]:
    """That it was deployed without the second person it needs, for as long as the hotfix is shown."""
    if fix.break_glass is None:
        return []
    who = words.person(fix.approved_by or fix.chosen_by)
    reason = cut(sentence(fix.break_glass.rstrip(".")), PART_MAX)
    return [section(f"🚨 *Break-glass*  {who} had it deployed *without a second person*: {reason}.")]


def broken_glass(incident: Incident, label: str, reason: str, who: str) -> str:
    """What the channel is told when somebody deploys without the required second person."""
    return (
        f"🚨 *Break-glass* in #{incident.number}: {who} has “{escape(label)}” deployed *without the second "
        f"person* that it needs: {cut(sentence(reason.rstrip('.')), PART_MAX)}."
    )


def _chosen(fix: Hotfix, option: Option | None, label: str) -> str:
    alone = "somebody else" if option and second_person(option) else "somebody"
    asks = f"{words.person(fix.chosen_by)} asks for {label}.{_promise(option)}"
    return f"{asks} It waits for {alone} to approve it, until {words.moment(fix.at + CHOICE_HOLDS)}."


def _approved(fix: Hotfix, option: Option | None, label: str) -> str:
    approver = fix.approved_by or fix.chosen_by
    if fix.break_glass is not None:
        return f"{label} is being deployed …{_promise(option)}"
    both = "" if approver == fix.chosen_by else f", asked for by {words.person(fix.chosen_by)}"
    return f"{words.person(approver)} approved {label}{both}. It is being deployed …{_promise(option)}"


def _applied(fix: Hotfix, option: Option | None, label: str) -> str:
    seen = (
        ""
        if fix.repaired_share is None
        else f" So far *{words.percent(fix.repaired_share)}* of the gap is repaired."
    )
    until = f", watched until {words.clock_time(fix.watch_until)}" if fix.watch_until else ""
    some = f" for {words.percent(fix.share)} of members" if fix.share < 1.0 else ""
    some += f", {words.held_out(fix.hold_out)}" if fix.hold_out and fix.share == 1.0 else ""
    by = f", chosen by {words.person(fix.chosen_by)}"
    return f"{label} is in force{some}{by}{until}.{_stages(fix, option)}{seen}{_promise(option)}"


def _widening(fix: Hotfix, option: Option | None, label: str) -> str:
    share = words.percent(fix.share)
    return (
        f"With {label} nothing became worse for {share} of members; it is being deployed to more …"
        f"{_stages(fix, option)}"
    )


def _stages(fix: Hotfix, option: Option | None) -> str:
    """How far it has been rolled out to members, if it goes in stages."""
    said = words.stages(option, fix.share) if option else ""
    return f" {said[0].upper()}{said[1:]}." if said else ""


def _cost(fix: Hotfix) -> str:
    """What everybody together gained or lost, once that is measured."""
    said = cost_against_promise(fix)
    return f" In all: {escape(said)}." if said else ""


def _worth(fix: Hotfix) -> str:
    """Its effect today, once the held-out members show it."""
    if fix.worth is None:
        return ""
    return f" Today, against members held out: {cut(sentence(worth_today(fix.worth)), PART_MAX)}."


def _verified(fix: Hotfix, option: Option | None, label: str, alarm: str = "check") -> str:
    outcome = f" {_outcome(fix, option)}" if fix.repaired_share is not None else ""
    expires = f" It expires {words.moment(fix.expires_at)}." if fix.expires_at else ""
    worth = f"{_cost(fix)}{_worth(fix)}"
    return f"{label} works, verified by the {alarm} that raised the alarm.{outcome}{worth}{expires}"


def _outcome(fix: Hotfix, option: Option | None) -> str:
    """What it repaired, compared with what was promised."""
    verdict = against_promise(fix, option)
    promised = f" (promised {_promised(option)})" if option else ""
    return f"It repaired *{repaired(fix, option)}*{promised}" + (f", {verdict}." if verdict else ".")


def _refuted(fix: Hotfix, option: Option | None, label: str) -> str:
    share = "" if fix.repaired_share is None else f" {_outcome(fix, option)}"
    kept = "It is still in force; revert it if it does not help."
    return f"{label} did *not* repair it: {_reason(fix)}.{share}{_cost(fix)}{_worth(fix)} {kept}"


def _failed(fix: Hotfix, option: Option | None, label: str) -> str:
    return f"{label} could not be deployed: {_reason(fix)}. Nothing has changed."


def _rejected(fix: Hotfix, option: Option | None, label: str) -> str:
    return f"{label} was rejected" + (f": {_reason(fix)}." if fix.reason else ".")


def _reverting(fix: Hotfix, option: Option | None, label: str) -> str:
    if fix.because in (None, "person"):
        return f"{label} is being reverted …"
    return f"{label} {_found(fix)}: {_reason(fix)}. It is being reverted by itself …"


def _reverted(fix: Hotfix, option: Option | None, label: str) -> str:
    if fix.because in (None, "person"):
        return f"{label} is reverted; the recommender serves as it did before.{_cost(fix)}"
    return (
        f"{label} {_found(fix)}: {_reason(fix)}. It was reverted by itself; the recommender serves as before "
        f"it, and another can be chosen.{_cost(fix)}"
    )


def _found(fix: Hotfix) -> str:
    if fix.because == "stage_failed":
        return "is not rolled out further"
    return "did *harm*" if fix.because == "harm" else "did *not* repair it"


def _revert_failed(fix: Hotfix, option: Option | None, label: str) -> str:
    return f"{label} could *not* be reverted: {_reason(fix)}. It is still in force; press Revert again."


def _expired(fix: Hotfix, option: Option | None, label: str) -> str:
    return f"{label} has expired and no longer acts.{_cost(fix)}"


_SENTENCES: dict[Stage, Callable[[Hotfix, Option | None, str], str]] = {
    "chosen": _chosen,
    "approved": _approved,
    "rejected": _rejected,
    "applied": _applied,
    "widening": _widening,
    "failed": _failed,
    "verified": _verified,
    "refuted": _refuted,
    "reverting": _reverting,
    "reverted": _reverted,
    "revert_failed": _revert_failed,
    "expired": _expired,
}


def _promise(option: Option | None) -> str:
    return f" Promised: {_promised(option)}." if option else ""


def _promised(option: Option) -> str:
    return escape(words.estimate(option.repairs))


def _reason(fix: Hotfix) -> str:
    return cut(sentence((fix.reason or "no reason given").rstrip(".")), PART_MAX)


def ending(incident: Incident) -> list[Block]:
    """The outcome: how it was resolved, and the follow-up, asked or answered."""
    if incident.merged_into is not None:
        number = incident.merged_into
        return [
            section(f"*Part of #{number}*, which has the same cause: what is done about it is done there.")
        ]
    if incident.status not in ("resolved", "closed"):
        return []
    how = HOW[incident.resolved_how] if incident.resolved_how else ""
    took = (
        f" after {words.lasting(incident.resolved_at - incident.opened_at)}" if incident.resolved_at else ""
    )
    # By a verified hotfix: what it repaired is already shown above.
    verified = incident.hotfix is not None and incident.hotfix.stage == "verified"
    said = "" if verified and incident.resolved_how == "hotfix" else incident.resolution or ""
    reason = cut(escape(said), PART_MAX)
    resolved = section(f"*Resolved* {how}{took}. {reason}".rstrip())
    return [resolved, *_still_in_force(incident), *_follow_up(incident), *_before_closing(incident)]


def _still_in_force(incident: Incident) -> list[Block]:
    """What still acts on the recommender although the incident is over."""
    fix = incident.hotfix
    if fix is None or fix.stage not in DEPLOYED:
        return []
    option = incident.option(fix.option)
    until = f" until {words.moment(fix.expires_at)}" if fix.expires_at else ", and does not expire"
    if fix.renewing_until:
        until = f"; it is being renewed until {words.moment(fix.renewing_until)}"
    label = escape(option.label if option else fix.option)
    return [context(f"“{label}” is still in force{until}; _Revert_ ends it sooner.")]


def _follow_up(incident: Incident) -> list[Block]:
    if incident.follow_up:
        by = f", answered by {words.person(incident.follow_up_by)}" if incident.follow_up_by else ""
        return [section(f"*What changes*{by}\n{improvement(incident.follow_up)}"), *_came(incident)]
    if incident.proposed:
        proposal = section(f"*Follow-up* proposed, not answered yet\n{improvement(incident.proposed)}")
        return [proposal, *_changes(incident), *_note(incident)]
    asked = "Could it have been detected faster, or predicted? Diagnosed faster? What should change?"
    waiting = " A proposal is being prepared …" if "follow_up" in incident.awaits else ""
    return [section(f"*Follow-up* open: {asked}{waiting}")]


def _changes(incident: Incident) -> list[Block]:
    """The changes to choose from, each with the result of its replay and its button."""
    return [
        section(
            f"{words.circled(place)} {escape(cut(one.says, PART_MAX))}\n_{escape(one.proof)}_",
            button(
                f"Accept {words.circled(place)}",
                "follow_up_accept",
                spell(incident, one.change.name),
                "primary" if place == 0 else None,
            ),
        )
        for place, one in enumerate(incident.changes)
    ]


def _note(incident: Incident) -> list[Block]:
    return [context(cut(sentence(incident.proposed_note), PART_MAX))] if incident.proposed_note else []


def _came(incident: Incident) -> list[Block]:
    """What became of the check that was agreed on, with its lines as a diff."""
    came, followed = incident.change_came, incident.followed
    waiting = [context("The change is being written …")] if "change" in incident.awaits else []
    lines = [cut(sentence(one), PART_MAX) for one in became(incident)]
    gone = followed.gone if followed else None
    diff = gone.diff if gone else came.diff if came else ""
    shown = f"\n{code_block(cut(diff, DIFF_MAX))}" if diff else ""
    return [
        *waiting,
        *([section("\n".join(lines) + shown)] if lines else []),
        *_again(incident),
        *_due(incident),
    ]


def _again(incident: Incident) -> list[Block]:
    """What can be done if its pull request was closed, and the button for another one."""
    what = what_now(incident)
    if what is None or incident.change is None:
        return []
    if incident.status != "resolved":
        return [section(sentence(what))]
    again = spell(incident, incident.change.name)
    return [section(sentence(what), button("Open another", "follow_up_accept", again, "primary"))]


def _due(incident: Incident) -> list[Block]:
    """Who is responsible, and by when."""
    until, followed = due(incident), incident.followed
    if until is None or followed is None or followed.owner is None:
        return []
    return [context(f"{words.person(followed.owner)} sees to it; due {until}")]


def _before_closing(incident: Incident) -> list[Block]:
    """What Close is waiting for, said before anybody presses it."""
    answer = "accept, edit or decline it" if incident.proposed else "edit it, or decline it with a reason"
    how_far = IN_HAND[incident.hotfix.stage] if incident.hotfix and incident.hotfix.stage in IN_HAND else ""
    words_for = {"follow_up": f"the follow-up ({answer})", "hotfix": f"the hotfix, which {how_far}"}
    missing = [words_for[one] for one in missing_to_close(incident)] if incident.status == "resolved" else []
    return [context("_Close_ waits for " + "; and for ".join(missing))] if missing else []


def improvement(given: Improvement) -> str:
    """The two answers, the change, and its proof."""
    change = "Nothing changes" if given.change == "nothing" else f"Change to a {given.change}"
    proof = f"\n_{cut(sentence(given.proof), PART_MAX)}_" if given.proof else ""
    return (
        f"• {change}: {cut(sentence(given.detail), PART_MAX)}\n"
        f"• Detected faster? {cut(sentence(given.detect_faster), PART_MAX)}\n"
        f"• Diagnosed faster? {cut(sentence(given.diagnose_faster), PART_MAX)}{proof}"
    )
