"""The details of an option: every number, and how it is known."""

from __future__ import annotations

from bot.messages.incident.explained import explained
from domain.values import Estimate
from tests.domain.incident.given import option


def test_every_number_is_among_the_details_with_how_it_is_known() -> None:
    fewer = Estimate(value=-12.4, low=-14.9, high=-10.1, unit="% different items", basis="412 → 361 items")
    details = dict(explained(option().model_copy(update={"variety": fewer, "hold_out": 0.01})))
    assert details["Diversity"].endswith("different items (412 → 361 items)")
    assert details["Hold-out"] == "1 % of members held out"
    assert details["Repairs"].startswith("96 % [93–98]")


def test_what_is_not_known_is_not_among_the_details() -> None:
    details = dict(explained(option()))
    assert not {"Diversity", "Other items", "Stages", "Hold-out", "In all"} & set(details)
    assert details["Everyone else"].startswith("loses 0.3 % [0.2–0.4] of plays elsewhere")
