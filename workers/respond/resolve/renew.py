"""Keeps a hotfix in force longer than planned; and reminds people before one ends."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from domain.errors import ConfigurationError, DeployError, DeployUncertain
from domain.incident import commands as c
from domain.incident.decide.rule import WATCHED
from domain.recommender.recommender import Recommender
from workers.environment import redaction
from workers.log.handle import replayed
from workers.log.obligations import Work
from workers.respond.resolve.deploy import build_deployer, in_hand, in_stage, stage_keys


def renew(work: Work, recommender: Recommender) -> Iterator[c.Command]:
    """
    Tell the deployer the new end, under the key it knows; what has ended meanwhile is taken back again.

    Raises:
        ConfigurationError: nobody asks for it any more.
    """
    hotfix, option = in_hand(work.incident)
    if hotfix.renewing_until is None:
        raise ConfigurationError(f"The hotfix of #{work.incident.number} is not to be renewed.")
    deployer, keys = build_deployer(recommender, option), stage_keys(work)
    key, served = keys[-1], in_stage(option, hotfix.share, salt=keys[0])
    try:
        receipt = deployer.renew(key, served, hotfix.renewing_until)
    except DeployError as error:
        if isinstance(error, DeployUncertain):
            raise
        yield c.RecordRenewalFailed(option=option.key, reason=redaction.prose(str(error)))
        return
    yield c.RecordHotfixRenewed(option=option.key, receipt=receipt)
    with work.log.connect() as connection:
        now = replayed(connection, work.incident.stream).hotfix
    if now is None or now.stage not in WATCHED:
        deployer.revert(key, option)


def remind(work: Work, recommender: Recommender) -> Sequence[c.Command]:
    """The reminder before the end: posted in the thread, where people read it."""
    _, option = in_hand(work.incident)
    return (c.RemindOfExpiry(option=option.key),)
