"""Puts a hotfix that did no harm at a share of members in force for more of them."""

from __future__ import annotations

from collections.abc import Sequence

from domain.errors import ConfigurationError, DeployError, DeployUncertain
from domain.incident import commands as c
from domain.recommender.recommender import Recommender
from workers.environment import redaction
from workers.log.obligations import Work
from workers.respond.resolve.deploy import build_deployer, in_hand, in_stage, require_stages, stage_keys


def widen(work: Work, recommender: Recommender) -> Sequence[c.Command]:
    """
    Deploy the next stage under the id of the event that asked for it, with the approval's draw of members.

    The previous stage is taken back first: in between, some members are briefly served without the hotfix,
    but nobody is served with it twice.

    Raises:
        ConfigurationError: its last stage is in force already.
    """
    hotfix, option = in_hand(work.incident)
    share, keys = option.stage_after(hotfix.share), stage_keys(work)
    if share is None or len(keys) < 2:
        raise ConfigurationError(f"The hotfix of #{work.incident.number} has no further stage.")
    deployer = build_deployer(recommender, option)
    try:
        require_stages(deployer, option)
        deployer.revert(keys[-2], option)
        receipt = deployer.apply(keys[-1], in_stage(option, share, salt=keys[0]), hotfix.expires_at)
    except DeployError as error:
        if work.tries > 1 or isinstance(error, DeployUncertain):
            raise  # an earlier try may have done it: tried again, and taken back when given up
        return (c.RecordHotfixFailed(option=option.key, reason=redaction.prose(str(error))),)
    return (c.RecordHotfixWidened(option=option.key, share=share, receipt=receipt),)
