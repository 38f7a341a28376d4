"""Constructors for Slack's blocks, each of which cuts its text to Slack's limit."""

from __future__ import annotations

from typing import Any, Literal

from bot.messages.inert import cut, escape, length
from domain.inert import clean

__all__ = ["cut", "escape"]

Block = dict[str, Any]

HEADER_MAX = 150
SECTION_MAX = 3000
CONTEXT_MAX = 2000
BUTTON_MAX = 75
CONFIRM_TEXT_MAX = 300
ALT_MAX = 2000
TOGETHER_MAX, OVERHEAD = 13_200, 125
"""Characters in all blocks of a message together, and how many each block after the first adds to the count;
not in Slack's reference, measured by users of Slack (slackapi/bolt-js#2509)."""

LEAST_KEPT = 200
NOTHING = "–"
"""Stands in for an empty text, which Slack does not accept."""

Style = Literal["primary", "danger"]


def plain(text: str, most: int = BUTTON_MAX) -> Block:
    """Text that Slack does not interpret at all, not even `:emoji:`."""
    return {"type": "plain_text", "text": cut(clean(text), most) or NOTHING, "emoji": False}


def mrkdwn(text: str, most: int = SECTION_MAX) -> Block:
    """Slack's markup with its data escaped; bare addresses and `#channels` in it do not become links."""
    return {"type": "mrkdwn", "text": cut(text, most) or NOTHING, "verbatim": True}


def header(text: str) -> Block:
    return {"type": "header", "text": plain(text, HEADER_MAX)}


def section(text: str, accessory: Block | None = None) -> Block:
    block: Block = {"type": "section", "text": mrkdwn(text)}
    return block if accessory is None else {**block, "accessory": accessory}


def context(*texts: str) -> Block:
    return {"type": "context", "elements": [mrkdwn(text, CONTEXT_MAX) for text in texts[:10]]}


def together(blocks: list[Block], most: int = TOGETHER_MAX) -> list[Block]:
    """
    The same blocks, cut to what Slack accepts in total: only the longest sections are shortened.

    >>> [len(one["text"]["text"]) for one in together([section("a" * 900), section("b" * 300)], 1_200)]
    [775, 300]
    """
    over = sum(map(_length, blocks)) + OVERHEAD * (len(blocks) - 1) - most
    sections = sorted((one for one in blocks if one["type"] == "section"), key=_length, reverse=True)
    for one in sections:
        room = length(one["text"]["text"]) - LEAST_KEPT
        if over <= 0 or room <= 0:
            break
        kept = {**one["text"], "text": cut(one["text"]["text"], max(LEAST_KEPT, LEAST_KEPT + room - over))}
        over -= length(one["text"]["text"]) - length(kept["text"])
        blocks = [{**each, "text": kept} if each is one else each for each in blocks]
    return blocks


def _length(said: Any) -> int:
    """The number of characters in all texts of a block."""
    if isinstance(said, list):
        return sum(map(_length, said))
    if not isinstance(said, dict):
        return 0
    own = length(said["text"]) if isinstance(said.get("text"), str) else 0
    return own + sum(_length(each) for each in said.values() if not isinstance(each, str))


def divider() -> Block:
    return {"type": "divider"}


def image(file: str, alt: str) -> Block:
    """An uploaded picture, by its id: Slack fetches none from us, and might not be able to."""
    return {"type": "image", "slack_file": {"id": file}, "alt_text": cut(clean(alt), ALT_MAX) or NOTHING}


def actions(elements: list[Block]) -> Block:
    return {"type": "actions", "elements": elements[:25]}


def button(label: str, action: str, value: str, style: Style | None = None) -> Block:
    block: Block = {"type": "button", "text": plain(label), "action_id": action, "value": value}
    return block if style is None else {**block, "style": style}


def confirm(title: str, text: str, yes: str) -> Block:
    return {
        "title": plain(title, 100),
        "text": plain(text, CONFIRM_TEXT_MAX),
        "confirm": plain(yes, 30),
        "deny": plain("Not now", 30),
    }
