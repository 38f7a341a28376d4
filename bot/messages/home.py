"""The App Home: what is open, and how fast the practice has become."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from statistics import fmean

from bot.messages import words
from bot.messages.blocks import Block, context, divider, header, section
from bot.messages.link import Link
from bot.messages.status import status
from domain.incident.state import Incident
from domain.incident.timeline import Durations, durations

MEANS: dict[str, Callable[[Durations], timedelta | None]] = {
    "detect": lambda took: took.to_detect,
    "acknowledge": lambda took: took.to_acknowledge,
    "diagnose": lambda took: took.to_diagnose,
    "mitigate": lambda took: took.to_mitigate,
    "resolve": lambda took: took.to_resolve,
}


def home(incidents: Sequence[Incident], link: Link) -> dict[str, object]:
    """The view of the Home tab, from all incidents."""
    unresolved = [one for one in incidents if one.status in ("open", "acknowledged")]
    to_close = [one for one in incidents if one.status == "resolved"]
    waiting = [divider(), header("Resolved, follow-up open"), *status(to_close, link)] if to_close else []
    blocks = [
        header("Open incidents"),
        *status(unresolved, link),
        *waiting,
        divider(),
        *_times(incidents),
    ]
    return {"type": "home", "blocks": blocks}


def closed_home(why: str) -> dict[str, object]:
    """The same for somebody who may not see incidents; `why` in Slack's markup."""
    return {"type": "home", "blocks": [header("Incidents"), section(why)]}


def mean_times(incidents: Sequence[Incident]) -> dict[str, tuple[timedelta, int]]:
    """Step → (mean, over how many incidents); steps that nobody has taken are left out."""
    taken = [durations(one) for one in incidents if one.resolved_how != "false_alarm"]
    means: dict[str, tuple[timedelta, int]] = {}
    for step, of in MEANS.items():
        seconds = [took.total_seconds() for took in map(of, taken) if took is not None]
        if seconds:
            means[step] = (timedelta(seconds=fmean(seconds)), len(seconds))
    return means


def _times(incidents: Sequence[Incident]) -> list[Block]:
    means = mean_times(incidents)
    if not means:
        return [context("Mean times appear with the first resolved incident.")]
    lines = [f"to {step}: *{words.lasting(mean)}* ({count})" for step, (mean, count) in means.items()]
    return [header("Mean times"), section("\n".join(lines)), context("In brackets: over how many incidents.")]
