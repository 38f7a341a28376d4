"""The menu: one line an option for a glance, and its button; how each number was made is in `explained`."""

from __future__ import annotations

from datetime import timedelta

from bot.messages import words
from bot.messages.blocks import BUTTON_MAX, Block, button, confirm, context, cut, escape, plain, section
from bot.messages.budget import few
from bot.messages.incident.value import spell
from bot.messages.inert import sentence
from domain.incident.card import buttons
from domain.incident.decide import in_hand
from domain.incident.menu import second_person
from domain.incident.numbers import brief, brief_effect, lasting, percent
from domain.incident.state import Incident
from domain.values import Estimate, Option

MOST_SHOWN = 3
MOST_IN_LIST = 5
"""Slack's overflow menu has room for no more."""

LABEL_WORDS, NOTE_WORDS = 5, 20
OPTION_TEXT_MAX = 700


def menu(incident: Incident) -> list[Block]:
    """What can be chosen, one line each, with its button."""
    if incident.menu is None:
        return []
    if not incident.menu:
        note = incident.menu_note or "None of the declared hotfixes fits this cause."
        said = (
            "The hotfixes are being priced again …" if _being_made(incident) else f"Nothing to deploy. {note}"
        )
        return [section(sentence(few(said, NOTE_WORDS)))]
    offered = choices(incident)
    if not offered:
        return _nothing_left(incident)
    lines = [section(line(one, at), deploy(incident, one, at)) for at, one in offered[:MOST_SHOWN]]
    newer = [context("A newer menu is being prepared.")] if _being_made(incident) else []
    return [*lines, *_others(incident, offered[MOST_SHOWN:]), *newer]


def choices(incident: Incident) -> list[tuple[int, Option]]:
    """The options that can be deployed now, each with its place on the menu (from 0)."""
    pressable = {button.option for button in buttons(incident) if button.action == "deploy"}
    return [(at, one) for at, one in enumerate(incident.menu or ()) if one.key in pressable]


def _being_made(incident: Incident) -> bool:
    return not {"diagnose", "menu"}.isdisjoint(incident.awaits)


def _nothing_left(incident: Incident) -> list[Block]:
    """A note that everything offered was tried in vain; empty while a hotfix is in hand."""
    tried = [f"{one.label} was {one.words}" for one in incident.spent]
    if in_hand(incident) or not tried:
        return []
    return [section(f"Nothing else is offered: {sentence(few('; '.join(tried), NOTE_WORDS))}.")]


def line(option: Option, index: int) -> str:
    """What it repairs, what it costs, what it takes, and how sure that is."""
    parts = (
        _repairs(option.repairs),
        brief_effect(option.costs),
        f"in {lasting(timedelta(seconds=option.deploy_seconds))}",
        f"first for {percent(option.stages[0])} of members" if option.stages else "",
        second_person(option),
        sureness(option.repairs),
    )
    said = escape(" · ".join(part for part in parts if part))
    return cut(f"*{words.circled(index)} {escape(few(option.label, LABEL_WORDS))}*  {said}", OPTION_TEXT_MAX)


def sureness(given: Estimate) -> str:
    """How a number is known, in a word: only what was measured has an interval."""
    if given.value is None:
        return ""
    return "estimated" if given.low is None or given.high is None else "measured"


def _repairs(given: Estimate) -> str:
    """What it repairs; an effect that is certainly harmful is not called a repair."""
    if given.value is None:
        return "repair not known"
    if given.value < 0 and (given.high is None or given.high < 0):
        return f"makes it worse by {brief(words.turned(given))}"
    return f"repairs {brief(given)}"


def _others(incident: Incident, offered: list[tuple[int, Option]]) -> list[Block]:
    """Whatever else can be chosen, in a list."""
    if not offered:
        return []
    options = [
        {"text": plain(_named(option, index)), "value": spell(incident, option.key)}
        for index, option in offered[:MOST_IN_LIST]
    ]
    asked = confirm("Deploy it?", "What it repairs and costs is behind “Why these numbers”.", "Deploy")
    chosen = {"type": "overflow", "action_id": "deploy", "options": options, "confirm": asked}
    return [section(f"and {len(options)} more", chosen)]


def _named(option: Option, index: int) -> str:
    verb = "Ask: " if option.needs_second_person else ""
    return cut(f"{verb}{words.circled(index)} {option.label}", BUTTON_MAX)


def deploy(incident: Incident, option: Option, index: int) -> Block:
    """The button that deploys, or asks a second person to approve."""
    verb = "Request" if option.needs_second_person else "Deploy"
    label, value = _named(option, index), spell(incident, option.key)
    pressed = button(label, "deploy", value, "primary" if index == 0 else None)
    return {**pressed, "confirm": confirm(cut(f"{verb} “{option.label}”?", 100), _asked(option), verb)}


def deploy_again(incident: Incident, key: str) -> list[Block]:
    """The current button for an option of an earlier menu; empty if it can no longer be pressed."""
    return [deploy(incident, one, place) for place, one in choices(incident) if one.key == key]


def _asked(option: Option) -> str:
    second = ""
    if option.alone:
        second = f" Outside {option.alone.words} a second person has to approve it."
    if option.needs_second_person:
        second = " A second person has to approve it."
    return (
        f"Repairs {words.estimate(option.repairs)}; {words.effect(option.costs)}. In force after "
        f"{words.lasting(timedelta(seconds=option.deploy_seconds))}, watched for "
        f"{words.lasting(option.watch)}, reverted with {option.undo}.{second}"
    )
