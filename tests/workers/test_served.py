"""One matrix for what is served and what others log of it: every fault is found by its own check."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest

from domain.errors import TooFewRows
from domain.recommender.recommender import Recommender
from workers.checks.backtest import backtest
from workers.checks.measure import measure
from workers.checks.run import FAULT, run_checks
from workers.declaration.own_keys import own_keys_apart
from workers.doctor.checks import examine_checks
from workers.sources.engines.source import open_source

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
        "another prediction than in served in",
    ),
}


def written(folder: Path, frames: Frames, **more: Any) -> Recommender:
    with duckdb.cursor() as connection:
        for name, frame in frames.items():
            connection.register("rows_of_table", frame)
            connection.execute(f"COPY rows_of_table TO '{folder / name}.parquet' (FORMAT parquet)")
    return declared(folder, {name: {"path": str(folder / f"{name}.parquet")} for name in TABLES}, **more)


def declared(folder: Path, places: dict[str, dict[str, str]], **more: Any) -> Recommender:
    table = {"time": "at", "window": "1d", "dimensions": ("country", "device"), "item": "item_id"}
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


def excluded(name: str, frames: Frames) -> Frames:
    return FAULTS[name][0](frames, np.random.default_rng(2))


def test_every_kind_has_its_faults() -> None:
    assert {one[1] for one in FAULTS.values()} == set(CHECKS)


@pytest.mark.parametrize("name", FAULTS)
def test_each_fault_is_found_by_its_check_in_its_slice_and_measured_again(
    name: str, frames: Frames, tmp_path: Path
) -> None:
    _spoil, check, where, subject, words = FAULTS[name]
    recommender = written(tmp_path, excluded(name, frames))
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


def test_two_looks_an_hour_apart_tell_the_same_of_the_same_window(frames: Frames, tmp_path: Path) -> None:
    recommender = written(tmp_path, excluded("lost before it is shown", frames))
    first, second = run_checks(recommender, END), run_checks(recommender, END + timedelta(hours=1))
    assert first.findings == second.findings


def test_a_replica_behind_its_registry_is_found_and_no_window_before_the_release_is_judged(
    frames: Frames, tmp_path: Path
) -> None:
    path = tmp_path / "ranker.json"
    path.write_text(json.dumps({"version": "v7", "since": (END - 2 * DAY).isoformat()}))
    registry = {"path": str(path), "version": "version", "since": "since"}
    check = {"name": "versions", "kind": "versions", "table": "served", "within": "0s"}
    models = {"ranker": {**MODEL, "registry": registry}}
    recommender = written(tmp_path, frames, models=models, checks={"versions": check})
    (finding,) = run_checks(recommender, END).findings
    assert (finding.slice, finding.subject) == ((), "v8")
    assert finding.title.startswith("served: v8 serves 1")
    before = run_checks(recommender, END - 2 * DAY)
    assert before.findings == ()
    assert before.notes == {"versions": "another version has just been released"}
    with pytest.raises(TooFewRows, match="has just been released"):
        measure(recommender, finding, END - 3 * DAY, END - 2 * DAY)


@pytest.mark.parametrize(("released", "found"), [(8, ["v6"]), (2, [])])
def test_two_requests_a_day_are_judged_over_four_days_that_the_registry_has_named_the_version(
    released: int, found: list[str], frames: Frames, tmp_path: Path
) -> None:
    served = frames["served"].assign(version="v7")
    late = served[served["at"] >= pd.Timestamp(END - 4 * DAY)]
    few = late.groupby(late["at"].dt.floor("D"))["request_id"].unique().map(lambda ids: list(ids[:2]))
    hit = served["request_id"].isin([one for day in few for one in day])
    kiosk = served.assign(
        device=served["device"].mask(hit, "kiosk"), version=served["version"].mask(hit, "v6")
    )
    path = tmp_path / "ranker.json"
    path.write_text(json.dumps({"version": "v7", "since": (END - released * DAY).isoformat()}))
    models = {"ranker": {**MODEL, "registry": {"path": str(path), "version": "version", "since": "since"}}}
    check = {"name": "versions", "kind": "versions", "table": "served", "within": "0s"}
    recommender = written(tmp_path, {**frames, "served": kiosk}, models=models, checks={"versions": check})
    assert [one.subject for one in run_checks(recommender, END).findings] == found


def test_requests_count_once_and_what_else_is_named(frames: Frames, tmp_path: Path) -> None:
    recommender = written(tmp_path, excluded("a replica left behind", frames))
    by_request = run_checks(recommender, END).findings[0]
    named = recommender.checks["versions"].with_options(per="item_id")
    by_item = run_checks(recommender.model_copy(update={"checks": {"versions": named}}), END).findings[0]
    assert 80 < by_request.observed < 150
    assert (by_item.slice, by_item.subject) == ((), "v8")  # each item is served by both, in all six cells
    assert by_item.observed == 6 * CANDIDATES


def test_a_version_that_serves_all_of_a_small_slice_is_reported(frames: Frames, tmp_path: Path) -> None:
    served = frames["served"]
    few = served.loc[today(served), "request_id"].unique()[:6]
    hit = served["request_id"].isin(few)
    kiosk = served.assign(
        device=served["device"].mask(hit, "kiosk"), version=served["version"].mask(hit, "v6")
    )
    found = run_checks(written(tmp_path, {**frames, "served": kiosk}), END).findings
    (finding,) = (one for one in found if one.check == "versions")
    assert (finding.slice, finding.subject) == ((("device", "kiosk"),), "v6")
    assert finding.observed == 6


def test_one_item_that_a_stage_loses_is_named_and_measured_again(frames: Frames, tmp_path: Path) -> None:
    served = frames["served"]
    hit = today(served) & (served["item_id"] == "5")
    spoilt = {**frames, "served": served.assign(shown=served["shown"] & ~hit)}
    by_item = {"name": "stages", "kind": "stages", **CHECKS["stages"], "dimensions": ("device", "item_id")}
    recommender = written(tmp_path, spoilt, checks={"stages": {**by_item, "ways": 1}})
    (finding,) = run_checks(recommender, END).findings
    assert (finding.slice, finding.subject) == ((("item_id", "5"),), "shown")
    assert "none get from ranked to shown" in finding.title
    assert not measure(recommender, finding, END - DAY, END).within
    assert measure(recommender, finding, END - 2 * DAY, END - DAY).within


def test_of_very_many_items_those_with_most_rows_are_told_apart(
    frames: Frames, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.sources.logged.served.MOST_ITEMS", 3)
    served = frames["served"].assign(item_id=frames["served"]["request_id"].astype(str))
    hot = today(served) & (served.index % 40 == 0)
    served["item_id"] = served["item_id"].mask(served.index % 40 == 0, "hot")
    spoilt = {**frames, "served": served.assign(shown=served["shown"] & ~hot)}
    check = {"name": "stages", "kind": "stages", "stages": ("ranked", "shown"), "dimensions": ("item_id",)}
    recommender = written(tmp_path, spoilt, checks={"stages": {**check, "table": "served"}})
    (finding,) = run_checks(recommender, END).findings
    assert finding.slice == (("item_id", "hot"),)


def test_a_window_waits_until_both_tables_are_complete(frames: Frames, tmp_path: Path) -> None:
    recommender = written(tmp_path, excluded("a halved rate", frames))
    late = recommender.tables["ads"].model_copy(update={"settle": timedelta(hours=6)})
    waiting = recommender.model_copy(update={"tables": {**recommender.tables, "ads": late}})
    assert [f.check for f in run_checks(waiting, END + timedelta(hours=5)).findings] == []
    assert [f.check for f in run_checks(waiting, END + timedelta(hours=6)).findings] == ["sampling"]


def in_postgres(url: str, frames: Frames, names: tuple[str, ...]) -> str:
    import psycopg
    from sqlalchemy import create_engine, make_url

    engine = create_engine(url)
    address = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    for name in names:
        frames[name].head(0).to_sql(name, engine, if_exists="replace", index=False)
        with psycopg.connect(address) as there, there.cursor().copy(f"COPY {name} FROM STDIN CSV") as copy:
            copy.write(frames[name].to_csv(index=False, header=False))
    engine.dispose()
    return address


def test_postgres_gives_the_same_answers(
    frames: Frames, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    spoilt = frames
    for name in FAULTS:
        spoilt = excluded(name, spoilt)
    address = in_postgres(request.getfixturevalue("database_url"), spoilt, TABLES)
    there = declared(tmp_path, {one: {"url": address, "table": one} for one in TABLES})
    found, same = (run_checks(one, END).findings for one in (there, written(tmp_path, spoilt)))
    assert found == same
    assert {finding.check for finding in found} == set(CHECKS)


def test_files_are_held_against_a_database_and_a_database_says_why_it_is_not_held_against_files(
    frames: Frames, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    spoilt = excluded("other scores", frames)
    address = in_postgres(request.getfixturevalue("database_url"), spoilt, ("served",))
    written(tmp_path, spoilt)
    places = {name: {"path": str(tmp_path / f"{name}.parquet")} for name in TABLES}
    apart = declared(tmp_path, {**places, "served": {"url": address, "table": "served"}})
    found = {finding.check: finding for finding in run_checks(apart, END).findings}
    assert found["disagreements"].slice == (("device", "mobile"),)
    assert "in two places" in found["sampling"].title
    assert "in two places" in found["stages"].title
    assert set(found) == {"disagreements", "sampling", "stages"}


Keys = dict[str, Any]


@pytest.mark.parametrize(
    ("kind", "keys", "words"),
    [
        ("latency", {"measure": "latency"}, 'has no column "latency"; did you mean "latency_ms"?'),
        ("latency", {"measure": "device"}, "holds text, no time in numbers"),
        ("versions", {"columns": ("model_version",)}, 'has no column "model_version"'),
        ("versions", {"versions": {}}, "nothing says which version should serve"),
        ("versions", {"per": "request"}, 'has no column "request"; did you mean "request_id"?'),
        ("stages", {"stages": ("ranked", "impresions")}, 'did you mean "impressions"?'),
        ("stages", {"on": {}}, "says not how a row is found"),
        ("joins", {"on": {"request": "reqest_id"}}, 'did you mean "request_id"?'),
        ("sampling", {"on": {"request_ids": "request"}}, 'has no column "request_ids"'),
        ("disagreements", {"compare": {"prediction": "scor"}}, 'did you mean "score"?'),
    ],
)
def test_what_cannot_be_asked_is_a_finding_and_the_doctor_says_it_beforehand(
    kind: str, keys: Keys, words: str, frames: Frames, tmp_path: Path
) -> None:
    few = {name: frame.tail(400) for name, frame in frames.items()}
    wrong = {"name": kind, "kind": kind, **CHECKS[kind], **keys}
    recommender = written(tmp_path, few, checks={kind: wrong})
    (finding,) = run_checks(recommender, END).findings
    assert (finding.subject, words in finding.title) == (FAULT, True)
    opened = {name: open_source(recommender, name) for name in TABLES}
    advice = " ".join(f"{one.says}; {one.fix}" for one in examine_checks(recommender, opened))
    assert words.partition(";")[0] in advice


def test_nothing_is_said_of_what_is_declared_well(frames: Frames, tmp_path: Path) -> None:
    recommender = written(tmp_path, {name: frame.tail(400) for name, frame in frames.items()})
    opened = {name: open_source(recommender, name) for name in TABLES}
    assert list(examine_checks(recommender, opened)) == []


@pytest.mark.parametrize(
    ("kind", "keys", "words"),
    [
        ("latency", {}, 'needs measure; add for instance measure = "latency_ms"'),
        ("stages", {}, "needs stages"),
        ("joins", {"beside": "served"}, "needs on"),
        ("sampling", {"on": {"a": "b"}}, "needs beside"),
        ("disagreements", {"beside": "served", "on": {"a": "b"}}, "needs compare"),
        ("versions", {"versions": {"v7": 0.9, "v8": 0.2}}, "add up to more than 1"),
        ("latency", {"measure": "ms", "limits": {"p95": 0.0}}, "limits.p95: 0 is no time"),
        ("latency", {"measure": "ms", "limits": {"p90": 9.0}}, "'p90' is not known"),
        ("missing", {"stages": ("shown",)}, "stages is for kind stages; remove it from this missing"),
    ],
)
def test_a_declaration_that_asks_for_nothing_says_what_to_add(kind: str, keys: Keys, words: str) -> None:
    _declared, wrong = own_keys_apart({"checks": {"c": {"kind": kind, **keys}}}, own=True)
    assert words in "\n".join(one.says for one in wrong)
