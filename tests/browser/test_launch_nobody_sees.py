"""A film that would be shown to nobody on its first day is put right ten days before it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import duckdb
from playwright.sync_api import Page, expect

from tests.browser import steps
from tests.browser.steps import Installation

FAULT = "launch"
PREDICTED = "predicted · "
LEAD = timedelta(days=7)


def test_a_launch_is_saved_before_anybody_could_miss_it(everything: Installation, page: Page) -> None:
    page.goto(everything.address)
    card = steps.message_of(page, PREDICTED)
    fill = steps.deploy_button(card, "Fill in the language")
    steps.picture(page, "launch-menu")
    expect(card).to_contain_text("language of this launch is not set since the catalogue delivery")
    expect(card).to_contain_text("0 of 40 comparable items lack it")
    (incident,) = everything.incidents()
    film, launches_at = incident["finding"]["subject"], incident["finding"]["window_start"]
    assert datetime.fromisoformat(launches_at) - datetime.now(UTC) >= LEAD
    promised = next(one for one in incident["menu"] if one["hotfix"] == "fill_language")
    assert 50 < promised["repairs"]["low"] < promised["repairs"]["high"] <= 100

    steps.acknowledge(card)
    ill = dry_run(everything, film)
    steps.deploy(page, card, fill)
    steps.verified(card, alarm="forecast")
    steps.picture(page, "launch-verified")
    assert ill[0] is None
    repaired = dry_run(everything, film)
    assert repaired[0] == promised["parameters"]["value"]
    assert repaired[1] > 4 * ill[1]
    expect(card).to_contain_text("the forecast has recovered", timeout=steps.PATIENCE)

    steps.close(page, card)
    steps.picture(page, "launch-closed")
    (incident,) = everything.incidents()
    assert (incident["status"], incident["resolved_how"]) == ("closed", "hotfix")
    assert incident["hotfix"]["expires_at"] > incident["finding"]["window_end"]
    steps.report_opens(page, card, "launch", ("Nobody yet", "where comparable launches had"))
    assert everything.recsysops("events", "verify").returncode == 0


def dry_run(everything: Installation, film: str) -> tuple[str | None, float]:
    """The film's language and the share of dry runs that would show it, by the cinema's newest snapshot."""
    calendar = str(everything.tables / "prelaunch" / "*.parquet")
    with duckdb.connect() as engine:
        newest = engine.execute(
            "SELECT language, dry_run_share FROM read_parquet(?) WHERE item_id = ? "
            "ORDER BY snapshot_at DESC LIMIT 1",
            [calendar, film],
        ).fetchone()
    assert newest is not None, f"{film} is not in the launch calendar"
    return newest
