"""The ticket on the message, and in the report."""

from __future__ import annotations

import json
from typing import Any

from bot.messages.incident.card import card, to_revert
from bot.messages.incident.ticket import address, plain, ticket
from bot.messages.link import nowhere
from bot.messages.report import compose, html, markdown
from domain.incident.state import Incident
from tests.domain.incident.given import REVERTED, after
from tests.domain.incident.test_ticket import (
    AGREED,
    CLOSED,
    IN_FORCE,
    OPENED,
    REQUEST,
    REVERT,
    UPDATE,
    UPDATED,
)

LINK = "<https://github.example/7|shop/serving#7>"


def said(incident: Incident) -> str:
    (block,) = ticket(incident)
    found: Any = block["text"] if block["type"] == "section" else block["elements"][0]
    return str(found["text"])


def test_it_says_where_the_ticket_is_and_what_its_closing_does() -> None:
    assert ticket(after(*IN_FORCE)[0]) == []
    assert said(after(*IN_FORCE, REQUEST)[0]) == "*Ticket*  is being opened in “issues” …"
    opened, _ = after(*IN_FORCE, REQUEST, OPENED)
    assert said(opened) == f"*Ticket* {LINK} is open; closing it there marks the fix as done"
    assert said(opened) in json.dumps(card(opened, nowhere), ensure_ascii=False)


def test_closed_by_somebody_it_asks_for_the_revert_with_a_button() -> None:
    closed, log = after(*IN_FORCE, AGREED, REQUEST, OPENED, CLOSED)
    assert said(closed) == (
        f"*Ticket* {LINK} closed in its tracker; follow-up done: revert the hotfix if no longer needed"
    )
    (row,) = to_revert(closed)
    assert [one["action_id"] for one in row["elements"]] == ["revert"]
    report = compose(closed, log)
    assert "https://github.example/7" in markdown(report)
    assert 'href="https://github.example/7"' in html(report)


def test_once_it_is_reverted_nothing_is_asked_for() -> None:
    reverted, _ = after(*IN_FORCE, REQUEST, OPENED, CLOSED, REVERT, REVERTED)
    assert said(reverted) == f"*Ticket* {LINK} closed in its tracker"
    assert to_revert(reverted) == []
    ended, _ = after(*IN_FORCE, REQUEST, OPENED, REVERT, REVERTED, UPDATE, UPDATED)
    assert plain(ended) == "Ticket shop/serving#7 is closed: nothing is left to do"


def test_an_address_that_is_none_leads_nowhere() -> None:
    opened, _ = after(*IN_FORCE, REQUEST, OPENED)
    assert opened.ticket is not None
    for url in ("", "javascript:alert(1)", "https://a.example/|<!channel>", "file:///etc/passwd"):
        other = opened.model_copy(update={"ticket": opened.ticket.model_copy(update={"url": url})})
        assert address(other) is None
        assert said(other).startswith("*Ticket* shop/serving#7 is open")
