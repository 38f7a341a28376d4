"""What the store held for each logged candidate when it was scored, according to the kept deliveries."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from domain.diagnosis.material import RANKED_AT
from domain.recommender.recommender import Recommender
from workers.respond.diagnose.deliveries import delivery_table
from workers.sources.engines.source import TIME, open_source

DELIVERIES = 6  # the last ones, up to the last candidate
EARLIER = "__earlier_"


def held_features(
    recommender: Recommender, rows: pd.DataFrame, item: str, features: Sequence[str]
) -> tuple[pd.DataFrame, pd.DataFrame] | None:
    """
    Features that deliveries bring under the name they are logged under.

    Args:
        rows: candidates with their time in `RANKED_AT`, one row each.

    Returns:
        (rows,) what the last delivery before each row held, and the one before that; unset for items that it
        did not hold. Null if no deliveries are kept, or none of these features is in them.

    Raises:
        SourceError: the deliveries cannot be read.
    """
    name, declared = delivery_table(recommender), recommender.items
    if name is None or declared is None or not len(rows):
        return None
    with open_source(recommender, name) as source:
        shared = [one for one in dict.fromkeys(features) if one in source.columns and one in rows]
        if not shared:
            return None
        timed = source.timed()
        moments = pd.to_datetime(source.fetch(timed.select(timed[TIME]).distinct())[TIME].dropna(), utc=True)
        last = sorted(one for one in moments if one <= rows[RANKED_AT].max())[-DELIVERIES:]
        wanted = timed.filter(
            timed[TIME].isin([one.to_pydatetime() for one in last]),
            timed[declared.key].cast("string").isin([str(one) for one in rows[item].unique()]),
        )
        taken = source.fetch(wanted.select(declared.key, TIME, *shared)) if last else None
    if taken is None or not len(taken):
        return None
    return _as_of(rows, item, _with_earlier(taken, declared.key, shared), declared.key, shared)


def _with_earlier(taken: pd.DataFrame, key: str, shared: list[str]) -> pd.DataFrame:
    taken = taken.assign(**{TIME: _moments(taken[TIME]), key: taken[key].astype(str)})
    taken = taken.drop_duplicates([key, TIME], keep="last").sort_values(TIME)
    earlier = taken.groupby(key)[shared].shift()
    return taken.assign(**{f"{EARLIER}{name}": earlier[name] for name in shared})


def _as_of(
    rows: pd.DataFrame, item: str, taken: pd.DataFrame, key: str, shared: list[str]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    asked = pd.DataFrame(
        {
            TIME: _moments(rows[RANKED_AT]).to_numpy(),
            key: rows[item].astype(str).to_numpy(),
            "__row": range(len(rows)),
        }
    ).sort_values(TIME)
    found = pd.merge_asof(asked, taken, on=TIME, by=key).sort_values("__row").reset_index(drop=True)
    earlier = found[[f"{EARLIER}{name}" for name in shared]]
    return found[shared], earlier.rename(columns=lambda name: name.removeprefix(EARLIER))


def _moments(times: pd.Series) -> pd.Series:
    return pd.to_datetime(times, utc=True).dt.as_unit("us").dt.tz_localize(None)
