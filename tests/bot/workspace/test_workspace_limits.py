"""Every limit of Block Kit from both sides: what just fits is accepted, one more is refused at its place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bot.workspace.block_kit import reference, shape
from bot.workspace.block_kit.validate import length_of_blocks, problems_of_blocks, problems_of_view

Json = dict[str, Any]
Make = Callable[[int], list[Json]]


def plain(text: str) -> Json:
    return {"type": "plain_text", "text": text}


def mrkdwn(length: int) -> Json:
    return {"type": "mrkdwn", "text": "x" * length}


def option(n: int = 0, **more: Any) -> Json:
    return {"text": plain("x"), "value": f"v{n}", **more}


def button(**more: Any) -> Json:
    return {"type": "button", "text": plain("Go"), **more}


def actions(*elements: Json) -> list[Json]:
    return [{"type": "actions", "elements": list(elements)}]


def select(**more: Any) -> list[Json]:
    return actions({"type": "static_select", "options": [option()], **more})


def asked(element: Json) -> list[Json]:
    return [{"type": "input", "label": plain("L"), "element": element}]


def confirm(**more: Any) -> list[Json]:
    words: Json = {"title": plain("t"), "text": plain("t"), "confirm": plain("y"), "deny": plain("n")}
    return actions(button(confirm={**words, **more}))


def picture(**more: Any) -> list[Json]:
    return [{"type": "image", "image_url": "https://example.com/a.png", "alt_text": "a", **more}]


def url(length: int) -> str:
    return "https://example.com/".ljust(length, "a")


def many_options(n: int) -> list[Json]:
    return [option(i) for i in range(n)]


TEXT_INPUT: Json = {"type": "plain_text_input"}
LIMITS: dict[str, tuple[int, Make, str]] = {
    "blocks of a message": (50, lambda n: [{"type": "divider"}] * n, "/blocks"),
    "header": (150, lambda n: [{"type": "header", "text": plain("x" * n)}], "/blocks/0/text/text"),
    "section text": (3_000, lambda n: [{"type": "section", "text": mrkdwn(n)}], "/blocks/0/text/text"),
    "section fields": (10, lambda n: [{"type": "section", "fields": [mrkdwn(1)] * n}], "/blocks/0/fields"),
    "field text": (2_000, lambda n: [{"type": "section", "fields": [mrkdwn(n)]}], "/blocks/0/fields/0/text"),
    "context elements": (
        10,
        lambda n: [{"type": "context", "elements": [mrkdwn(1)] * n}],
        "/blocks/0/elements",
    ),
    "actions elements": (25, lambda n: actions(*[button()] * n), "/blocks/0/elements"),
    "button text": (75, lambda n: actions(button(text=plain("x" * n))), "/blocks/0/elements/0/text/text"),
    "button value": (2_000, lambda n: actions(button(value="x" * n)), "/blocks/0/elements/0/value"),
    "button url": (3_000, lambda n: actions(button(url=url(n))), "/blocks/0/elements/0/url"),
    "options": (100, lambda n: select(options=many_options(n)), "/blocks/0/elements/0/options"),
    "option text": (75, lambda n: select(options=[option(text=plain("x" * n))]), "/options/0/text/text"),
    "option value": (150, lambda n: select(options=[option(value="x" * n)]), "/options/0/value"),
    "placeholder": (150, lambda n: select(placeholder=plain("x" * n)), "/placeholder/text"),
    "overflow": (
        5,
        lambda n: actions({"type": "overflow", "options": many_options(n)}),
        "/elements/0/options",
    ),
    "radio buttons": (
        10,
        lambda n: actions({"type": "radio_buttons", "options": many_options(n)}),
        "/options",
    ),
    "checkboxes": (10, lambda n: actions({"type": "checkboxes", "options": many_options(n)}), "/options"),
    "block id": (255, lambda n: [{"type": "divider", "block_id": "x" * n}], "/blocks/0/block_id"),
    "action id": (255, lambda n: actions(button(action_id="x" * n)), "/elements/0/action_id"),
    "confirm title": (100, lambda n: confirm(title=plain("x" * n)), "/confirm/title/text"),
    "confirm text": (300, lambda n: confirm(text=plain("x" * n)), "/confirm/text/text"),
    "confirm yes": (30, lambda n: confirm(confirm=plain("x" * n)), "/confirm/confirm/text"),
    "confirm no": (30, lambda n: confirm(deny=plain("x" * n)), "/confirm/deny/text"),
    "image url": (3_000, lambda n: picture(image_url=url(n)), "/blocks/0/image_url"),
    "image alt": (2_000, lambda n: picture(alt_text="x" * n), "/blocks/0/alt_text"),
    "image title": (2_000, lambda n: picture(title=plain("x" * n)), "/blocks/0/title/text"),
    "input label": (2_000, lambda n: [{**asked(TEXT_INPUT)[0], "label": plain("x" * n)}], "/label/text"),
    "input hint": (2_000, lambda n: [{**asked(TEXT_INPUT)[0], "hint": plain("x" * n)}], "/hint/text"),
    "typed text": (
        3_000,
        lambda n: asked({**TEXT_INPUT, "initial_value": "x" * n}),
        "/element/initial_value",
    ),
    "longest input": (3_000, lambda n: asked({**TEXT_INPUT, "max_length": n}), "/element/max_length"),
    "markdown": (12_000, lambda n: [{"type": "markdown", "text": "x" * n}], "/blocks/0/text"),
}


@pytest.mark.parametrize("name", LIMITS)
def test_what_just_fits_is_taken_and_one_more_is_refused_where_it_stands(name: str) -> None:
    limit, make, place = LIMITS[name]
    assert problems_of_blocks(make(limit)) == []
    problems = problems_of_blocks(make(limit + 1))
    assert len(problems) == 1
    assert place in problems[0].split("[json-pointer:")[1]


VIEW: Json = {"type": "modal", "title": plain("T"), "submit": plain("S"), "close": plain("C"), "blocks": []}
VIEW_LIMITS: dict[str, tuple[int, Callable[[int], Json]]] = {
    "title": (24, lambda n: {**VIEW, "title": plain("x" * n)}),
    "submit": (24, lambda n: {**VIEW, "submit": plain("x" * n)}),
    "close": (24, lambda n: {**VIEW, "close": plain("x" * n)}),
    "private_metadata": (3_000, lambda n: {**VIEW, "private_metadata": "x" * n}),
    "callback_id": (255, lambda n: {**VIEW, "callback_id": "x" * n}),
    "external_id": (255, lambda n: {**VIEW, "external_id": "x" * n}),
    "blocks": (100, lambda n: {**VIEW, "blocks": [{"type": "divider"}] * n}),
    "home blocks": (100, lambda n: {"type": "home", "blocks": [{"type": "divider"}] * n}),
}


@pytest.mark.parametrize("name", VIEW_LIMITS)
def test_a_view_that_just_fits_is_taken_and_one_more_is_refused(name: str) -> None:
    limit, make = VIEW_LIMITS[name]
    assert problems_of_view(make(limit)) == []
    assert len(problems_of_view(make(limit + 1))) == 1


WRONG: dict[str, tuple[list[Any], str]] = {
    "an unknown block": ([{"type": "blink"}], "unsupported type: blink"),
    "a block without a type": ([{"text": plain("x")}], "missing required field: type"),
    "a block that is no object": (["x"], "must be an object"),
    "an unknown element": (actions({"type": "slider"}), "unsupported type: slider"),
    "an element in the wrong place": (actions(TEXT_INPUT), "unsupported type: plain_text_input"),
    "an unknown key of a block": (
        [{"type": "divider", "color": "red"}],
        "invalid additional property: color",
    ),
    "an unknown key of an element": (actions(button(icon="x")), "invalid additional property: icon"),
    "an unknown key of a text": ([{"type": "section", "text": {**mrkdwn(1), "size": 1}}], "property: size"),
    "an emoji flag on mrkdwn": (
        [{"type": "section", "text": {**mrkdwn(1), "emoji": True}}],
        "property: emoji",
    ),
    "an empty section": ([{"type": "section"}], "missing required field: text or fields"),
    "an empty text": ([{"type": "section", "text": mrkdwn(0)}], "must be more than 0 characters"),
    "mrkdwn on a button": (actions(button(text=mrkdwn(1))), "must be a text object of type plain_text"),
    "a style that is none": (actions(button(style="default")), "must be one of: primary, danger"),
    "an image without alt text": (
        [{"type": "image", "image_url": url(30)}],
        "missing required field: alt_text",
    ),
    "an image address that is none": (picture(image_url="file.png"), "must be a valid URL"),
    "an overflow url outside one": (
        select(options=[option(url=url(30))]),
        "invalid additional property: url",
    ),
    "two blocks of one id": ([{"type": "divider", "block_id": "a"}] * 2, "`block_id` already exists"),
    "two actions of one id": (
        actions(button(action_id="a"), button(action_id="a")),
        "`action_id` already exists",
    ),
    "a date that is none": (actions({"type": "datepicker", "initial_date": "tomorrow"}), "YYYY-MM-DD"),
    "no options": (actions({"type": "static_select"}), "missing required field: options or option_groups"),
    "a number field without its kind": (asked({"type": "number_input"}), "is_decimal_allowed"),
    "a flag that is a word": ([{**asked(TEXT_INPUT)[0], "optional": "yes"}], "must be true or false"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_shape_is_refused_in_words(name: str) -> None:
    blocks, words = WRONG[name]
    problems = problems_of_blocks(blocks)
    assert len(problems) == 1
    assert words in problems[0]


def test_one_action_id_may_stand_in_two_blocks() -> None:
    assert problems_of_blocks(actions(button(action_id="a")) + actions(button(action_id="a"))) == []


def test_markdown_is_for_messages_only() -> None:
    block = {"type": "markdown", "text": "x"}
    assert problems_of_blocks([block]) == []
    assert "not allowed on this surface" in problems_of_view({**VIEW, "blocks": [block]})[0]


def test_a_modal_that_asks_needs_a_submit_button() -> None:
    silent = {key: value for key, value in VIEW.items() if key != "submit"}
    assert problems_of_view({**VIEW, "blocks": asked(TEXT_INPUT)}) == []
    assert "submit" in problems_of_view({**silent, "blocks": asked(TEXT_INPUT)})[0]


def test_each_block_more_counts_for_125_characters() -> None:
    assert length_of_blocks([{"type": "section", "text": mrkdwn(100)}, {"type": "divider"}]) == 225


def test_every_kind_that_the_table_names_is_in_the_table() -> None:
    named = {
        kind
        for table in reference.SHAPES.values()
        for shape in table.values()
        for rule in [*shape.required.values(), *shape.optional.values()]
        for kind in _kinds(rule)
    }
    assert named <= {kind for table in reference.SHAPES.values() for kind in table}


def _kinds(rule: shape.Rule) -> tuple[str, ...]:
    match rule:
        case shape.Child(kinds=kinds):
            return kinds
        case shape.Many(of=of):
            return _kinds(of)
        case shape.Text(kinds=kinds):
            return kinds
        case _:
            return ()
