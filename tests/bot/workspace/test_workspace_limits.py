"""Every limit of Block Kit from both sides: what just fits is accepted, one more is refused at its place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bot.workspace.block_kit import length_of_blocks, problems_of_blocks, problems_of_view

Json = dict[str, Any]


def plain(text: str = "x") -> Json:
    return {"type": "plain_text", "text": text}


def mrkdwn(length: int = 1) -> Json:
    return {"type": "mrkdwn", "text": "x" * length}


def options(n: int = 1, **more: Any) -> list[Json]:
    return [{"text": plain(), "value": f"v{i}", **more} for i in range(n)]


def buttons(n: int = 1, **more: Any) -> list[Json]:
    elements = [{"type": "button", "text": plain(), "action_id": f"a{i}", **more} for i in range(n)]
    return [{"type": "actions", "elements": elements}]


def menu(choices: list[Json]) -> list[Json]:
    return [{"type": "actions", "elements": [{"type": "overflow", "action_id": "a", "options": choices}]}]


def asked(kind: str = "plain_text_input", **more: Any) -> list[Json]:
    return [{"type": "input", "label": plain(), "element": {"type": kind, "action_id": "a", **more}}]


def confirm(**more: Any) -> list[Json]:
    words: Json = {"title": plain(), "text": plain(), "confirm": plain(), "deny": plain()}
    return buttons(confirm={**words, **more})


def picture(**more: Any) -> list[Json]:
    return [{"type": "image", "slack_file": {"id": "F1"}, "alt_text": "a", **more}]


LIMITS: dict[str, tuple[int, Callable[[int], list[Json]], str]] = {
    "blocks of a message": (50, lambda n: [{"type": "divider"}] * n, "/blocks"),
    "header": (150, lambda n: [{"type": "header", "text": plain("x" * n)}], "/blocks/0/text/text"),
    "section text": (3_000, lambda n: [{"type": "section", "text": mrkdwn(n)}], "/blocks/0/text/text"),
    "context": (10, lambda n: [{"type": "context", "elements": [mrkdwn()] * n}], "/blocks/0/elements"),
    "actions": (25, buttons, "/blocks/0/elements"),
    "button text": (75, lambda n: buttons(text=plain("x" * n)), "/blocks/0/elements/0/text/text"),
    "button value": (2_000, lambda n: buttons(value="x" * n), "/blocks/0/elements/0/value"),
    "button url": (3_000, lambda n: buttons(url="https://a".ljust(n, "a")), "/blocks/0/elements/0/url"),
    "action id": (255, lambda n: buttons(action_id="x" * n), "/blocks/0/elements/0/action_id"),
    "menu": (5, lambda n: menu(options(n)), "/blocks/0/elements/0/options"),
    "select": (100, lambda n: asked("static_select", options=options(n)), "/blocks/0/element/options"),
    "option text": (75, lambda n: menu(options(text=plain("x" * n))), "/options/0/text/text"),
    "option value": (150, lambda n: menu(options(value="x" * n)), "/options/0/value"),
    "block id": (255, lambda n: [{"type": "divider", "block_id": "x" * n}], "/blocks/0/block_id"),
    "confirm title": (100, lambda n: confirm(title=plain("x" * n)), "/confirm/title/text"),
    "confirm text": (300, lambda n: confirm(text=plain("x" * n)), "/confirm/text/text"),
    "confirm yes": (30, lambda n: confirm(confirm=plain("x" * n)), "/confirm/confirm/text"),
    "confirm no": (30, lambda n: confirm(deny=plain("x" * n)), "/confirm/deny/text"),
    "image alt": (2_000, lambda n: picture(alt_text="x" * n), "/blocks/0/alt_text"),
    "image title": (2_000, lambda n: picture(title=plain("x" * n)), "/blocks/0/title/text"),
    "input label": (2_000, lambda n: [{**asked()[0], "label": plain("x" * n)}], "/label/text"),
    "input hint": (2_000, lambda n: [{**asked()[0], "hint": plain("x" * n)}], "/hint/text"),
    "placeholder": (150, lambda n: asked(placeholder=plain("x" * n)), "/element/placeholder/text"),
    "typed text": (3_000, lambda n: asked(initial_value="x" * n), "/element/initial_value"),
    "longest input": (3_000, lambda n: asked(max_length=n), "/element/max_length"),
}


@pytest.mark.parametrize("name", LIMITS)
def test_what_just_fits_is_taken_and_one_more_is_refused_where_it_stands(name: str) -> None:
    limit, make, place = LIMITS[name]
    assert problems_of_blocks(make(limit)) == []
    (problem,) = problems_of_blocks(make(limit + 1))
    assert problem.endswith(f"{place}]")


MODAL: Json = {"type": "modal", "title": plain(), "submit": plain(), "close": plain(), "blocks": []}
VIEW_LIMITS: dict[str, tuple[int, Callable[[int], Json]]] = {
    "title": (24, lambda n: {**MODAL, "title": plain("x" * n)}),
    "submit": (24, lambda n: {**MODAL, "submit": plain("x" * n)}),
    "close": (24, lambda n: {**MODAL, "close": plain("x" * n)}),
    "private_metadata": (3_000, lambda n: {**MODAL, "private_metadata": "x" * n}),
    "callback_id": (255, lambda n: {**MODAL, "callback_id": "x" * n}),
    "blocks": (100, lambda n: {**MODAL, "blocks": [{"type": "divider"}] * n}),
    "home blocks": (100, lambda n: {"type": "home", "blocks": [{"type": "divider"}] * n}),
}


@pytest.mark.parametrize("name", VIEW_LIMITS)
def test_a_view_that_just_fits_is_taken_and_one_more_is_refused(name: str) -> None:
    limit, make = VIEW_LIMITS[name]
    assert problems_of_view(make(limit)) == []
    assert len(problems_of_view(make(limit + 1))) == 1


WRONG: dict[str, tuple[object, str]] = {
    "no list": ("x", "valid list"),
    "an unknown block": ([{"type": "blink"}], "'blink'"),
    "a block without a type": ([{"text": plain()}], "Unable to extract tag"),
    "an unknown element": ([{"type": "actions", "elements": [{"type": "slider"}]}], "'slider'"),
    "an element in the wrong place": (asked("button", text=plain()), "'button'"),
    "an unknown key": (buttons(icon="x"), "not permitted [json-pointer:/blocks/0/elements/0/icon]"),
    "an emoji flag on mrkdwn": ([{"type": "section", "text": {**mrkdwn(), "emoji": True}}], "not permitted"),
    "an empty section": ([{"type": "section"}], "required [json-pointer:/blocks/0/text]"),
    "an empty text": ([{"type": "section", "text": mrkdwn(0)}], "at least 1 character"),
    "mrkdwn on a button": (buttons(text=mrkdwn()), "'plain_text'"),
    "a style that is none": (buttons(style="default"), "'primary' or 'danger'"),
    "a button that cannot be told apart": (buttons(action_id=None), "/action_id"),
    "an address that is none": (buttons(url="file.png"), "pattern"),
    "a picture that is not uploaded": ([{"type": "image", "alt_text": "a"}], "/slack_file"),
    "two blocks of one id": ([{"type": "divider", "block_id": "a"}] * 2, "`block_id` already exists"),
    "two actions of one id": (buttons(2, action_id="a"), "`action_id` already exists"),
    "no options": (menu([]), "at least 1 item"),
    "a flag that is a word": ([{**asked()[0], "optional": "yes"}], "valid boolean"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_shape_is_refused_in_words(name: str) -> None:
    blocks, words = WRONG[name]
    (problem,) = problems_of_blocks(blocks)
    assert words in problem


def test_one_action_id_may_stand_in_two_blocks() -> None:
    assert problems_of_blocks(buttons() + buttons()) == []


def test_a_file_is_shown_once_it_is_ready() -> None:
    assert problems_of_blocks(picture(), lambda file: file == "F1") == []
    assert problems_of_blocks(picture(), lambda file: file != "F1") == [
        "invalid slack file [json-pointer:/blocks/0/slack_file/id]"
    ]


def test_a_modal_that_asks_needs_a_submit_button() -> None:
    assert problems_of_view({**MODAL, "blocks": asked()}) == []
    silent = {key: value for key, value in MODAL.items() if key != "submit"}
    assert "submit" in problems_of_view({**silent, "blocks": asked()})[0]


def test_each_block_more_counts_for_125_characters() -> None:
    assert length_of_blocks([{"type": "section", "text": mrkdwn(100)}, {"type": "divider"}]) == 225
