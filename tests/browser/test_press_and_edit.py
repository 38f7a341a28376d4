"""A message is edited while somebody presses one of its buttons: the press counts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from slack_sdk import WebClient

from bot.workspace import Workspace, WorkspaceSettings
from tests.bot.workspace.app_under_test import Seen, card, new_app, over_sockets
from tests.bot.workspace.driver import Driver
from tests.browser import steps

Json = dict[str, Any]
LONGER_THAN_AN_EDIT_TAKES = 500
"""Milliseconds for which the button is held down; the edit reaches a page that does not wait within ten."""


@pytest.fixture
def stage() -> Iterator[tuple[str, WebClient, Seen]]:
    """The address of a workspace, the client of the app behind it, and what that app saw."""
    seen = Seen()
    with (
        Workspace(WorkspaceSettings(port=0)) as workspace,
        over_sockets(new_app(workspace.api_url, "not-used", seen), workspace.api_url),
    ):
        yield workspace.url, WebClient(token="xoxb-local", base_url=workspace.api_url), seen


def test_a_button_held_down_while_its_message_is_edited_is_pressed(
    stage: tuple[str, WebClient, Seen], page: Page
) -> None:
    address, client, seen = stage
    posted = client.chat_postMessage(channel="C-recsysops", text="card", blocks=card())
    page.goto(address)
    button = page.locator("[data-action-id=late]")
    button.hover()
    page.mouse.down()
    above = {"type": "section", "text": {"type": "mrkdwn", "text": "Something was added."}}
    client.chat_update(channel=posted["channel"], ts=posted["ts"], text="card", blocks=[above, *card()])
    page.wait_for_timeout(LONGER_THAN_AN_EDIT_TAKES)
    assert page.get_by_text("Something was added.").count() == 0
    page.mouse.up()
    expect(page.get_by_text("Something was added.")).to_have_count(1, timeout=steps.PATIENCE)
    driver = Driver(address)
    assert len(driver.wait(lambda: seen.of("late"), "press")) == 1
    driver.close()
