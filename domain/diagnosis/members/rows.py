"""What was read about members; none of them is named."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import pandas as pd

INSIDE, BEFORE, NOW, ROWS_BEFORE, ROWS_NOW = "__inside", "__before", "__now", "__rows_before", "__rows_now"
COHORT, MEMBERS, SHOWN, CHOSEN, POPULAR = "cohort", "members", "shown", "chosen", "popular"


@dataclass(frozen=True)
class Cohorts:
    """
    Members who joined within a span of `length`, and what they were shown and chose until its end; for
    today's, since `since`.

    `counts` has a row a cohort: `cohort` (0 that of today, 1 the one before it, and so on), `members`,
    `shown`, how much of it was `chosen`, and how much is among the tenth of items then shown most to
    everybody, `popular`.
    """

    since: datetime
    length: timedelta
    counts: pd.DataFrame


@dataclass(frozen=True)
class MemberRows:
    """
    Members of the finding's table, a row each, numbered by the index; who they are is not in it.

    `frame`: `__inside`, whether most of what a member had before the onset lies in the finding's slice;
    `__before` and `__now`, what the finding counts of them before and since (of those inside, in the slice),
    and `__rows_before`, `__rows_now`, of how many rows that is; and what is declared of them, the `features`.
    Members without a row before are not in it. `before` and `since` are how long these times are. `own` is
    the share of the slice's rows before the onset that belong to members inside: near 1 where it is a slice
    of members. `cohorts` are null where it is not known when members joined.
    """

    frame: pd.DataFrame
    features: tuple[str, ...]
    before: timedelta
    since: timedelta
    own: float
    cohorts: Cohorts | None = None
