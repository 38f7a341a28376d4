"""An incident's card shows what joined it."""

from __future__ import annotations

import json

from bot.messages.incident.card import card, headline
from bot.messages.link import pages_at
from domain.incident import commands as c
from domain.values import name_slice, slice_of
from tests.domain.incident.given import DIAGNOSED, FINDING, OPEN, WORKER, after

ALSO = [FINDING.model_copy(update={"table": f"t{n}", "title": f"t{n}: fewer <rows>"}) for n in range(5)]


def drawn(count: int) -> str:
    incident, _ = after(OPEN, *(c.JoinFinding(finding=one, shares="downstream") for one in ALSO[:count]))
    return json.dumps(card(incident, pages_at("https://x")))


def test_the_card_names_the_first_that_joined_and_counts_the_others() -> None:
    assert "also:" not in drawn(0)
    assert "also: t0: fewer &lt;rows&gt;" in drawn(1)
    assert "t0: fewer &lt;rows&gt;; and 4 more" in drawn(5)


def test_one_cause_seen_in_many_slices_of_a_column_is_named_once_where_it_is_widest() -> None:
    seen = [
        FINDING.model_copy(
            update={"table": "t", "subject": "language", "slice": where, "title": f"t: {len(where)}"}
        )
        for where in (slice_of(country="France", device="tv"), slice_of(country="France"))
    ]
    incident, _ = after(OPEN, *(c.JoinFinding(finding=one, shares="downstream") for one in seen))
    assert "also: t: 1" in json.dumps(card(incident, pages_at("https://x")))
    assert "t: 2" not in json.dumps(card(incident, pages_at("https://x")))


def test_slices_of_one_table_that_share_no_rows_are_both_counted() -> None:
    seen = [
        FINDING.model_copy(update={"slice": slice_of(country=country), "title": f"{country}: fewer rows"})
        for country in ("Peru", "Chile")
    ]
    incident, _ = after(OPEN, *(c.JoinFinding(finding=one, shares="cause") for one in seen))
    assert "also: Peru: fewer rows; and 1 more" in json.dumps(card(incident, pages_at("https://x")))


def test_a_part_of_another_incident_says_where_it_is_handled_and_can_only_be_reopened() -> None:
    merge = c.MergeInto(into="incident-7", number=7, cause="`language` is not set")
    incident, _ = after(OPEN, (merge, WORKER), DIAGNOSED)
    assert headline(incident).startswith("↪️ SEV2 · part of #7 · impressions where country = France")
    said = json.dumps(card(incident, pages_at("https://x")))
    assert "*Part of #7*, which has the same cause: what is done about it is done there." in said
    assert "Reopen" in said
    for never in ("Deploy", "I have it", "Follow-up", "Close"):
        assert never not in said


def test_the_slice_that_stands_above_is_not_said_again() -> None:
    where = name_slice(FINDING.slice)
    one = FINDING.model_copy(update={"table": "plays", "title": f"plays where {where}: 32 % fewer rows"})
    incident, _ = after(OPEN, c.JoinFinding(finding=one, shares="downstream"))
    assert "also: plays: 32 % fewer rows" in json.dumps(card(incident, pages_at("https://x")))
