"""Data stay data, whatever they contain: no message mentions, links or formats anything because of them."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator
from html import unescape
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot import actions
from bot.messages import miss, words
from bot.messages.blocks import Block, plain, section, together
from bot.messages.home import Shown, home
from bot.messages.incident.card import card, fallback, pictures_of, stripped
from bot.messages.incident.evidence import evidence, step
from bot.messages.inert import LOOKS_LIKE, cut, escape, length, paragraphs, sentence
from bot.messages.item import blocks as item_blocks
from bot.messages.link import pages_at
from bot.messages.route import unreachable
from bot.messages.status import status
from bot.messages.words import answered
from bot.workspace.block_kit import (
    MESSAGE_BLOCKS_LENGTH_MAX,
    length_of_blocks,
    problems_of_blocks,
    problems_of_view,
)
from domain.answer import ItemAnswer, Miss
from domain.errors import Refused
from domain.incident.state import Incident
from domain.incident.timeline import Entry
from domain.inert import clean
from tests.bot.stories import STORIES, after_story
from tests.domain.incident.given import MORNING

URL = pages_at("https://ops.example")
FLAG = "⚑"
"""Stands in data alone, on both sides of whatever must come to nothing."""

TRICKS = (
    "*",
    "_",
    "~",
    "`",
    "```",
    ":fire:",
    "<!channel>",
    "<!here|now>",
    "<@U0EVIL777>",
    "<#C0EVIL777>",
    "<https://evil.example|click>",
    "<!date^0^{date}|then>",
    "&",
    "&amp;",
    "&lt;!channel&gt;",
    "\n> ",
    "\n*",
    "\u2028_",
    "\u200b*\u200b",
    "\u202e",
    "\u2066",
    "\ud800",
    "\x07",
    "שלום",
    "e\u0301",
    "👩\u200d💻",
)
ACTIVE = re.compile(
    f"{FLAG}[*_~`]+{FLAG}|{FLAG}:fire:|<[!@#]|<https?://evil|[\u202e\u2066\u200b\u2028\x07\ud800]"
)
OURS = re.compile(r"<!date\^\d+\^[^<>|]*\|[^<>|]*>|<@U-[a-z]+>|<https://ops\.example/[^<>|]*\|[^<>]*>")
nasty = st.lists(
    st.one_of(
        st.sampled_from([f"{FLAG}{trick}{FLAG}" for trick in TRICKS]),
        st.sampled_from(["word ", "a", FLAG, "x" * 400]),
        st.text(max_size=5).map(lambda text: text.translate({ord(mark): None for mark in "*_~`<>&:"})),
    ),
    min_size=1,
    max_size=40,
).map("".join)
SAID = frozenset(
    {"title", "description", "cause", "statement", "label", "does", "undo", "basis", "reason", "resolution"}
    | {"detail", "detect_faster", "diagnose_faster", "proof", "menu_note", "diagnosis_failure", "unit"}
)


@given(nasty)
def test_escaped_data_is_one_line_in_which_nothing_is_active(text: str) -> None:
    said = escape(text)
    assert not ACTIVE.search(said)
    assert "\n" not in said
    assert not re.search(r"&(?!amp;|lt;|gt;)|[<>]", said)
    for found in re.finditer(r"[*_~`]", said):
        around = said[max(0, found.start() - 1) : found.end() + 1]
        assert len(around) == 3
        assert around[0].isalnum()
        assert around[2].isalnum()


@given(st.text())
def test_what_was_replaced_can_be_recognised_so_that_nothing_is_lost(text: str) -> None:
    look_alikes = {ord(alike): mark for mark, alike in LOOKS_LIKE.items()} | {ord("∶"): ":"}
    read = unescape(escape(text).replace("&amp;", "&#38;"))
    read = re.sub("^›", ">", read).translate(look_alikes)
    assert read == re.sub("^›", ">", clean(text)).translate(look_alikes)


@given(st.one_of(nasty, nasty.map(escape), nasty.map(lambda text: f"*{escape(text)}* _{escape(text)}_")))
@pytest.mark.parametrize("most", [12, 75, 150, 3000])
def test_a_cut_keeps_to_its_length_and_splits_nothing(most: int, text: str) -> None:
    short = cut(text, most)
    assert length(short) <= most
    if short != text:
        kept = short.rpartition("…")[0]
        assert text.startswith(kept)
        if len(kept) < len(text):
            assert not unicodedata.combining(text[len(kept)])


@given(nasty, st.integers(12, 400))
def test_no_cut_parts_an_entity_or_leaves_a_mark_open(text: str, most: int) -> None:
    short = cut(f"*{escape(text)}* and more", most)
    assert not re.search(r"&(?!amp;|lt;|gt;)", short)
    assert len(re.findall(r"\*", re.sub(r"(?<=\w)\*(?=\w)", "", short))) % 2 == 0


@given(nasty)
def test_a_plain_text_is_shown_as_it_is_and_hides_nothing(text: str) -> None:
    shown = plain(text, 150)
    assert shown["emoji"] is False
    assert length(shown["text"]) <= 150
    assert not re.search("[\u202e\u2066\u200b\u2028\x07\ud800\n]", shown["text"])


@given(nasty)
def test_what_a_rule_refuses_with_mentions_nobody(text: str) -> None:
    for said in (answered(f"{text!s} is not a severity"), sentence(text), unreachable(text, text)):
        assert not ACTIVE.search(OURS.sub("", said))


@given(nasty)
def test_somebodys_own_lines_cannot_pass_for_ours(text: str) -> None:
    first, *others = paragraphs(text).split("\n")
    assert not first.startswith((">", "&gt;"))
    assert all(line.startswith("> ") for line in others)


def with_data(value: Any, text: str, key: str = "") -> Any:
    """A dumped value in which every text that comes from data is `text`."""
    if isinstance(value, dict):
        return {name: with_data(one, text, name) for name, one in value.items()}
    if key == "slice":
        return [[name, text] for name, _ in value]
    if isinstance(value, list | tuple):
        return [with_data(one, text, key) for one in value]
    return text if isinstance(value, str) and key in SAID else value


def incident_with(story: str, text: str) -> Incident:
    incident, _ = after_story(story)
    return Incident.model_validate(with_data(incident.model_dump(), text))


def texts(node: Any, kind: str) -> Iterator[str]:
    """Every text of a kind (`mrkdwn`, `plain_text`) in blocks or a view."""
    if isinstance(node, list):
        for one in node:
            yield from texts(one, kind)
    if isinstance(node, dict):
        if node.get("type") == kind:
            yield node["text"]
        for one in node.values():
            yield from texts(one, kind)


def check(blocks: list[Block]) -> None:
    assert problems_of_blocks(blocks) == []
    check_inert(blocks)


def check_inert(blocks: list[Block]) -> None:
    json.dumps(blocks, ensure_ascii=False).encode()
    for said in texts(blocks, "mrkdwn"):
        rest = OURS.sub("", said)
        assert not ACTIVE.search(rest), said
        for line in rest.split("\n"):
            for mark in "*_":  # ours open and close, so one of data's would leave an odd number
                assert len(re.findall(rf"(?<!\w)[{mark}]|[{mark}](?!\w)", line)) % 2 == 0, said
    for block in blocks:
        assert "image_url" not in block


FEW = settings(max_examples=8, suppress_health_check=[HealthCheck.too_slow], deadline=None)


@FEW
@given(nasty)
@pytest.mark.parametrize("story", STORIES)
def test_no_card_is_more_than_slack_takes_or_does_what_data_say(story: str, text: str) -> None:
    incident = incident_with(story, text)
    drawn = card(incident, URL, files=dict.fromkeys(pictures_of(incident), "F0PICTURE"))
    check(drawn)
    assert len(drawn) <= 50
    assert length_of_blocks(drawn) <= MESSAGE_BLOCKS_LENGTH_MAX
    for said in (fallback(incident), stripped(incident, URL)):
        assert not ACTIVE.search(OURS.sub("", said))
        assert length(said) <= 4000
    check(status([incident], URL, 1))
    shown = Shown([incident], [incident], {}, {})
    page: Any = home(shown, URL)
    assert problems_of_view(page) == []
    check_inert(page["blocks"])
    if incident.diagnosis:
        check(evidence(incident.diagnosis))


@given(st.lists(st.text(min_size=1, max_size=3000), min_size=1, max_size=45))
def test_sections_that_are_too_much_together_are_cut_to_what_slack_takes_the_longest_first(
    texts: list[str],
) -> None:
    drawn = [section(text) for text in texts]
    kept = together(drawn)
    assert length_of_blocks(kept) <= MESSAGE_BLOCKS_LENGTH_MAX or all(
        length(one["text"]["text"]) <= 200 for one in kept
    )
    assert [one["type"] for one in kept] == [one["type"] for one in drawn]
    if length_of_blocks(drawn) <= MESSAGE_BLOCKS_LENGTH_MAX / 2:
        assert kept == drawn


@FEW
@given(nasty.filter(lambda text: "\ud800" not in text))  # no log can hold half a pair of surrogates
@pytest.mark.parametrize("story", STORIES)
def test_no_form_is_more_than_slack_takes(story: str, text: str) -> None:
    incident = incident_with(story, text)
    for press in actions.PRESSES.values():
        try:
            view = press.modal(incident, f"{incident.stream}|1||") if press.modal else None
        except Refused:
            continue
        if view is not None:
            assert problems_of_view(view) == []
            assert not any(ACTIVE.search(said) for said in texts(view, "mrkdwn"))


@given(nasty, nasty)
def test_no_line_of_a_thread_does_what_a_note_says(text: str, name: str) -> None:
    entry = Entry(id="i:1", at=MORNING, who="slack:U-ml", what=f"Note: {text}", wire_name="note.added")
    for said in (step(entry), step(entry, {"slack:U-ml": name})):
        assert not ACTIVE.search(OURS.sub("", said))
        check([section(said)])


@FEW
@given(nasty)
def test_no_answer_about_an_item_or_a_choice_does_what_a_title_says(text: str) -> None:
    answer = ItemAnswer(
        item=text,
        title=text,
        about=((text, text),),
        at=MORNING,
        learned_since=MORNING,
        verdict="unknown",
        headline=text,
        basis=(text,),
        notes=(text,),
    )
    check(item_blocks(answer, "F0PICTURE"))
    choice = Miss(
        check="c",
        at=MORNING,
        request="r",
        member=text,
        item=text,
        title=text,
        rank=9,
        ranked=9,
        slice=((text, text),),
        model="m",
    )
    check(miss.blocks([choice]))


def test_a_person_is_mentioned_only_by_an_id_of_slack() -> None:
    assert words.person("slack:U-ml") == "<@U-ml>"
    assert "<@" not in words.person("slack:Ж")
    assert "<" not in words.person("slack:U1><!channel")


def test_a_time_within_a_sentence_is_shown_in_the_readers_zone() -> None:
    said = sentence("It began at 2026-03-01 02:41 UTC; `see 2026` and at 2026-99-01 02:41 UTC stay.")
    shown = "<!date^1772332860^{date_short_pretty} {time}|2026-03-01 02:41 UTC>"
    assert said == f"It began {shown}; `see 2026` and at 2026-99-01 02:41 UTC stay."
