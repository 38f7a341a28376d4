"""What a person does with an incident in the browser, step by step; a step fails with what it waited for."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page, expect

HEADINGS = ("What happened", "Why", "What was done", "What changes", "Minute by minute")
PICTURES = os.environ.get("BROWSER_PICTURES")

PATIENCE = 900_000
"""Milliseconds that anything may take on a busy machine; how fast it is, is measured by benchmarks."""


@dataclass(frozen=True)
class Installation:
    """
    Everything up: the one printed address, the environment in which `recsysops` speaks to it, and where the
    cinema answers.
    """

    address: str
    environment: dict[str, str]
    cinema: str

    @property
    def tables(self) -> Path:
        """The folder of the cinema's tables."""
        return Path(self.environment["RECSYSOPS_VAR"]) / "cinema" / "tables"

    def recsysops(self, *words: str) -> subprocess.CompletedProcess[str]:
        """One command of the terminal."""
        command = Path(sys.executable).with_name("recsysops")
        return subprocess.run(
            [command, *words], env=self.environment, capture_output=True, text=True, timeout=600, check=False
        )

    def incidents(self) -> list[dict[str, Any]]:
        """All incidents, those that are closed too."""
        answer = self.recsysops("status", "--json", "--all")
        assert answer.returncode == 0, answer.stderr
        incidents: list[dict[str, Any]] = json.loads(answer.stdout)["incidents"]
        return incidents


def message_of(page: Page, words: str) -> Locator:
    """The message in the channel that holds `words`."""
    card = page.locator(".message", has_text=words).first
    card.wait_for(timeout=PATIENCE)
    return card


def picture_of(card: Locator) -> Locator:
    """The picture of the card, once the browser has loaded and drawn it."""
    image = card.locator("img.full").first
    image.wait_for(timeout=PATIENCE)
    image.scroll_into_view_if_needed()
    until = time.monotonic() + 30
    while not image.evaluate("image => image.complete && image.naturalWidth > 0"):
        assert time.monotonic() < until, "the picture of the card was not loaded"
        time.sleep(0.1)
    return image


def deploy_button(card: Locator, label: str) -> Locator:
    """The Deploy button of the hotfix whose label begins with `label`."""
    button = card.locator(".block", has_text=label).locator("[data-action-id=deploy]").first
    button.wait_for(timeout=PATIENCE)
    return button


def acknowledge(card: Locator) -> None:
    """Press "I have it"."""
    card.locator("[data-action-id=acknowledge]").click()
    expect(card).to_contain_text("On call has it", timeout=PATIENCE, ignore_case=True)


def deploy(page: Page, card: Locator, button: Locator) -> None:
    """Press Deploy, confirm, and wait until the hotfix is in force."""
    button.click()
    page.locator("#confirm button", has_text="Deploy").last.click()
    expect(card).to_contain_text("is in force", timeout=PATIENCE)


def verified(card: Locator, alarm: str = "check") -> None:
    """Wait until what raised the alarm says that the repair worked."""
    said = f"verified by the {alarm} that raised the alarm"
    expect(card).to_contain_text(said, timeout=PATIENCE)


def close(page: Page, card: Locator) -> None:
    """Press Close and be refused, accept the follow-up, press Close again."""
    card.locator("[data-action-id=close]").click()
    refused = page.locator(".message.ephemeral").last
    expect(refused).to_contain_text("follow-up is missing", timeout=PATIENCE)
    accept = card.locator("[data-action-id=follow_up_accept]")
    accept.wait_for(timeout=PATIENCE)
    accept.click()
    expect(accept).to_have_count(0, timeout=PATIENCE)
    card.locator("[data-action-id=close]").click()
    expect(card).to_contain_text("closed", timeout=PATIENCE, ignore_case=True)


def report_opens(page: Page, card: Locator, name: str, words: Iterable[str] = ()) -> None:
    """Press Report, follow the link that only this person got: a page with its five parts, and `words`."""
    card.locator("[data-action-id=report]").click()
    way = page.locator(".message.ephemeral a", has_text="Report of").last
    way.wait_for(timeout=PATIENCE)
    with page.context.expect_page() as opened:
        way.click()
    report = opened.value
    for heading in (*HEADINGS, *words):
        expect(report.locator("body")).to_contain_text(heading)
    picture(report, f"{name}-report", whole=True)
    report.close()


def picture(page: Page, name: str, *, whole: bool = False) -> None:
    """Kept where BROWSER_PICTURES names a folder, so that a person can look."""
    if PICTURES:
        page.screenshot(path=f"{PICTURES}/{name}.png", full_page=whole)


def words_of(page: Page, address: str) -> str:
    """All words of another page, looked at beside."""
    beside = page.context.new_page()
    beside.goto(address)
    words = beside.locator("body").inner_text()
    beside.close()
    return words
