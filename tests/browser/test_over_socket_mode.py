"""Socket Mode on loopback, where Slack can fetch nothing from us: the card has its picture all the same."""

from __future__ import annotations

from playwright.sync_api import Page

from tests.browser import steps
from tests.browser.steps import Installation

OPTIONS = ("--socket",)
FAULTY = "country = France"


def test_the_picture_of_the_card_is_there(everything: Installation, page: Page) -> None:
    page.goto(everything.address)
    card = steps.message_of(page, FAULTY)
    steps.deploy_button(card, "Fill in the language")
    shown = steps.picture_of(card)
    width, height = shown.evaluate("image => [image.naturalWidth, image.naturalHeight]")
    assert width > 300
    assert height > 100
    steps.picture(page, "socket-mode-card")
    steps.acknowledge(card)
