"""What a hotfix in force is worth today: members served with it compared with those held out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from domain.errors import ConfigurationError, RecsysopsError, sanitized
from domain.incident import commands as c
from domain.recommender.recommender import Recommender
from domain.resolution.held_out import A_DAY, CONFIDENCE, SHARE, Bools, ByMember, gained, gap_closed, held_out
from domain.values import Estimate, Finding
from workers.environment import redaction
from workers.log.obligations import Work
from workers.respond.resolve.deploy import in_hand, stage_keys
from workers.respond.resolve.watch import deployed_now, measure_now
from workers.sources.engines.files import kept_open
from workers.sources.logged.rewards import DAY, chosen_by_member, counted_by_member, daily_totals, unit_of


class Compared(NamedTuple):
    """Over [start, end), members drawn with `salt`, of whom a share `served` has the hotfix."""

    start: datetime
    end: datetime
    salt: str
    served: float

    def without(self, read: ByMember) -> Bools:
        """(n,) which of the members read are held out."""
        return held_out(read.members, self.salt, self.served)


@kept_open()
def settle(work: Work, recommender: Recommender) -> Iterator[c.Command]:
    """
    Compare them over the last day, or since all but those held out are served.

    What cannot be read or measured is recorded as unknown, with the reason.
    """
    hotfix, option = in_hand(work.incident)
    deployed = deployed_now(work)
    finding = deployed.finding
    end = work.at - _settle(recommender, finding)
    start = max(deployed.stage_at, end - DAY)
    compared = Compared(start, end, stage_keys(work)[0], option.served(hotfix.share))
    promise = hotfix.promise.whole if hotfix.promise else None
    unit = promise.unit if promise is not None else f"% {unit_of(recommender)}"
    yield c.RecordWorth(
        option=option.key,
        repaired=_known(SHARE, lambda: _repaired(work, recommender, finding, compared)),
        gained=_known(unit, lambda: _gained(recommender, compared, unit)),
        window_start=start,
        window_end=end,
    )


def _repaired(work: Work, recommender: Recommender, finding: Finding | None, compared: Compared) -> Estimate:
    if finding is None:
        raise ConfigurationError("no check raised this incident")
    read = counted_by_member(recommender, finding, compared.start, compared.end)
    now = measure_now(work, recommender, finding, compared.start, compared.end)
    return gap_closed(read, compared.without(read), now, finding)


def _gained(recommender: Recommender, compared: Compared, unit: str) -> Estimate:
    read = chosen_by_member(recommender, compared.start, compared.end)
    daily = daily_totals(recommender, compared.end).rewards if unit.endswith(A_DAY) else None
    return gained(read, compared.without(read), unit, daily)


def _known(unit: str, measured: Callable[[], Estimate]) -> Estimate:
    try:
        return measured()
    except (RecsysopsError, ValueError) as error:
        basis = f"not measurable: {redaction.prose(sanitized(error))}"
        return Estimate(value=None, unit=unit, confidence=CONFIDENCE, basis=basis)


def _settle(recommender: Recommender, finding: Finding | None) -> timedelta:
    """How long to wait until rows of all tables are there."""
    exposure = recommender.exposure
    names = {*((exposure.shown, exposure.chosen) if exposure else ()), *((finding.table,) if finding else ())}
    found = (recommender.tables[name].settle for name in names if name in recommender.tables)
    return max(found, default=timedelta(0))
