"""
The parts of rich text, described as in `reference.py`.

Source: Slack's Block Kit reference (docs.slack.dev/reference/block-kit/blocks/rich-text-block), read 2026-11.
"""

from __future__ import annotations

from collections.abc import Mapping

from bot.workspace.block_kit.limits import ID_MAX, MESSAGE_TEXT_MAX
from bot.workspace.block_kit.shape import Child, Choice, Flag, Many, Number, Shape, String

_INLINE = ("text", "link", "emoji", "user", "usergroup", "channel")
_STYLE = {"style": Child(("inline_style",))}
RICH_TEXT: Mapping[str, Shape] = {
    "rich_text_section": Shape(required={"elements": Many(Child(_INLINE), 500, 0)}),
    "rich_text_preformatted": Shape(
        required={"elements": Many(Child(("text", "link")), 500, 0)}, optional={"border": Number(0, 1)}
    ),
    "rich_text_quote": Shape(
        required={"elements": Many(Child(_INLINE), 500, 0)}, optional={"border": Number(0, 1)}
    ),
    "rich_text_list": Shape(
        required={
            "style": Choice(("bullet", "ordered")),
            "elements": Many(Child(("rich_text_section",)), 500),
        },
        optional={"indent": Number(0, 8), "border": Number(0, 1), "offset": Number()},
    ),
    "text": Shape(required={"text": String(MESSAGE_TEXT_MAX)}, optional=_STYLE),
    "link": Shape(
        required={"url": String(3_000, url=True)},
        optional={"text": String(3_000), "unsafe": Flag(), **_STYLE},
    ),
    "emoji": Shape(required={"name": String(100)}, optional={"unicode": String(100), **_STYLE}),
    "user": Shape(required={"user_id": String(ID_MAX)}, optional=_STYLE),
    "usergroup": Shape(required={"usergroup_id": String(ID_MAX)}, optional=_STYLE),
    "channel": Shape(required={"channel_id": String(ID_MAX)}, optional=_STYLE),
}
