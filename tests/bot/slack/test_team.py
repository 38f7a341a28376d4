"""A request of another Slack team, or of none, is not passed on."""

from __future__ import annotations

import pytest
from slack_bolt import BoltResponse
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.context.async_context import AsyncBoltContext

from bot.slack.team import ELSEWHERE, own_team


def asked(team: str | None, organisation: str | None = None) -> AsyncBoltContext:
    return AsyncBoltContext({"team_id": team, "enterprise_id": organisation})


async def passed_on(context: AsyncBoltContext, ours: AuthorizeResult | None) -> bool:
    """Whether the listeners are asked."""
    context["authorize_result"] = ours
    reached = []

    async def listeners() -> BoltResponse:
        reached.append("them")
        return BoltResponse(status=200)

    answered = await own_team(context, listeners)
    assert (answered.body == ELSEWHERE) == (not reached)
    assert answered.status == 200
    return bool(reached)


@pytest.mark.parametrize(
    ("team", "organisation", "ours", "is_taken"),
    [
        ("T-ours", None, None, True),
        ("T-other", None, None, False),
        (None, None, None, False),
        ("T-other", "E-other", "E-ours", False),
        ("T-other", "E-ours", "E-ours", True),
        (None, "E-ours", "E-ours", True),
        (None, None, "E-ours", False),
        ("T-other", "E-other", None, False),
    ],
)
async def test_one_team_is_served(
    team: str | None, organisation: str | None, ours: str | None, is_taken: bool
) -> None:
    installed = AuthorizeResult(enterprise_id=ours, team_id="T-ours")
    assert await passed_on(asked(team, organisation), installed) is is_taken


async def test_what_needs_no_installation_is_passed_on() -> None:
    assert await passed_on(asked("T-other"), None)
