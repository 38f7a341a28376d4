"""
Which menu was read. A press carries its digest, so that nobody deploys on numbers that they never saw.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import timedelta
from hashlib import sha256
from typing import Any

from domain.incident.numbers import effect, estimate, lasting, percent, seconds, stages
from domain.values import Option

DIGEST_LENGTH = 16
SINCE_DIGESTS = frozenset(
    {
        "alone",
        "blast_members",
        "break_glass",
        "by_slice",
        "from_log",
        "guards",
        "hold_out",
        "kind",
        "others",
        "own",
        "remind",
        "stages",
        "variety",
        "whole",
        "whole_from_log",
        "worst",
    }
)
"""Fields of an option that were added after there were digests."""

MOST_FORMER = 5
"""How many earlier menus are remembered, to say what changed since they were read."""

Former = dict[str, tuple[Option, ...]]
"""Digest → what a menu said, without the parameters its options hand to their deployers; oldest first."""


def digest_of(options: Sequence[Option]) -> str:
    """Digest of all these options say and would do: 16 hexadecimal digits, empty where there are none."""
    if not options:
        return ""
    said = [_said(option) for option in options]
    text = json.dumps(said, sort_keys=True, separators=(",", ":"))
    return sha256(text.encode()).hexdigest()[:DIGEST_LENGTH]


def _said(option: Option) -> dict[str, Any]:
    """All fields except later ones that are unset, so that a menu's digest never changes."""
    said = option.model_dump(mode="json")
    return {name: value for name, value in said.items() if value or name not in SINCE_DIGESTS}


def with_former(former: Former, options: Sequence[Option]) -> Former:
    """The former menus with this one added as the newest."""
    digest = digest_of(options)
    said = tuple(option.model_copy(update={"parameters": {}}) for option in options)
    kept = {**{key: menu for key, menu in former.items() if key != digest}, digest: said}
    return dict(list(kept.items())[-MOST_FORMER:])


def touches(option: Option) -> str:
    """Whom it affects."""
    members = f", {percent(option.blast_members)} of a day's members" if option.blast_members else ""
    return f"touches {percent(option.blast_share)} of requests{members}"


def second_person(option: Option) -> str:
    """Whether it needs a second person, and when; empty where it never does."""
    if option.needs_second_person:
        return "needs a second person"
    return f"needs a second person outside {option.alone.words}" if option.alone else ""


def priced_anew(read: Sequence[Option] | None, now: Sequence[Option], key: str) -> str:
    """
    What changed in the option `key` since the menu `read` (None: it is not remembered), with the new numbers.
    """
    before = next((option for option in read or () if option.key == key), None)
    after = next((option for option in now if option.key == key), None) or _in_place_of(before, now)
    if after is None:
        label = f"“{before.label}” is" if before else "This hotfix is"
        return f"{label} not on the menu any more. {_offered(now)}"
    if before is None:
        return f"“{after.label}” {'; '.join(say(after) for say in _ALWAYS)}."
    changes = _changes(before, after)
    line = f"“{after.label}” {'; '.join(changes)}."
    return line if _differ(before, after) else f"{line} {_beside(read or (), now, key)}"


def _in_place_of(before: Option | None, now: Sequence[Option]) -> Option | None:
    """The same hotfix acting on something else, which gives it another key."""
    return next((option for option in now if before and option.hotfix == before.hotfix), None)


def _offered(now: Sequence[Option]) -> str:
    labels = ", ".join(f"“{option.label}”" for option in now if option.deployable)
    return f"Offered now: {labels}." if labels else "Nothing is offered now."


def _changes(before: Option, after: Option) -> list[str]:
    """What the option repairs and costs, then and now, followed by whatever else changed."""
    always = [_then_and_now(say(before), say(after)) for say in _ALWAYS]
    more = [_then_and_now(say(before), say(after)) for say in _WHERE_CHANGED if say(before) != say(after)]
    acts = [] if before.key == after.key else ["it acts on something else than before"]
    return [*always, *more, *acts]


def _then_and_now(before: str, after: str) -> str:
    return f"{after} as before" if before == after else f"{after} (before: {before})"


def _differ(before: Option, after: Option) -> bool:
    return before.model_copy(update={"parameters": {}}) != after.model_copy(update={"parameters": {}})


def _beside(read: Sequence[Option], now: Sequence[Option], key: str) -> str:
    """What changed in the other options."""
    then = {option.key: option for option in read if option.key != key}
    others = {option.key: option for option in now if option.key != key}
    said = [f"new: “{option.label}”" for one, option in others.items() if one not in then]
    said += [f"gone: “{option.label}”" for one, option in then.items() if one not in others]
    said += [
        f"“{others[one].label}” {', '.join(_changes(option, others[one]))}"
        for one, option in then.items()
        if one in others and _differ(option, others[one])
    ]
    return f"Beside it, {'; '.join(said)}." if said else "What it hands to its deployer changed."


_ALWAYS: tuple[Callable[[Option], str], ...] = (
    lambda option: f"repairs {estimate(option.repairs)}",
    lambda option: effect(option.costs),
)
_WHERE_CHANGED: tuple[Callable[[Option], str], ...] = (
    lambda option: f"is called “{option.label}”",
    lambda option: f"does: {option.does}",
    lambda option: f"takes {seconds(option.deploy_seconds)}",
    touches,
    lambda option: second_person(option) or "needs no second person",
    lambda option: "may be deployed by break-glass" if option.break_glass else "may not be by break-glass",
    lambda option: f"undo: {option.undo}",
    lambda option: _expires(option.expires_after),
    lambda option: f"is watched for {lasting(option.watch)}",
    lambda option: f"goes to {option.deployer}",
    lambda option: f"is deployed {stages(option) or 'to all members at once'}",
    lambda option: f"is guarded by {', '.join(option.guards) or 'no check'}",
)


def _expires(after: timedelta | None) -> str:
    return "never expires" if after is None else f"expires after {lasting(after)}"
