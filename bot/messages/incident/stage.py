"""How far the hotfix has come, how it ended, and what follows, in words."""

from __future__ import annotations

from collections.abc import Callable

from bot.messages import words
from bot.messages.blocks import Block, button, context, cut, escape, section
from bot.messages.budget import few
from bot.messages.follow_up import became, due, what_now
from bot.messages.incident.value import spell
from bot.messages.inert import code_block, sentence
from domain.incident.decide import CHOICE_HOLDS, DEPLOYED, IN_HAND, missing_to_close
from domain.incident.menu import second_person
from domain.incident.numbers import brief
from domain.incident.outcome import INSIDE, against_promise, cost_against_promise, repaired, worth_today
from domain.incident.sentence import HOW
from domain.incident.state import Hotfix, Incident, Stage
from domain.values import Improvement, Option

PART_MAX, DIFF_MAX = 500, 1_500  # characters
REASON_WORDS, LABEL_WORDS, CHANGE_WORDS, PROOF_WORDS, ANSWERED_WORDS = 18, 8, 22, 18, 14


def hotfix(incident: Incident) -> list[Block]:
    """One section about the hotfix in hand, or none."""
    fix = incident.hotfix
    if fix is None:
        return []
    option = incident.option(fix.option)
    label = f"“{escape(few(option.label if option else fix.option, LABEL_WORDS))}”"
    if fix.stage == "verified" and incident.kind == "predicted":
        return [section("*Hotfix*  " + _verified(fix, option, label, "forecast"))]
    return [section("*Hotfix*  " + _SENTENCES[fix.stage](fix, option, label)), *_alone(fix)]


def _alone(fix: Hotfix) -> list[Block]:
    """That it was deployed without the second person it needs, for as long as the hotfix is shown."""
    if fix.break_glass is None:
        return []
    who = words.person(fix.approved_by or fix.chosen_by)
    reason = sentence(few(fix.break_glass.rstrip("."), REASON_WORDS))
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
    return f" In all: {escape(few(said, ANSWERED_WORDS))}." if said else ""


def _worth(fix: Hotfix) -> str:
    """Its effect today, once the held-out members show it."""
    if fix.worth is None:
        return ""
    return f" Today, against members held out: {sentence(few(worth_today(fix.worth), ANSWERED_WORDS))}."


def _verified(fix: Hotfix, option: Option | None, label: str, alarm: str = "check") -> str:
    did = "works" if fix.repaired_share is None else _outcome(fix, option)
    return f"{label} {did}, verified by the {alarm} that raised the alarm.{_cost(fix)}{_worth(fix)}"


def _outcome(fix: Hotfix, option: Option | None) -> str:
    """What it repaired, compared with what was promised."""
    verdict = against_promise(fix, option)
    off = f": {verdict}" if verdict and verdict != INSIDE else ""
    promised = f" (promised {_promised(option)}{off})" if option else ""
    return f"repaired *{repaired(fix, option)}*{promised}"


def _refuted(fix: Hotfix, option: Option | None, label: str) -> str:
    share = "" if fix.repaired_share is None else f" It {_outcome(fix, option)}."
    return (
        f"{label} did *not* repair it: {_reason(fix)}.{share}{_cost(fix)}{_worth(fix)} It is still in force."
    )


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
    return f"{label} {_found(fix)}: {_reason(fix)}. It was reverted by itself.{_cost(fix)}"


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
    return f" Promised {_promised(option)}." if option else ""


def _promised(option: Option) -> str:
    return escape(brief(option.repairs))


def _reason(fix: Hotfix) -> str:
    return sentence(few((fix.reason or "no reason given").rstrip("."), REASON_WORDS))


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
    reason = escape(few(said, REASON_WORDS))
    resolved = section(f"*Resolved* {how}{took}. {reason}".rstrip())
    return [resolved, *_still_in_force(incident), *_follow_up(incident), *_before_closing(incident)]


def _still_in_force(incident: Incident) -> list[Block]:
    """What still acts on the recommender although the incident is over."""
    fix = incident.hotfix
    if fix is None or fix.stage not in DEPLOYED:
        return []
    until = f"until {words.moment(fix.expires_at)}" if fix.expires_at else "and does not expire"
    if fix.renewing_until:
        until = f"and being renewed until {words.moment(fix.renewing_until)}"
    return [context(f"Still in force {until}.")]


def _follow_up(incident: Incident) -> list[Block]:
    if incident.follow_up:
        by = f", answered by {words.person(incident.follow_up_by)}" if incident.follow_up_by else ""
        came = _came(incident)
        given = incident.follow_up.model_copy(update={"proof": None}) if came else incident.follow_up
        return [section(f"*What changes*{by}: {improvement(given)}"), *came]
    if incident.proposed:
        changes = _changes(incident)
        said = "one of these" if changes else improvement(incident.proposed)
        return [section(f"*Follow-up* proposed: {said}"), *changes]
    waiting = "a proposal is being prepared …" if "follow_up" in incident.awaits else "what should change?"
    return [section(f"*Follow-up* open: {waiting}")]


def _changes(incident: Incident) -> list[Block]:
    """The changes to choose from, each with the result of its replay and its button."""
    return [
        section(
            f"{words.circled(place)} {_proved(one.says, one.proof, CHANGE_WORDS // 2, PROOF_WORDS)}",
            button(
                f"Accept {words.circled(place)}",
                "follow_up_accept",
                spell(incident, one.change.name),
                "primary" if place == 0 else None,
            ),
        )
        for place, one in enumerate(incident.changes)
    ]


def _came(incident: Incident) -> list[Block]:
    """What became of the check that was agreed on."""
    waiting = ["The change is being written …"] if "change" in incident.awaits else []
    lines = [sentence(few(one, ANSWERED_WORDS)) for one in became(incident)[-2:]]
    said = [*waiting, *lines]
    return [*([section("\n".join(said))] if said else []), *_again(incident), *_due(incident)]


def diff(incident: Incident) -> list[Block]:
    """The lines that the follow-up's change added to the declaration, or that were taken out again."""
    came, followed = incident.change_came, incident.followed
    gone = followed.gone if followed else None
    found = gone.diff if gone else came.diff if came else ""
    return [section(code_block(cut(found, DIFF_MAX)))] if found else []


def _again(incident: Incident) -> list[Block]:
    """What can be done if its pull request was closed, with the button for another one."""
    what = what_now(incident)
    if what is None or incident.change is None:
        return []
    if incident.status != "resolved":
        return [section(sentence(what))]
    again = button("Open another", "follow_up_accept", spell(incident, incident.change.name), "primary")
    return [section(what, again)]


def _due(incident: Incident) -> list[Block]:
    """Who is responsible, and by when."""
    until, followed = due(incident), incident.followed
    if until is None or followed is None or followed.owner is None:
        return []
    return [context(f"{words.person(followed.owner)} sees to it; due {until}")]


def _before_closing(incident: Incident) -> list[Block]:
    """What Close is waiting for, said before anybody presses it."""
    how_far = IN_HAND[incident.hotfix.stage] if incident.hotfix and incident.hotfix.stage in IN_HAND else ""
    words_for = {"follow_up": "an answer to the follow-up", "hotfix": f"the hotfix, which {how_far}"}
    missing = [words_for[one] for one in missing_to_close(incident)] if incident.status == "resolved" else []
    return [context("_Close_ waits for " + " and ".join(missing))] if missing else []


def improvement(given: Improvement) -> str:
    """The change and its proof; the answers to what was asked are in the report."""
    nothing = "Nothing changes. " if given.change == "nothing" else ""
    return _proved(f"{nothing}{given.detail}", given.proof or "", CHANGE_WORDS, PROOF_WORDS)


def _proved(what: str, proof: str, most: int, most_proof: int) -> str:
    said = sentence(few(what, most))
    return f"{said}\n_{sentence(few(proof, most_proof))}_" if proof else said
