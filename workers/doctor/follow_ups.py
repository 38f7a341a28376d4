"""Checks that the prerequisites of follow-ups are met, for the doctor."""

from __future__ import annotations

from collections.abc import Iterator

from domain.answer import Advice
from domain.recommender.practice.rehearsals import NEVER
from domain.recommender.recommender import Recommender
from workers.deployers.pull_request import PullRequestOptions


def examine_follow_ups(recommender: Recommender) -> Iterator[Advice]:
    """A deployer that opens no pull requests; and that without replays nothing can be shown to work."""
    name = recommender.follow_ups.deployer
    declared = recommender.deployers.get(name or "")
    if declared is not None and not isinstance(declared, PullRequestOptions):
        says = f'deployer "{name}", a {declared.kind}, opens no pull requests'
        fix = "name one of kind pull_request"
        yield Advice(level="error", where="follow_ups.deployer", says=says, fix=fix)
    if recommender.replays.schedule == NEVER:
        says = 'schedule = "never": no follow-up is shown done, and none is taken back'
        yield Advice(level="note", where="replays.schedule", says=says, fix="name a time, or take it away")
