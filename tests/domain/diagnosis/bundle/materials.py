"""Materials to freeze: any that the types allow, and a shop's with everything in it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from hypothesis import strategies as st

from domain.diagnosis.material import (
    Material,
    OtherFinding,
    Release,
    Rows,
    Snapshots,
    Standby,
    TrainingRows,
    Written,
)
from domain.diagnosis.members.rows import Cohorts, MemberRows
from domain.diagnosis.pairing import AT, Pair
from domain.diagnosis.precedent import Past, Signature
from domain.diagnosis.rerun.values import Rerun, StepDifference
from domain.diagnosis.two_by_two import Part, TwoByTwo
from domain.prediction.calendar import LaunchColumns
from domain.recommender.expectation import Expectation
from domain.recommender.lineage import Lineage
from domain.recommender.planned import Planned
from domain.values import Finding, Severity, Slice, slice_of
from tests.domain.diagnosis.shop import NOW, ONSET, catalogue, delivery, shop

WORDS = st.text(max_size=12)
NUMBERS = st.floats()
COUNTS = st.integers(0, 2**40)
MOMENTS = st.datetimes(
    datetime(1990, 1, 1), datetime(2090, 1, 1),  # noqa: DTZ001 (a zone is added by hypothesis)
    timezones=st.sampled_from([UTC, ZoneInfo("Europe/Berlin"), ZoneInfo("America/St_Johns")]),
)  # fmt: skip
SLICES: st.SearchStrategy[Slice] = st.dictionaries(WORDS, WORDS, max_size=3).map(lambda one: slice_of(**one))
FRAMES = st.lists(NUMBERS, max_size=5).map(lambda values: pd.DataFrame({"value": np.array(values, float)}))


SNAPSHOTS = st.builds(Snapshots, before=FRAMES, after=FRAMES, delivered_at=MOMENTS, previous_at=MOMENTS)


def some(*kinds: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """None, or one of these."""
    return st.one_of(st.none(), *kinds)


FINDINGS = st.builds(
    Finding,
    check=WORDS,
    table=WORDS,
    slice=SLICES,
    subject=some(WORDS),
    window_start=MOMENTS,
    window_end=MOMENTS,
    observed=st.floats(allow_nan=False),
    expected=NUMBERS,
    p_value=st.floats(0, 1),
    severity=st.sampled_from(Severity),
    affected_share=some(st.floats(0, 1)),
    title=WORDS,
)
STEPS = st.builds(
    StepDifference,
    step=st.sampled_from(["features", "model", "serving", "ranking", "logging"]),
    rows=COUNTS,
    requests=COUNTS,
    differing=COUNTS,
    size=NUMBERS,
    low=NUMBERS,
    high=NUMBERS,
    where=some(SLICES),
    version=some(WORDS),
    column=some(WORDS),
    words=WORDS,
    items=st.lists(WORDS, max_size=3).map(tuple),
    before=some(NUMBERS),
)
RERUNS = st.builds(
    Rerun,
    requests=COUNTS,
    identical=COUNTS,
    differences=st.lists(STEPS, max_size=3).map(tuple),
    refused=some(WORDS),
    versions=st.lists(WORDS, max_size=3).map(tuple),
)
SPLITS = st.builds(
    TwoByTwo,
    where=SLICES,
    unit=WORDS,
    requests=COUNTS,
    requests_before=COUNTS,
    before=NUMBERS,
    now=NUMBERS,
    low=NUMBERS,
    high=NUMBERS,
    parts=st.lists(
        st.builds(
            Part,
            name=st.sampled_from(["input", "model", "serving"]),
            change=NUMBERS,
            low=NUMBERS,
            high=NUMBERS,
            share=some(NUMBERS),
            exact=st.booleans(),
        ),
        max_size=3,
    ).map(tuple),
    previous=some(WORDS),
    same=st.booleans(),
)
PAST = st.builds(
    Past,
    number=COUNTS,
    opened_at=MOMENTS,
    signature=st.builds(
        Signature,
        cause=st.sampled_from(["feature", "feed", "unknown"]),
        object=some(WORDS),
        place=SLICES,
        check=WORDS,
        table=WORDS,
        change=NUMBERS,
    ),
    what=WORDS,
    outcome=some(WORDS),
)
PAIRS = st.builds(
    Pair,
    table=WORDS,
    relation=st.sampled_from(["standby", "upstream", "beside"]),
    keys=st.lists(WORDS, max_size=2).map(tuple),
    mine=FRAMES,
    theirs=FRAMES,
    moved=some(FRAMES),
    covers=st.floats(0, 1),
)
SPANS = st.timedeltas(timedelta(0), timedelta(days=90))
MEMBERS = st.builds(
    MemberRows,
    frame=FRAMES,
    features=st.lists(WORDS, max_size=3).map(tuple),
    before=SPANS,
    since=SPANS,
    own=NUMBERS,
    cohorts=some(st.builds(Cohorts, since=MOMENTS, length=SPANS, counts=FRAMES)),
)
MATERIALS = st.builds(
    Material,
    finding=FINDINGS,
    noun=WORDS,
    zone=st.sampled_from([UTC, ZoneInfo("UTC"), ZoneInfo("Asia/Kolkata")]),
    series=some(FRAMES),
    dimensions=st.lists(WORDS, max_size=3).map(tuple),
    exploded=st.dictionaries(WORDS, WORDS, max_size=2),
    snapshots=some(SNAPSHOTS),
    feeds=st.lists(SNAPSHOTS, max_size=2).map(tuple),
    events=st.lists(st.tuples(MOMENTS, WORDS), max_size=3).map(tuple),
    standby=some(
        st.builds(
            Standby,
            table=WORDS,
            rows=NUMBERS,
            rows_standby=NUMBERS,
            elsewhere=some(st.tuples(NUMBERS, NUMBERS)),
            seconds=some(NUMBERS),
        )
    ),
    beside=st.lists(st.tuples(WORDS, NUMBERS, NUMBERS), max_size=2).map(tuple),
    rerun=some(RERUNS),
    two_by_two=some(SPLITS),
    pairs=st.lists(PAIRS, max_size=2).map(tuple),
    fault=st.sampled_from([None, "feature"]),
    benign=st.booleans(),
    lacking=st.sampled_from([None, "sold"]),
    lineage=st.builds(
        Lineage, made_from=st.dictionaries(WORDS, st.frozensets(WORDS, max_size=3), max_size=2)
    ),
    others=st.lists(
        st.builds(OtherFinding, check=WORDS, table=WORDS, slice=SLICES, title=WORDS, since=MOMENTS),
        max_size=2,
    ).map(tuple),
    releases=st.lists(st.builds(Release, item=WORDS, at=MOMENTS, rows=NUMBERS), max_size=2).map(tuple),
    members=some(MEMBERS),
    past=st.lists(PAST, max_size=2).map(tuple),
    problems=st.lists(WORDS, max_size=2).map(tuple),
)


def customers() -> MemberRows:
    """A few of the brand's, who bought half as much since, and of others; and who came in four days."""
    inside, before = np.arange(60) < 20, np.full(60, 8.0)
    counts = {"__before": before, "__now": np.where(inside, 4.0, 8.0)}
    rows = {"__rows_before": before, "__rows_now": counts["__now"]}
    frame = pd.DataFrame({"__inside": inside, **counts, **rows, "tier": ["gold", "none"] * 30})
    days = {
        "cohort": range(4),
        "members": 20,
        "shown": [60.0, 90.0, 80.0, 95.0],
        "chosen": 9.0,
        "popular": 20.0,
    }
    hour, day = timedelta(hours=1), timedelta(days=1)
    return MemberRows(frame, ("tier",), hour, hour, 0.9, Cohorts(NOW - day, day, pd.DataFrame(days)))


@lru_cache(maxsize=1)
def full() -> Material:
    """A shop whose newest delivery unset a brand's rating, with something in every field."""
    items = catalogue()
    items.loc[items["brand"] == "Delta", "rating"] = np.nan
    spoilt = shop(items)
    where = slice_of(brand="Delta")
    shown = spoilt.now[spoilt.now["shown"]][["basket_id", "sku", "customer", "brand", AT]]
    step = StepDifference(
        "serving", 900, 90, 12, 0.5, 0.5, 0.5, where, "v7", None, "12 rows in brand = Delta", before=0.0
    )
    part = Part("input", -1.0, -1.2, -0.8, 1.0, 0.9, 1.1)
    signature = Signature("feature", "rating", where, "shown_by_slice", "shown", -0.5)
    return spoilt.material(
        spoilt.finding(where),
        zone=ZoneInfo("Europe/Berlin"),
        outside_since=ONSET,
        exploded={"category": "|"},
        snapshots=delivery(items),
        item_feature=True,
        feeds=(replace(delivery(items), table="stock"),),
        launches=items,
        launch_columns=LaunchColumns("sku", "snapshot_at", "launch_at", "sold", ("brand",)),
        events=((ONSET, "`deliveries` got a row"),),
        standby=Standby("shown_standby", 10.0, 12.0, (5.0, 5.0), 600.0),
        beside=(("sold", 10.0, 12.5),),
        rerun=Rerun(400, 400, (step,), reading="in 64 bits", versions=("v7",)),
        two_by_two=TwoByTwo(where, "exposures", 400, 600, 2.0, 1.0, -1.2, -0.8, (part,), "v6", False),
        rows=Rows(("basket_id", "sku"), shown),
        pairs=(Pair("sold", "beside", ("basket_id", "sku"), shown, shown.iloc[::2], shown.iloc[:5]),),
        fault="feature",
        benign=True,
        lacking="sold",
        registered="v7",
        catalogue="products",
        lineage=Lineage({"sold": frozenset({"shown"})}, {"shown": frozenset({"sold"})}),
        others=(OtherFinding("volume", "sold", where, "fewer sold", ONSET, "sku"),),
        planned=(
            Planned.model_validate(
                {
                    "name": "sale",
                    "from": ONSET,
                    "to": NOW,
                    "slices": [{"brand": "Delta"}],
                    "tables": ["shown"],
                }
            ),
        ),
        releases=(Release("sku-1", ONSET, 3.0),),
        expects=(Expectation(rises_with="rating"), Expectation(between=(-9.0, 9.0))),
        training_rows=(
            TrainingRows(
                "lessons",
                ONSET,
                ("brand",),
                pd.DataFrame({"brand": ["Alba", "Alba"], "rows": [4.0, 5.0], "training": [0, 1]}),
            ),
        ),
        of_members=frozenset({"shown", "sales"}),
        written=(
            Written(
                "offers",
                (ONSET - timedelta(days=1), ONSET, NOW),
                pd.DataFrame(
                    {
                        "window": [0, 1],
                        "dim1": [None, "brand"],
                        "val1": [None, "Alba"],
                        "dim2": [None, None],
                        "val2": [None, None],
                        "rows": [70, 8],
                    }
                ),
            ),
        ),
        members=customers(),
        past=(Past(12, NOW - timedelta(days=9), signature, "`rating` was unset", "“Fill” closed 86 %"),),
        problems=("The registry could not be read: gone",),
    )
