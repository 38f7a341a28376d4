"""What a scorecard says: how long steps take and how often things hold, recently and before."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from domain.values import Estimate, Moment, Value

LATELY = timedelta(days=28)
"""The default recent period, which is compared with everything before."""


class Spread(Value):
    """
    A summary of `count` times. `low`–`high` is the interval of the median, null where there are too few for
    one; half of the times lie in `quarter`–`three_quarters`.
    """

    count: int
    mean: timedelta | None = None
    median: timedelta | None = None
    low: timedelta | None = None
    high: timedelta | None = None
    quarter: timedelta | None = None
    three_quarters: timedelta | None = None


class Counted(Value):
    """How many out `of` how many; `share` is null where there are none."""

    held: int
    of: int
    share: Estimate | None = None


class Kept(Value):
    """
    How many of the `promises` that menus made for a `kind` of hotfix `held`: the measurement lay within the
    interval, allowing for its error. Of the others `short` repaired less, the rest more.
    """

    kind: str
    promises: int
    held: int
    short: int
    share: Estimate


class Period(Value):
    """A summary of the times of incidents that were opened in the days from `begins` to `ends`."""

    begins: Moment
    ends: Moment
    spread: Spread


class TimeTaken(Value):
    """
    How long a step takes by one `version` of its definition; `says` is from what to what. `factor` is how
    many times as long as before; null where there are too few times to tell. `sure`: a 99 % interval excludes
    1 as well. `periods` are oldest first.
    """

    step: str
    version: int
    says: str
    lately: Spread
    before: Spread
    factor: Estimate | None = None
    sure: bool = False
    periods: tuple[Period, ...] = ()


class Proportion(Value):
    """
    How often something holds; `more` is by how much more often than before, null where unknown. `sure`: an
    interval of 99 % excludes 0 as well. `better` says which of the two is better.
    """

    name: str
    says: str
    lately: Counted
    before: Counted
    better: Literal["more", "fewer"]
    more: Estimate | None = None
    sure: bool = False


class Lost(Value):
    """
    Where the time goes between onset and end: how much of it (`of`) a `step` `took`, and the incidents in
    which that took longest, as (number, how long).
    """

    step: str
    took: timedelta
    of: timedelta
    incidents: tuple[tuple[int, timedelta], ...]


class FollowUps(Value):
    """Follow-ups that change something, over all incidents: how many there are, done, open and overdue."""

    agreed: int
    done: int
    open: int
    overdue: int


class Scorecard(Value):
    """
    The recent period, since `since` (from the beginning if null), beside everything before.

    `incidents` and `false_alarms` are recent ones; a false alarm counts nowhere else except in
    `glass_broken`: how often a hotfix was deployed without the second person it needs, in any incident ever.
    `lost` is where most of the time goes, largest first. `promises` has a row for each kind of hotfix with a
    promise that was ever measured, `costs` for each with a measurement of what everybody gained or lost;
    there `short` is how many lost more than was promised.
    """

    at: Moment
    since: Moment | None
    incidents: int
    earlier: int
    false_alarms: int
    glass_broken: int
    times: tuple[TimeTaken, ...]
    proportions: tuple[Proportion, ...]
    lost: tuple[Lost, ...] = ()
    follow_ups: FollowUps
    promises: tuple[Kept, ...] = ()
    costs: tuple[Kept, ...] = ()

    def time(self, step: str) -> TimeTaken:
        """The times of a step, by the current definition where several were asked for."""
        return max((one for one in self.times if one.step == step), key=lambda one: one.version)
