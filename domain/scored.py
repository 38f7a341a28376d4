"""What a scorecard says: how long steps take and how often something is so, lately beside before."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from domain.values import Estimate, Moment, Value

LATELY = timedelta(days=28)
"""What is held beside everything before, where nobody says otherwise."""


class Spread(Value):
    """
    What `count` times come to. `low`–`high` is the interval of the median, null where so few times have none;
    half of the times lie in `quarter`–`three_quarters`.
    """

    count: int
    mean: timedelta | None = None
    median: timedelta | None = None
    low: timedelta | None = None
    high: timedelta | None = None
    quarter: timedelta | None = None
    three_quarters: timedelta | None = None


class Counted(Value):
    """How many `of` so many; `share` is null where there are none."""

    held: int
    of: int
    share: Estimate | None = None


class Kept(Value):
    """
    How many of the `promises` that menus made of a `kind` of hotfix `held`: what was measured lay within the
    interval, the error of measuring allowed for. Of the others `short` repaired less, the rest more.
    """

    kind: str
    promises: int
    held: int
    short: int
    share: Estimate


class Period(Value):
    """What the times of the incidents come to that were opened in the days from `begins` to `ends`."""

    begins: Moment
    ends: Moment
    spread: Spread


class TimeTaken(Value):
    """
    How long a step takes by one `version` of its definition, which `says` from what to what. `factor` is how
    many times as long as before; null where so few times say nothing. `sure`: an interval of 99 % leaves out
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
    How often something is so; `more` is by how much more often than before, null where nobody knows. `sure`:
    an interval of 99 % leaves out 0 as well. `better` is which of both is.
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
    Where the time goes between onset and end: what of it (`of`) a `step` `took`, and the incidents in which
    that took longest, as (number, how long).
    """

    step: str
    took: timedelta
    of: timedelta
    incidents: tuple[tuple[int, timedelta], ...]


class FollowUps(Value):
    """Follow-ups of all incidents that change something: how many there are, are done, open and overdue."""

    agreed: int
    done: int
    open: int
    overdue: int


class Scorecard(Value):
    """
    What was so lately, since `since` (from the beginning, where null), beside everything before.

    `incidents` and `false_alarms` are lately's; a false alarm counts nowhere else, save for `glass_broken`:
    how often a hotfix was deployed without the second person that it needs, in any incident of all times.
    `lost` is where most of the time goes, largest first. `promises` has a row for each kind of hotfix of
    which a promise was ever measured, `costs` for each of which it was measured what everybody gained or
    lost; there `short` is how many lost more than was promised.
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
        """The times of a step, by the definition of now where several were asked for."""
        return max((one for one in self.times if one.step == step), key=lambda one: one.version)
