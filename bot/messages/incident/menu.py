"""The menu: one section per option with all its numbers, readable in a narrow column."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from datetime import timedelta

from bot.messages import words
from bot.messages.blocks import Block, button, confirm, context, cut, escape, section
from bot.messages.incident.explained import changed_diversity
from bot.messages.incident.value import spell
from bot.messages.inert import sentence
from domain.incident.card import buttons
from domain.incident.decide import in_hand
from domain.incident.menu import second_person, touches
from domain.incident.ranking import why_first
from domain.incident.state import Incident
from domain.values import Estimate, Option

OPTION_TEXT_MAX = 700
MOST_SHOWN = 8
NO_BREAK = "\u00a0"
SHORT = 34
NO_DEPLOYER = "none"
"""The deployer of doing nothing, which is on the menu for comparison."""


def menu(incident: Incident) -> list[Block]:
    """Sections of the options, each with its Deploy button while it may be pressed."""
    if incident.menu is None:
        return []
    being_made = not {"diagnose", "menu"}.isdisjoint(incident.awaits)
    if not incident.menu:
        note = sentence(incident.menu_note) or "None of the declared hotfixes fits this cause."
        said = "The hotfixes are being priced again …" if being_made else f"Nothing to deploy. {note}"
        return [section(f"*Choose*  {cut(said, OPTION_TEXT_MAX)}")]
    deployable = {button.option for button in buttons(incident) if button.action == "deploy"}
    if not deployable:
        return _nothing_left(incident)
    shown = incident.menu[:MOST_SHOWN]
    anything = any(option.deployer != NO_DEPLOYER for option in shown)
    what = (
        "what it repairs, what it costs, and how that is known" if anything else "there is nothing to deploy"
    )
    blocks = [section("\n".join([f"*Choose*  {what}", *_first(shown, deployable)]))]
    for index, option in enumerate(shown):
        pressable = option.key in deployable and option.deployer != NO_DEPLOYER
        accessory = deploy(incident, option, index) if pressable else None
        blocks.append(section(_tried(incident, option, index) or line(option, index), accessory))
    notes = [cut(sentence(incident.menu_note), 1000)] if incident.menu_note else []
    notes += (
        ["A newer menu is being prepared; until then you can choose from this one."] if being_made else []
    )
    return [*blocks, context(*notes)] if notes else blocks


def _first(shown: Sequence[Option], deployable: AbstractSet[str | None]) -> list[str]:
    """Why the first option that may be pressed is placed before the others."""
    why = why_first([option for option in shown if option.key in deployable])
    return [cut(sentence(why), OPTION_TEXT_MAX)] if why else []


def _tried(incident: Incident, option: Option, index: int) -> str | None:
    """The option in one line, if it was found useless in this incident."""
    spent = incident.spent_on(option)
    return f"{words.circled(index)} {escape(option.label)}: {spent.words}" if spent else None


def _nothing_left(incident: Incident) -> list[Block]:
    """A note that everything offered was tried in vain; empty while a hotfix is in hand."""
    tried = [f"{one.label} was {one.words}" for one in incident.spent]
    if in_hand(incident) or not tried:
        return []
    return [
        section(cut(f"*Choose*  Nothing else is offered: {sentence('; '.join(tried))}.", OPTION_TEXT_MAX))
    ]


def line(option: Option, index: int) -> str:
    """The option in three short lines."""
    if option.deployer == NO_DEPLOYER:
        costs = f"repairs nothing · {escape(words.effect(option.costs))}\n_{escape(option.costs.basis)}_"
        return cut(f"*{words.circled(index)} {escape(option.label)}*\n{costs}", OPTION_TEXT_MAX)
    numbers = _together(
        (
            _repairs(option.repairs),
            escape(words.effect(option.costs)),
            f"in {words.lasting(timedelta(seconds=option.deploy_seconds))}",
            f"undo: {escape(option.undo)}",
        )
    )
    expires = [f"expires after {words.lasting(option.expires_after)}"] if option.expires_after else []
    known = [known_by(option), *_costs_known_by(option), touches(option), *_of_all(option), *expires]
    known += [words.stages(option)] if option.stages else []
    known += [words.held_out(option.hold_out)] if option.hold_out else []
    second = [second_person(option)] if second_person(option) else []
    does = f"  {escape(option.does)}" if option.does and option.does != option.label else ""
    text = (
        f"*{words.circled(index)} {escape(option.label)}*{does}\n{numbers}\n_{_together([*known, *second])}_"
    )
    return cut(text, OPTION_TEXT_MAX)


def _repairs(given: Estimate) -> str:
    """What it repairs; an effect that is certainly harmful is not called a repair."""
    if given.value is not None and given.value < 0 and (given.high is None or given.high < 0):
        return f"makes it worse by *{escape(words.estimate(words.turned(given)))}*"
    return f"repairs *{escape(words.estimate(given))}*"


def _costs_known_by(option: Option) -> list[str]:
    """How the costs are known, or why they are not, if that differs from the repair's."""
    basis = option.costs.basis
    return [] if basis in option.repairs.basis else [f"cost: {escape(basis.replace('_', ' '))}"]


def _of_all(option: Option) -> list[str]:
    """
    The gain or loss for everybody, whom it hits hardest, and how much more alike the shown items become,
    as far as that is known and matters.
    """
    known = option.whole if option.whole is not None and option.whole.value is not None else None
    whole = [] if known is None else [f"in all: {escape(words.effect(known, where=''))}"]
    worst, varied = escape(option.worst), escape(changed_diversity(option))
    return [*whole, *(part for part in (worst, varied) if part)]


def _together(parts: Iterable[str]) -> str:
    """Short parts on one line, which breaks only between them."""
    return " · ".join(part.replace(" ", NO_BREAK) if len(part) <= SHORT else part for part in parts)


def known_by(option: Option) -> str:
    """How the numbers are known."""
    return escape(option.repairs.basis.replace("_", " "))


def deploy(incident: Incident, option: Option, index: int) -> Block:
    """The button that deploys, or asks a second person to approve."""
    verb = "Request" if option.needs_second_person else "Deploy"
    pressed = button(
        f"{verb} {words.circled(index)} …",
        "deploy",
        spell(incident, option.key),
        "primary" if index == 0 else None,
    )
    return {**pressed, "confirm": confirm(cut(f"{verb} “{option.label}”?", 100), _asked(option), verb)}


def deploy_again(incident: Incident, key: str) -> list[Block]:
    """The current button for an option of an earlier menu; empty if it can no longer be pressed."""
    deployable = {button.option for button in buttons(incident) if button.action == "deploy"}
    options = enumerate(incident.menu or ())
    return [deploy(incident, one, place) for place, one in options if one.key == key and key in deployable]


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
