"""What joined an incident stands on its card."""

from __future__ import annotations

import json

from bot.messages.card import card
from domain.incident import commands as c
from tests.domain.incident.given import FINDING, OPEN, after

ALSO = [FINDING.model_copy(update={"table": f"t{n}", "title": f"t{n}: fewer <rows>"}) for n in range(5)]


def drawn(count: int) -> str:
    incident, _ = after(OPEN, *(c.JoinFinding(finding=one, shares="downstream") for one in ALSO[:count]))
    return json.dumps(card(incident, "https://x"))


def test_the_card_names_the_first_that_joined_and_counts_the_others() -> None:
    assert "also:" not in drawn(0)
    assert "also: t0: fewer &lt;rows&gt;" in drawn(1)
    assert "t2: fewer &lt;rows&gt;; and 2 more" in drawn(5)
