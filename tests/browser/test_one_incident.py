"""A newcomer lives through one incident, with nothing but a browser."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page, expect

APPEARS_SECONDS = 90
FAULTY = "country = France"
PICTURES = os.environ.get("BROWSER_PICTURES")


def test_from_the_first_page_view_to_a_closed_incident(
    everything: tuple[str, dict[str, str]], page: Page
) -> None:
    address, environment = everything
    began = time.monotonic()
    page.goto(address)
    card = page.locator(".message", has_text=FAULTY).first
    card.wait_for(timeout=APPEARS_SECONDS * 1000)
    assert time.monotonic() - began < APPEARS_SECONDS

    fill = card.locator(".block", has_text="Fill in the language").locator("[data-action-id=deploy]").first
    fill.wait_for(timeout=120_000)
    _picture(page, "menu")
    expect(card).to_contain_text("language is not set")
    card.locator("[data-action-id=acknowledge]").click()
    expect(card).to_contain_text("On call has it", timeout=10_000, ignore_case=True)
    fill.click()
    page.locator("#confirm button", has_text="Deploy").last.click()
    expect(card).to_contain_text("is in force", timeout=60_000)
    expect(card).to_contain_text("verified by the check that raised the alarm", timeout=300_000)
    _picture(page, "verified")

    card.locator("[data-action-id=close]").click()
    refused = page.locator(".message.ephemeral").last
    expect(refused).to_contain_text("follow-up is missing", timeout=10_000)
    accept = card.locator("[data-action-id=follow_up_accept]")
    accept.wait_for(timeout=60_000)
    accept.click()
    expect(accept).to_have_count(0, timeout=10_000)
    card.locator("[data-action-id=close]").click()
    expect(card).to_contain_text("closed", timeout=10_000, ignore_case=True)
    _picture(page, "closed")

    incident = next(i for i in _status(environment, "--all") if FAULTY in i["title"])
    assert incident["status"] == "closed"
    _report_opens(card, page)
    assert _recsysops(environment, "events", "verify").returncode == 0


def _report_opens(card: Locator, page: Page) -> None:
    with page.context.expect_page() as opened:
        card.locator("[data-action-id=report]").click()
    report = opened.value
    for heading in ("What happened", "Why", "What was done", "What changes", "Minute by minute"):
        expect(report.locator("body")).to_contain_text(heading)
    _picture(report, "report")


def _status(environment: dict[str, str], *options: str) -> list[dict[str, Any]]:
    answer = _recsysops(environment, "status", "--json", *options)
    incidents: list[dict[str, Any]] = json.loads(answer.stdout)["incidents"]
    return incidents


def _recsysops(environment: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    command = Path(sys.executable).with_name("recsysops")
    return subprocess.run(
        [command, *words], env=environment, capture_output=True, text=True, timeout=60, check=False
    )


def _picture(page: Page, name: str) -> None:
    """Kept where BROWSER_PICTURES names a folder, so that a person can look."""
    if PICTURES:
        page.screenshot(path=f"{PICTURES}/{name}.png", full_page=name == "report")
