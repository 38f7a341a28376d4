"""A newcomer lives through one incident, with nothing but a browser."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser import steps
from tests.browser.steps import Installation

FAULTY = "country = France"


def test_from_the_first_page_view_to_a_closed_incident(everything: Installation, page: Page) -> None:
    page.goto(everything.address)
    card = steps.message_of(page, FAULTY)

    fill = steps.deploy_button(card, "Fill in the language")
    steps.picture(page, "language-menu")
    expect(card).to_contain_text("language is not set")
    steps.picture_of(card)
    steps.acknowledge(card)
    steps.deploy(page, card, fill)
    steps.verified(card)
    steps.picture(page, "language-verified")
    steps.close(page, card)
    steps.picture(page, "language-closed")

    incident = next(one for one in everything.incidents() if FAULTY in one["title"])
    assert incident["status"] == "closed"
    steps.report_opens(page, card, "language")
    assert everything.recsysops("events", "verify").returncode == 0
