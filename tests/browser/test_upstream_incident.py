"""A slice of the upstream feed halves while the total looks fine; the standby feed is taken instead."""

from __future__ import annotations

import duckdb
from playwright.sync_api import Page, expect

from tests.browser import steps
from tests.browser.steps import Installation

FAULT = "upstream"
FAULTY = "device = tv, region = british_isles"
CINEMA = {
    "CINEMA_RATE": "50",
    "CINEMA_PLAYS_WINDOW": "2m",
    "CINEMA_HISTORY_DAYS": "1",
    "CINEMA_CANDIDATE_HOURS": "3",
}
"""Busy enough that two minutes of the quietest hour show what is lost; the usual one needs longer."""

LOST = """
    select request_id, item_id from read_parquet('{tables}/plays_standby/*.parquet')
    where played_at < now() - interval 15 second
    except select request_id, item_id from read_parquet('{tables}/plays/*.parquet')
"""


def test_a_feed_that_lost_a_slice_is_read_from_its_standby_until_the_plays_are_back(
    everything: Installation, page: Page
) -> None:
    page.goto(everything.address)
    card = steps.message_of(page, FAULTY)
    standby = steps.deploy_button(card, "Read the standby feed")
    steps.picture(page, "upstream-menu")
    expect(card).to_contain_text("The feed of plays loses")
    expect(card).to_contain_text("its standby plays_standby is complete")
    steps.acknowledge(card)
    assert _lost(everything) > 0

    steps.deploy(page, card, standby)
    assert "feed_failover" in steps.words_of(page, everything.cinema)
    steps.verified(card)
    steps.picture(page, "upstream-verified")
    assert _lost(everything) == 0

    steps.close(page, card)
    steps.picture(page, "upstream-closed")
    (incident,) = everything.incidents()  # one cause, one incident
    assert incident["status"] == "closed"
    assert dict(incident["finding"]["slice"]) == {"device": "tv", "region": "british_isles"}
    steps.report_opens(page, card, "upstream", (FAULTY, "Read the standby feed"))
    assert everything.recsysops("events", "verify").returncode == 0


def _lost(everything: Installation) -> int:
    """Plays that the feed lacks and its standby has; all of today's tables."""
    with duckdb.connect() as connection:
        return len(connection.execute(LOST.format(tables=everything.tables)).fetchall())
