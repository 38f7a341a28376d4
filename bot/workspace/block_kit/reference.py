"""
Block Kit in one table: which blocks, elements and objects there are, which keys each may carry, and
how long each may be.

Source: Slack's Block Kit reference (docs.slack.dev/reference/block-kit), read 2026-11.

Lengths are in characters, counts in items. Limits for a whole message or view are in `limits.py`, the parts
of rich text in `rich_text.py`. `validate.py` walks this; the tests try each limit from both sides.
"""

from __future__ import annotations

from collections.abc import Mapping

from bot.workspace.block_kit.limits import ID_MAX, MARKDOWN_LENGTH_MAX, VIEW_BLOCKS_MAX
from bot.workspace.block_kit.rich_text import RICH_TEXT
from bot.workspace.block_kit.shape import (
    Child,
    Choice,
    Date,
    Flag,
    Many,
    Number,
    Rule,
    Shape,
    String,
    Text,
    TextKind,
)

_BLOCK_ID = {"block_id": String(ID_MAX, unique="block_id")}
_ACTION_ID = {"action_id": String(ID_MAX, unique="action_id")}
_CONFIRM = {"confirm": Child(("confirm",))}
_PLACEHOLDER = {"placeholder": Text(150)}
_FOCUS = {"focus_on_load": Flag()}
_ANY_TEXT: tuple[TextKind, ...] = ("plain_text", "mrkdwn")
_IMAGE: Mapping[str, Rule] = {"image_url": String(3_000, url=True), "slack_file": Child(("slack_file",))}

_SELECTS = ("static_select", "multi_static_select", "users_select")
_PICKS = ("radio_buttons", "checkboxes", "datepicker")
_INPUTS = ("plain_text_input", "number_input", *_SELECTS, *_PICKS)
_CHOOSE: Mapping[str, Rule] = {
    "options": Many(Child(("option",)), 100),
    "option_groups": Many(Child(("option_group",)), 100),
}

BLOCKS: Mapping[str, Shape] = {
    "section": Shape(
        optional={
            "text": Text(3_000, _ANY_TEXT),
            "fields": Many(Text(2_000, _ANY_TEXT), 10),
            "accessory": Child(("button", "image", "overflow", *_SELECTS, *_PICKS)),
            "expand": Flag(),
            **_BLOCK_ID,
        },
        one_of=(("text", "fields"),),
    ),
    "header": Shape(required={"text": Text(150)}, optional=_BLOCK_ID),
    "divider": Shape(optional=_BLOCK_ID),
    "context": Shape(
        required={"elements": Many(Child(("image", "plain_text", "mrkdwn")), 10)}, optional=_BLOCK_ID
    ),
    "actions": Shape(
        required={"elements": Many(Child(("button", "overflow", *_SELECTS, *_PICKS)), 25)},
        optional=_BLOCK_ID,
    ),
    "image": Shape(
        required={"alt_text": String(2_000)},
        optional={**_IMAGE, "title": Text(2_000), **_BLOCK_ID},
        one_of=(("image_url", "slack_file"),),
    ),
    "input": Shape(
        required={"label": Text(2_000), "element": Child(_INPUTS)},
        optional={"hint": Text(2_000), "optional": Flag(), "dispatch_action": Flag(), **_BLOCK_ID},
    ),
    "rich_text": Shape(
        required={
            "elements": Many(
                Child(("rich_text_section", "rich_text_list", "rich_text_preformatted", "rich_text_quote")),
                100,
            )
        },
        optional=_BLOCK_ID,
    ),
    "markdown": Shape(
        required={"text": String(MARKDOWN_LENGTH_MAX)}, optional=_BLOCK_ID, surfaces=("message",)
    ),
}

ELEMENTS: Mapping[str, Shape] = {
    "button": Shape(
        required={"text": Text(75)},
        optional={
            "value": String(2_000),
            "url": String(3_000, url=True),
            "style": Choice(("primary", "danger")),
            "accessibility_label": String(75),
            **_CONFIRM,
            **_ACTION_ID,
        },
    ),
    "static_select": Shape(
        optional={
            **_CHOOSE,
            "initial_option": Child(("option",)),
            **_PLACEHOLDER,
            **_CONFIRM,
            **_FOCUS,
            **_ACTION_ID,
        },
        one_of=(("options", "option_groups"),),
    ),
    "multi_static_select": Shape(
        optional={
            **_CHOOSE,
            "initial_options": Many(Child(("option",)), 100),
            "max_selected_items": Number(1),
            **_PLACEHOLDER,
            **_CONFIRM,
            **_FOCUS,
            **_ACTION_ID,
        },
        one_of=(("options", "option_groups"),),
    ),
    "users_select": Shape(
        optional={"initial_user": String(ID_MAX), **_PLACEHOLDER, **_CONFIRM, **_FOCUS, **_ACTION_ID}
    ),
    "overflow": Shape(
        required={"options": Many(Child(("overflow_option",)), 5)}, optional={**_CONFIRM, **_ACTION_ID}
    ),
    "plain_text_input": Shape(
        optional={
            "initial_value": String(3_000),
            "multiline": Flag(),
            "min_length": Number(0, 3_000),
            "max_length": Number(1, 3_000),
            "dispatch_action_config": Child(("dispatch_action_config",)),
            **_PLACEHOLDER,
            **_FOCUS,
            **_ACTION_ID,
        }
    ),
    "number_input": Shape(
        required={"is_decimal_allowed": Flag()},
        optional={
            "initial_value": String(64),
            "min_value": String(64),
            "max_value": String(64),
            "dispatch_action_config": Child(("dispatch_action_config",)),
            **_PLACEHOLDER,
            **_FOCUS,
            **_ACTION_ID,
        },
    ),
    "radio_buttons": Shape(
        required={"options": Many(Child(("marked_option",)), 10)},
        optional={"initial_option": Child(("marked_option",)), **_CONFIRM, **_FOCUS, **_ACTION_ID},
    ),
    "checkboxes": Shape(
        required={"options": Many(Child(("marked_option",)), 10)},
        optional={
            "initial_options": Many(Child(("marked_option",)), 10),
            **_CONFIRM,
            **_FOCUS,
            **_ACTION_ID,
        },
    ),
    "datepicker": Shape(
        optional={"initial_date": Date(), **_PLACEHOLDER, **_CONFIRM, **_FOCUS, **_ACTION_ID}
    ),
    "image": Shape(
        required={"alt_text": String(2_000)}, optional=_IMAGE, one_of=(("image_url", "slack_file"),)
    ),
}

_OPTION: Mapping[str, Rule] = {"text": Text(75), "value": String(150)}
_MARKED_OPTION: Mapping[str, Rule] = {"text": Text(75, _ANY_TEXT), "value": String(150)}
_DESCRIPTION = {"description": Text(75)}
OBJECTS: Mapping[str, Shape] = {
    "plain_text": Shape(required={"text": String(3_000)}, optional={"emoji": Flag()}),
    "mrkdwn": Shape(required={"text": String(3_000)}, optional={"verbatim": Flag()}),
    "option": Shape(required=_OPTION, optional=_DESCRIPTION, typed=False),
    "marked_option": Shape(
        required=_MARKED_OPTION, optional={"description": Text(75, _ANY_TEXT)}, typed=False
    ),
    "overflow_option": Shape(
        required=_OPTION, optional={**_DESCRIPTION, "url": String(3_000, url=True)}, typed=False
    ),
    "option_group": Shape(
        required={"label": Text(75), "options": Many(Child(("option",)), 100)}, typed=False
    ),
    "confirm": Shape(
        required={"title": Text(100), "text": Text(300, _ANY_TEXT), "confirm": Text(30), "deny": Text(30)},
        optional={"style": Choice(("primary", "danger"))},
        typed=False,
    ),
    "dispatch_action_config": Shape(
        optional={"trigger_actions_on": Many(Choice(("on_enter_pressed", "on_character_entered")), 2)},
        typed=False,
    ),
    "slack_file": Shape(
        optional={"id": String(ID_MAX), "url": String(3_000, url=True)},
        one_of=(("id", "url"),),
        typed=False,
    ),
    "inline_style": Shape(
        optional={"bold": Flag(), "italic": Flag(), "strike": Flag(), "code": Flag()}, typed=False
    ),
}

_ANY_BLOCK = tuple(BLOCKS)
_VIEW: Mapping[str, Rule] = {
    "private_metadata": String(3_000, 0),
    "callback_id": String(ID_MAX, 0),
    "external_id": String(ID_MAX, 0),
}
VIEWS: Mapping[str, Shape] = {
    "modal": Shape(
        required={"title": Text(24), "blocks": Many(Child(_ANY_BLOCK), VIEW_BLOCKS_MAX, 0)},
        optional={
            **_VIEW,
            "submit": Text(24),
            "close": Text(24),
            "clear_on_close": Flag(),
            "notify_on_close": Flag(),
            "submit_disabled": Flag(),
        },
    ),
    "home": Shape(required={"blocks": Many(Child(_ANY_BLOCK), VIEW_BLOCKS_MAX, 0)}, optional=_VIEW),
}

SHAPES: Mapping[str, Mapping[str, Shape]] = {
    "block": BLOCKS,
    "element": ELEMENTS,
    "rich_text": RICH_TEXT,
    "object": OBJECTS,
    "view": VIEWS,
}
