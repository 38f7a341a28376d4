"""In Markdown and in a tracker's markup, a value is text and nothing else, wherever it stands."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from bot.messages import report
from bot.messages.item import page
from domain.answer import ItemAnswer
from domain.incident.events import Outstanding
from domain.incident.state import Incident
from domain.inert import clean, markup
from tests.bot.messages.test_inert import incident_with, with_data
from tests.bot.stories import STORIES, after_story
from tests.domain.incident.given import MORNING
from workers.deployers.repository import Proposal
from workers.trackers.words import comment, draft

TRICKS = (
    *(
        "![p](http://evil.example/p.png)",
        "[x](javascript:alert(1))",
        "[x]: javascript:alert(1)",
        "[1]: javascript:a",
        "[1](javascript:a)",
        "[1]",
        "[1][1]",
        "[^1]: a",
    ),
    *("<img src=x onerror=alert(1)>", "<http://evil.example>", "<!-- ", "&lt;b&gt;", "&#64;all", "\\"),
    *("@everyone", "@all", "fixes #1", "closes GH-1", "owner/repo#12", "REC-12", "!12", "%12", "&3", "$x$"),
    *(
        "https://evil.example",
        "HTTPS://evil.example",
        "www.evil.example",
        "mail@evil.example",
        "ftp://a.example",
    ),
    *(
        "a|b",
        "|",
        "|---|",
        "# ",
        "## x",
        "- ",
        "- [ ] ",
        "* ",
        "+ ",
        "+x+",
        "> ",
        "1. ",
        "12) ",
        "---",
        "===",
        "***",
    ),
    *(
        "/close",
        "/assign @all",
        "```",
        "`",
        "``a`",
        "`feed_failover`",
        "~~a~~",
        "_a_",
        "__a__",
        "*a*",
        "a*b*c",
    ),
    *(
        "{code}",
        "{noformat}",
        "{color:red}",
        "[~admin]",
        "!image.png!",
        "h1. ",
        "bq. ",
        "(/)",
        "(x)",
        "-a-",
        "^a^",
    ),
    *(
        "\n",
        "\n\n",
        "\r",
        "\u2028",
        "\x85",
        "\x0b",
        "    ",
        "\t",
        ":fire:",
        "$$",
        "[[x]]",
        "??a??",
        "\x00",
        "\x1b[2J",
    ),
)
nasty = st.lists(
    st.one_of(st.sampled_from(TRICKS), st.text(max_size=8), st.sampled_from(["word", " "])),
    min_size=1,
    max_size=20,
).map("".join)
PLACES = (
    "{}\n",
    "- {}\n",
    "# {}\n",
    "1. {}\n",
    "a\n{}\nb\n",
    "> {}\n",
    "| a | b |\n|---|---|\n| {} | 1 |\n",
    "“{}”\n",
)
MARKDOWN = MarkdownIt("commonmark").enable(["table", "strikethrough"])
LINKS_ITSELF = re.compile(r"://|\bwww\.\w|[^\s@]@[\w-]+\.\w", re.IGNORECASE)
"""What GitHub, GitLab and Jira make a link of by themselves."""
REFERS = re.compile(r"@\w|#\d|\bGH-\d|\b[A-Z][A-Z0-9_]+-\d|^/\w|[{}]|\[~|!\S+!", re.IGNORECASE | re.MULTILINE)


def structure(text: str) -> list[tuple[str, ...]]:
    """What a parser makes of it, without the texts: code between backticks is text too."""
    return [(one.type, one.tag, *_inside(one.children or ())) for one in MARKDOWN.parse(text)]


def _inside(children: Sequence[Token]) -> Iterator[str]:
    before = ""
    for one in children:
        kind = "text" if one.type in ("text", "code_inline", "softbreak") else one.type
        if kind != before or kind != "text":
            yield kind
        before = kind


@given(nasty)
@pytest.mark.parametrize("place", PLACES)
def test_a_value_is_text_wherever_in_markdown_it_stands(place: str, text: str) -> None:
    if clean(text).strip():
        assert structure(place.format(markup(text))) == structure(place.format("word"))


@given(nasty)
def test_a_value_neither_links_nor_refers_to_anything_by_itself(text: str) -> None:
    assert not LINKS_ITSELF.search(markup(text))
    assert not re.search(r"@\w|#[0-9a-z]|\bGH-\d|^/|\]\(|[{}<>|!\\*~^$]", markup(text), re.IGNORECASE)


@given(nasty)
def test_what_is_inert_is_read_as_it_was_written(text: str) -> None:
    for written, read in zip(clean(text), markup(text), strict=True):
        assert read == written or not written.isalnum()


@pytest.mark.parametrize(
    "text",
    [
        "feed_failover",
        "0.3 % plays at 09:30:12",
        "96 % [93–98], −0.3 [−0.4 to +0.1]",
        "`recsysops doctor --file a.toml`",
        "C# and R&D",
        "a-b/c",
    ],
)
def test_what_does_nothing_is_left_as_it_is(text: str) -> None:
    assert markup(text) == text


WORDS = {"item": "a", "title": "a", "headline": "a"}
FEW = settings(max_examples=12, suppress_health_check=[HealthCheck.too_slow], deadline=None)


def report_with(story: str, text: str) -> str:
    recorded = after_story(story)[1]
    said = [
        one._replace(event=type(one.event).model_validate(with_data(one.event.model_dump(), text)))
        for one in recorded
    ]
    return report.markdown(report.compose(incident_with(story, text), said))


@FEW
@given(nasty)
@pytest.mark.parametrize("story", STORIES)
def test_a_report_is_built_the_same_whatever_its_values_say(story: str, text: str) -> None:
    written = report_with(story, f"a{text}")
    assert structure(written) == structure(report_with(story, "a"))
    assert structure(report_with(story, f"{text}a")) == structure(written)
    assert not re.search(r"(://|\bwww\.|@)evil", written)


def ticket_of(text: str) -> list[str]:
    incident: Incident = incident_with("with a ticket", text)
    left = Outstanding(follow_up=f"check: {text}", hotfix=text)
    opened = draft(incident, left)
    assert incident.ticket is not None
    closing = incident.ticket.model_copy(update={"before": left, "outstanding": Outstanding()})
    dropped = incident.model_copy(update={"ticket": closing})
    return [opened.title, *opened.paragraphs, comment(dropped, closing)]


@FEW
@given(nasty)
def test_a_ticket_mentions_closes_and_links_nothing_whatever_its_values_say(text: str) -> None:
    for said, plain in zip(ticket_of(f"a{text}"), ticket_of("a"), strict=True):
        assert "\n" not in said
        assert structure(said) == structure(plain)
        assert not LINKS_ITSELF.search(said)
        assert not REFERS.search(said)


def test_a_page_shows_hidden_characters_and_lets_none_act() -> None:
    content = report.compose(incident_with("closed", "\x1b[2J\u202eevil\u200b<b>"), after_story("closed")[1])
    assert "⟨U+202E⟩evil⟨U+200B⟩&lt;b&gt;" in report.html(content)
    assert not set(report.html(content)) & set("\x1b\u202e\u200b")


@given(nasty)
def test_a_pull_request_closes_no_issue_once_it_is_merged_whatever_a_check_says(text: str) -> None:
    said = Proposal("recsysops/x", f"a{text}", (f"a{text}", "", f"Hotfix: {text}")).words()
    plain = Proposal("recsysops/x", "a", ("a", "", "Hotfix: ")).words()
    assert [structure(one) for one in said] == [structure(one) for one in plain]
    assert not any(LINKS_ITSELF.search(one) or REFERS.search(one) for one in said)
    assert "\n" not in said[0]


@FEW
@given(nasty)
def test_the_page_of_an_item_is_built_the_same_whatever_its_title_says(text: str) -> None:
    answer = ItemAnswer(
        item=text, title=text, at=MORNING, learned_since=MORNING, verdict="unknown", headline=text, basis=()
    )
    shown = page(answer, b"")
    assert len(re.findall("<", shown)) == len(re.findall("<", page(answer.model_copy(update=WORDS), b"")))
    assert not {one for one in shown if unicodedata.category(one) in ("Cc", "Cf", "Cs")} - {"\n"}
