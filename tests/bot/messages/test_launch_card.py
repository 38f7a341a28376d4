"""What the card and the report say about a launch: forecast, recovered, saved."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from bot.messages.incident.card import card
from bot.messages.link import pages_at
from bot.messages.report import compose, html, markdown
from domain.incident import commands as c
from tests.bot.stories import DIAGNOSED, FINDING, OFFERED, WAY, Step
from tests.domain.incident.given import MORNING, WORKER, after

LAUNCH_AT = MORNING + timedelta(days=10)
FORECAST = FINDING.model_copy(
    update={
        "check": "launches", "table": "prelaunch", "kind": "predicted", "slice": (), "subject": "film-7",
        "window_start": LAUNCH_AT, "window_end": LAUNCH_AT + timedelta(days=1), "observed": 40.0,
        "expected": 800.0, "low": 30.0, "high": 52.0, "unit": "first-day impressions",
        "affected_share": None,
    }
)  # fmt: skip
PREDICTED: Step = (c.OpenIncident(number=3, finding=FORECAST), WORKER)
SAVED = (PREDICTED, *WAY[1:])


def scored(observed: float) -> Step:
    return c.ScorePrediction(observed=observed, forecast=40.0, low=30.0, high=52.0), WORKER


def said(*steps: Step) -> str:
    """All words of the card."""
    words: list[str] = []

    def walk(part: Any) -> None:
        for key, value in part.items() if isinstance(part, dict) else enumerate(part):
            if key == "text" and isinstance(value, str):
                words.append(value)
            elif isinstance(value, dict | list):
                walk(value)

    walk(json.loads(json.dumps(card(after(*steps)[0], pages_at("http://x")))))
    return "\n".join(words).replace("\u00a0", " ")


def test_a_prediction_says_when_what_and_against_what_and_nothing_of_what_is_usual() -> None:
    words = said(PREDICTED, DIAGNOSED, OFFERED)
    assert "launches <!date^" in words
    assert "forecast 40 [30–52] first-day impressions where comparable launches had 800 (−95 %)" in words
    assert "usually" not in words
    assert "recovered" not in words


def test_a_forecast_that_is_right_again_is_said_on_the_card_and_in_the_report() -> None:
    cleared = c.ClearFinding(observed=760, expected=800, window_end=MORNING + timedelta(hours=1))
    assert "*the forecast has recovered*" in said(PREDICTED, DIAGNOSED, (cleared, WORKER))
    incident, recorded = after(PREDICTED, (cleared, WORKER))
    assert "Back to normal: 760, expected 800" in markdown(compose(incident, recorded))
    again = c.OpenIncident(number=3, finding=FORECAST)
    incident, recorded = after(PREDICTED, (cleared, WORKER), (again, WORKER))
    fell = "Forecast again: 40 first-day impressions, comparable launches had 800"
    assert fell in markdown(compose(incident, recorded))
    assert "recovered" not in said(PREDICTED, (cleared, WORKER), (again, WORKER))


def test_a_hotfix_of_a_launch_is_verified_by_the_forecast() -> None:
    assert "verified by the forecast that raised the alarm" in said(*SAVED[:8])


@pytest.mark.parametrize(
    ("steps", "observed", "words"),
    [
        ((PREDICTED,), 41.0, "The prediction came true: 41 came, 40 were forecast"),
        ((PREDICTED,), 700.0, "The prediction did not come true: 700 came, 40 were forecast"),
        (SAVED, 700.0, "The launch was saved: 700 came; 40 were forecast without the hotfix"),
        (SAVED, 35.0, "The prediction came true: 35 came, 40 were forecast"),
    ],
)
def test_what_came_of_it_stands_on_the_card_and_in_both_reports(
    steps: tuple[Step, ...], observed: float, words: str
) -> None:
    assert words in said(*steps, scored(observed))
    incident, recorded = after(*steps, scored(observed))
    assert words in markdown(compose(incident, recorded))
    assert words in html(compose(incident, recorded))
