"""The answer for one item, as blocks, as lines for a terminal, and as a self-contained page."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from datetime import UTC, datetime
from statistics import median

from bot.messages import words
from bot.messages.blocks import Block, context, header, image, section
from bot.messages.blocks import escape as plain
from bot.messages.report import ENVIRONMENT
from domain.answer import Compared, ItemAnswer, Launch
from domain.values import Estimate

SIGNS = {"less": "🔻", "more": "🔺", "fair": "✅", "unknown": "❔"}
NAMED = 5  # how many of the items compared with are named by title


def written(at: datetime) -> str:
    """
    >>> written(datetime(2026, 3, 10, 12, 20, tzinfo=UTC))
    '10 Mar 2026 12:20 UTC'
    """
    return f"{at.astimezone(UTC):%d %b %Y %H:%M} UTC"


def facts(
    answer: ItemAnswer, time: Callable[[datetime], str] = written, safe: Callable[[str], str] = str
) -> list[tuple[str, str]]:
    """
    What there is to say, in the order people ask: how much, since when, compared with which items.

    Args:
        time: how a time is written; safe: applied to names that come from a table.
    """
    said: list[tuple[str, str]] = []
    if answer.bias is not None:
        since = answer.measured_since
        said.append(
            (
                "Impressions against expected exposure",
                interval(answer.bias) + (f", measured since {time(since)}" if since else ""),
            )
        )
    if answer.before is not None and answer.since is not None:
        said += [("Before that", interval(answer.before)), ("Since", time(answer.since))]
    if answer.in_question is not None:
        said.append(
            ("Eligible", f"{interval(answer.in_question)} against before, by traffic filled at random")
        )
    if answer.usual is not None:
        low, high = (words.change(one) for one in answer.usual)
        whose = "other launches and " if answer.usual_of == "launches" else ""
        said.append(("Usual here", f"{low} to {high} for {whose}nine in ten items"))
    if answer.launch is not None:
        said += _launch(answer.launch, safe)
    if answer.compared:
        known = [one.bias for one in answer.compared if one.bias is not None]
        middle = f"; half of them are below {words.change(median(known))}" if known else ""
        said.append(
            ("Compared with", f"{_named(answer.compared, safe)}, with similar expected exposure{middle}")
        )
    if answer.about:
        said.append(("The item", safe(", ".join(f"{name} {value}" for name, value in answer.about))))
    return said


def _launch(launch: Launch, safe: Callable[[str], str]) -> list[tuple[str, str]]:
    shown = f"{launch.shown:,.0f} impressions in its first {launch.age_hours:,.0f} h"
    against = f"{interval(launch.ratio)} against {launch.expected:,.0f} of others"
    return [("Its launch", f"{shown}: {against}"), ("Launches compared with", _named(launch.compared, safe))]


def interval(estimate: Estimate) -> str:
    """
    >>> interval(Estimate(value=-0.6, low=-0.67, high=-0.51, unit="share", basis="log"))
    '−60 % [−67 % to −51 %]'
    """
    if estimate.value is None:
        return "not known"
    if estimate.low is None or estimate.high is None:
        return words.change(estimate.value)
    return f"{words.change(estimate.value)} [{words.change(estimate.low)} to {words.change(estimate.high)}]"


def blocks(answer: ItemAnswer, picture: str | None) -> list[Block]:
    """For Slack: the sentence, the picture by its id there, the numbers, and how they are known."""
    drawn: list[Block] = [header(f"{SIGNS[answer.verdict]} {answer.title or answer.item}")]
    drawn.append(section(f"*{plain(answer.headline)}*"))
    if picture:
        drawn.append(image(picture, answer.headline))
    drawn += [section(f"*{name}*\n{value}") for name, value in facts(answer, words.moment, plain)]
    known = [*answer.basis, *answer.notes]
    return [*drawn, context(*(plain(one) for one in known))] if known else drawn


def page(answer: ItemAnswer, picture: bytes) -> str:
    """One HTML file with the picture in it."""
    return ENVIRONMENT.get_template("item.html.j2").render(
        answer=answer,
        sign=SIGNS[answer.verdict],
        picture=b64encode(picture).decode(),
        facts=facts(answer),
        known=_known(answer),
    )


def _known(answer: ItemAnswer) -> list[str]:
    return [*answer.basis, *answer.notes, f"As of {written(answer.at)}, item {answer.item}."]


def _named(compared: tuple[Compared, ...], safe: Callable[[str], str]) -> str:
    names = [safe(one.title or one.item) for one in compared[:NAMED]]
    left = len(compared) - len(names)
    return ", ".join(names) + (f" and {left} more" if left > 0 else "")
