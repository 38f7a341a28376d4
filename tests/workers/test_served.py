"""One matrix for what is served and what others log of it: every fault is found by its own check."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest

from domain.detection.checks import DATA
from domain.recommender.recommender import Recommender
from workers.backtest import backtest
from workers.detect import run_checks
from workers.measure import measure

END = datetime(2026, 3, 30, tzinfo=UTC)
DAY = timedelta(days=1)
DAYS, REQUESTS, CANDIDATES = 12, 900, 8
ON = {"request": "request_id", "item": "item_id"}
SAME = {"request_id": "request_id", "item_id": "item_id"}
CHECKS: dict[str, dict[str, Any]] = {
    "latency": {"table": "served", "measure": "latency_ms"},
    "versions": {"table": "served", "versions": {"v7": 0.9, "v8": 0.1}, "least_share": 0.05},
    "stages": {"table": "served", "stages": ("ranked", "shown", "impressions"), "on": SAME},
    "joins": {"table": "ads", "beside": "served", "on": ON},
    "sampling": {"table": "served", "beside": "ads", "on": {"request_id": "request"}, "rate": 0.3},
    "disagreements": {
        "table": "ads",
        "beside": "served",
        "on": ON,
        "compare": {"prediction": "score", "model": "version"},
    },
}
TABLES = ("served", "impressions", "ads")
MODEL = {
    "name": "ranker",
    "path": "ranker.skops",
    "features": ("score",),
    "candidates": "served",
    "request": "request_id",
    "item": "item_id",
    "version": "version",
}
Frames = dict[str, pd.DataFrame]
Spoil = Callable[[Frames, np.random.Generator], Frames]


def service(seed: int = 3) -> Frames:
    """
    Requests with eight candidates each, of which half are ranked, three of those shown, and all shown seen;
    one request in ten is served by v8; a consumer keeps three in ten requests.
    """
    chance = np.random.default_rng(seed)
    count = DAYS * REQUESTS
    at = pd.Timestamp(END) - pd.to_timedelta(np.sort(chance.uniform(0, DAYS * 86_400, count))[::-1], unit="s")
    requests = pd.DataFrame({"at": at.floor("us"), "request_id": np.arange(count)})
    requests["device"] = chance.choice(["tv", "web", "mobile"], count, p=[0.4, 0.3, 0.3])
    requests["country"] = chance.choice(["France", "Spain"], count)
    requests["version"] = np.where(chance.random(count) < 0.1, "v8", "v7")
    requests["latency_ms"] = 80 * chance.lognormal(0, 0.4, count)
    requests["kept"] = chance.random(count) < 0.3
    served = requests.loc[requests.index.repeat(CANDIDATES)].reset_index(drop=True)
    served["item_id"] = np.tile(np.arange(CANDIDATES), count).astype(str)
    served["score"] = chance.random(len(served))
    served["ranked"] = chance.random(len(served)) < 0.5
    served["shown"] = served["ranked"] & (chance.random(len(served)) < 0.75)
    impressions = served.loc[served["shown"], ["at", "request_id", "item_id", "device", "country"]]
    ads = served.loc[served["kept"], ["at", "request_id", "item_id", "device", "country", "score", "version"]]
    names = {"request_id": "request", "item_id": "item", "score": "prediction", "version": "model"}
    ads = ads.rename(columns=names).assign(at=ads["at"] + timedelta(seconds=20))
    ads["prediction"] = ads["prediction"].round(4).astype("float32")
    return {"served": served.drop(columns="kept"), "impressions": impressions, "ads": ads}


def today(frame: pd.DataFrame) -> pd.Series:
    return frame["at"] >= END - DAY


def slow(frames: Frames, _chance: np.random.Generator) -> Frames:
    served = frames["served"]
    hit = today(served) & (served["device"] == "mobile")
    return {
        **frames,
        "served": served.assign(latency_ms=served["latency_ms"].mask(hit, served["latency_ms"] * 2)),
    }


def stale(frames: Frames, _chance: np.random.Generator) -> Frames:
    served, ads = frames["served"], frames["ads"]
    hit = today(served) & (served["country"] == "Spain") & (served["request_id"] % 4 == 0)
    alike = ads["request"].isin(served.loc[hit, "request_id"])
    return {
        **frames,
        "served": served.assign(version=served["version"].mask(hit, "v6")),
        "ads": ads.assign(model=ads["model"].mask(alike, "v6")),
    }


def not_shown(frames: Frames, chance: np.random.Generator) -> Frames:
    served = frames["served"]
    hit = today(served) & (served["device"] == "tv") & (chance.random(len(served)) < 0.6)
    served = served.assign(shown=served["shown"] & ~hit)
    seen = served.loc[served["shown"], ["at", "request_id", "item_id", "device", "country"]]
    return {**frames, "served": served, "impressions": seen}


def not_logged(frames: Frames, chance: np.random.Generator) -> Frames:
    seen = frames["impressions"]
    lost = today(seen) & (seen["device"] == "web") & (chance.random(len(seen)) < 0.5)
    return {**frames, "impressions": seen[~lost]}


def cut_keys(frames: Frames, chance: np.random.Generator) -> Frames:
    ads = frames["ads"]
    hit = today(ads) & (ads["country"] == "France") & (chance.random(len(ads)) < 0.3)
    return {**frames, "ads": ads.assign(item=ads["item"].mask(hit, "x" + ads["item"]))}


def fewer_kept(frames: Frames, _chance: np.random.Generator) -> Frames:
    ads = frames["ads"]
    return {**frames, "ads": ads[~(today(ads) & (ads["device"] == "tv") & (ads["request"] % 2 == 0))]}


def other_scores(frames: Frames, chance: np.random.Generator) -> Frames:
    ads = frames["ads"]
    hit = today(ads) & (ads["device"] == "mobile") & (chance.random(len(ads)) < 0.5)
    return {**frames, "ads": ads.assign(prediction=ads["prediction"].mask(hit, ads["prediction"] * 0.9))}


FAULTS: dict[str, tuple[Spoil, str, tuple[tuple[str, str], ...], str, str]] = {
    "slow answers": (slow, "latency", (("device", "mobile"),), "latency_ms", "p50 of latency_ms is 1"),
    "a replica left behind": (stale, "versions", (("country", "Spain"),), "v6", "v6 serves 2"),
    "lost before it is shown": (
        not_shown,
        "stages",
        (("device", "tv"),),
        "shown",
        "get from ranked to shown",
    ),
    "lost behind": (
        not_logged,
        "stages",
        (("device", "web"),),
        "impressions",
        "get from shown to impressions",
    ),
    "keys that were cut": (
        cut_keys,
        "joins",
        (("country", "France"),),
        "in served",
        "of the rows find none in",
    ),
    "a halved rate": (fewer_kept, "sampling", (("device", "tv"),), "kept in ads", "kept in ads, agreed 30 %"),
    "other scores": (
        other_scores,
        "disagreements",
        (("device", "mobile"),),
        "prediction",
        "not as served in",
    ),
}


def written(folder: Path, frames: Frames, **more: Any) -> Recommender:
    with duckdb.connect() as connection:
        for name, frame in frames.items():
            connection.register("rows_of_table", frame)
            connection.execute(f"COPY rows_of_table TO '{folder / name}.parquet' (FORMAT parquet)")
    return declared(folder, {name: {"path": str(folder / f"{name}.parquet")} for name in TABLES}, **more)


def declared(folder: Path, places: dict[str, dict[str, str]], **more: Any) -> Recommender:
    table = {"time": "at", "window": "1d", "dimensions": ("country", "device")}
    return Recommender.model_validate(
        {
            "name": "t",
            "folder": str(folder),
            "tables": {name: {"name": name, **table, **places[name]} for name in TABLES},
            "models": {"ranker": MODEL},
            "checks": {name: {"name": name, "kind": name, **keys} for name, keys in CHECKS.items()},
            **more,
        }
    )


@pytest.fixture(scope="module")
def frames() -> Frames:
    return service()


def spoiled(name: str, frames: Frames) -> Frames:
    return FAULTS[name][0](frames, np.random.default_rng(2))


def test_every_kind_has_its_faults() -> None:
    assert {one[1] for one in FAULTS.values()} == set(CHECKS)
    assert set(CHECKS) <= set(DATA)


@pytest.mark.parametrize("name", FAULTS)
def test_each_fault_is_found_by_its_check_in_its_slice_and_measured_again(
    name: str, frames: Frames, tmp_path: Path
) -> None:
    _spoil, check, where, subject, words = FAULTS[name]
    recommender = written(tmp_path, spoiled(name, frames))
    (finding,) = run_checks(recommender, END).findings
    assert (finding.check, finding.slice, finding.subject) == (check, where, subject)
    assert words in finding.title
    assert finding.window_end == END
    again = measure(recommender, finding, finding.window_start, finding.window_end)
    assert again.observed == pytest.approx(finding.observed, rel=0.05)
    assert not again.within
    before = measure(recommender, finding, END - 2 * DAY, END - DAY)
    assert before.within


def test_nothing_is_found_where_nothing_is_wrong(frames: Frames, tmp_path: Path) -> None:
    result = backtest(written(tmp_path, frames), END - 7 * DAY, END)
    assert result.findings == ()
    assert result.faults == ()
    assert result.looks == len(CHECKS) * 7
