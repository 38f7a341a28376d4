"""The answer for an item, in Slack, in a terminal and as a page."""

from __future__ import annotations

from datetime import UTC, datetime

from bot.messages.item import SIGNS, blocks, facts, page
from domain.answer import Compared, ItemAnswer, Launch, Verdict
from domain.values import Estimate

AT = datetime(2026, 3, 10, 13, 50, tzinfo=UTC)
SINCE = datetime(2026, 3, 10, 12, 20, tzinfo=UTC)


def estimate(value: float, low: float, high: float) -> Estimate:
    return Estimate(value=value, low=low, high=high, unit="share", basis="the log")


def answer(verdict: Verdict = "less", title: str = "The Queen of Versailles") -> ItemAnswer:
    launch = Launch(
        age_hours=3, shown=900, expected=1200, ratio=estimate(-0.2, -0.4, 0.1), p_value=0.3,
        compared=(Compared(item="n1", title="Zero <b>Effect</b>"),),
    )  # fmt: skip
    return ItemAnswer(
        item="tt2125666",
        title=title,
        about=(("genre", "Documentary"), ("language", "not set")),
        at=AT,
        learned_since=AT,
        verdict=verdict,
        headline=f"{title} is shown 60 % less than its engagement warrants since 10 Mar 12:20 UTC.",
        since=SINCE,
        measured_since=SINCE,
        bias=estimate(-0.6, -0.67, -0.51),
        before=estimate(-0.02, -0.15, 0.12),
        usual=(-0.49, 0.96),
        launch=launch,
        compared=tuple(Compared(item=f"i{n}", title=f"Film {n}", bias=-0.1) for n in range(20)),
        unbiased=True,
        basis=("Expected exposure from randomly filled traffic over 72 h.",),
        picture="ab" * 32,
    )


def test_it_says_how_much_since_when_and_compared_with_whom() -> None:
    said = dict(facts(answer()))
    assert (
        said["Impressions against expected exposure"]
        == "−60 % [−67 % to −51 %], measured since 10 Mar 2026 12:20 UTC"
    )
    assert said["Before that"].startswith("−2")
    assert said["Since"] == "10 Mar 2026 12:20 UTC"
    assert said["Usual here"] == "−49 % to +96 % for nine in ten items"
    assert said["Compared with"].startswith("Film 0, Film 1, Film 2, Film 3, Film 4 and 15 more")
    assert "not set" in said["The item"]


def test_that_it_comes_into_question_less_often_is_a_line_of_its_own_where_it_does() -> None:
    assert "Eligible" not in dict(facts(answer()))
    left_a_shelf = answer().model_copy(update={"in_question": estimate(-0.96, -0.97, -0.95)})
    said = dict(facts(left_a_shelf))
    assert said["Eligible"] == "−96 % [−97 % to −95 %] against before, by traffic filled at random"


def test_slack_gets_the_sentence_the_picture_and_times_in_the_readers_zone() -> None:
    drawn = blocks(answer(), "F0PICTURE")
    assert drawn[0]["text"]["text"].startswith(SIGNS["less"])
    (picture,) = [one for one in drawn if one["type"] == "image"]
    assert picture["slack_file"] == {"id": "F0PICTURE"}
    assert not [one for one in blocks(answer(), None) if one["type"] == "image"]
    text = str(drawn)
    assert f"<!date^{int(SINCE.timestamp())}^" in text
    assert "Zero &lt;b&gt;Effect&lt;/b&gt;" in text
    assert len(drawn) <= 50


def test_a_title_cannot_mention_anybody_or_be_markup() -> None:
    drawn = blocks(answer(title="<!channel> & <script>"), None)
    sections = [one for one in drawn if one["type"] in ("section", "context")]
    assert "<!channel>" not in str(sections)
    assert "<script>" not in page(answer(title="<script>alert(1)</script>"), b"png")


def test_the_page_stands_by_itself() -> None:
    text = page(answer(), b"\x89PNG")
    assert text.startswith("<!doctype html>")
    assert "data:image/png;base64,iVBORw==" in text
    assert "http" not in text
    assert "nine in ten items" in text


def test_little_known_is_a_short_answer() -> None:
    bare = ItemAnswer(
        item="i1", at=AT, learned_since=AT, verdict="unknown", headline="Nothing can be said of i1 yet."
    )
    assert facts(bare) == []
    assert len(blocks(bare, None)) == 2
