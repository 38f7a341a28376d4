"""One process serves one Slack team: requests from another team are answered only with that fact."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import structlog
from slack_bolt import BoltResponse
from slack_bolt.context.async_context import AsyncBoltContext

ELSEWHERE = "This RecSysOps serves another Slack workspace; ask whoever installed it here."

_log = structlog.get_logger(__name__)


async def own_team(context: AsyncBoltContext, next: Callable[[], Awaitable[BoltResponse]]) -> BoltResponse:
    """
    Bolt's middleware: passes on requests of the team that the bot's token belongs to.

    An app that is installed in two teams signs both teams' requests with one secret, so the signature alone
    does not tell them apart.
    """
    ours = context.authorize_result
    if ours is None or context.team_id == ours.team_id:
        return await next()
    if ours.enterprise_id and context.enterprise_id == ours.enterprise_id:
        return await next()  # an installation for a whole Enterprise organisation
    _log.warning("other_team_refused", team=context.team_id)
    return BoltResponse(status=200, body=ELSEWHERE)
