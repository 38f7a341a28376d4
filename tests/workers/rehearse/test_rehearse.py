"""What declared hotfixes do in a rehearsal, on a team's kind of files, read as in an incident."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest

from domain.errors import ConfigurationError
from domain.incident.events import HotfixRehearsed
from domain.incident.outcome import promised
from tests.domain.conftest import AT
from tests.workers.rehearse.small import (
    BLOCK,
    BOOST,
    DELIVERY,
    FILL,
    MODEL,
    OFFSET,
    declare,
    write_small,
)
from workers.declaration.declare import load
from workers.rehearse.rehearse import rehearse

ENVIRONMENT = {"HOOK_SECRET": "s" * 40}
SHOP = {
    "item_id": "sku",
    "request_id": "search",
    "member_id": "shopper",
    "request_at": "searched_at",
    "delivered_at": "loaded_at",
    "model_version": "build",
    "language_match": "material_match",
    "language": "material",
    "genre_affinity": "aisle_affinity",
    "genre": "aisle",
    "country": "supplier",
}


def rehearsed(folder: Path, *hotfixes: str, only: str | None = None) -> dict[str, HotfixRehearsed]:
    """Hotfix → what came of it."""
    recommender = load(declare(folder, *hotfixes), ENVIRONMENT)
    return {one.hotfix: one for one in rehearse(recommender, AT, ENVIRONMENT, only)}


def rewrite(file: Path, rows: pd.DataFrame) -> None:
    rows.to_parquet(file, index=False)


def digests(folder: Path) -> Mapping[str, str]:
    return {
        str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


def test_the_promise_of_a_fill_holds_against_what_is_known_of_the_planted_fault(folder: Path) -> None:
    found = rehearsed(folder, FILL)["fill_language"]
    assert found.verdict == "repairs"
    assert found.planted.startswith("`language` not set for ")
    assert found.repaired == pytest.approx(1.0, abs=0.01)  # the former delivery has each item's own value
    known = promised(found.promised)
    assert known is not None and known.low < 1.0 < known.high
    assert found.promised is not None and "since it began" in found.promised.basis


def test_each_kind_is_rehearsed_as_its_own_file_says(folder: Path) -> None:
    found = rehearsed(folder, BOOST, BLOCK, DELIVERY, MODEL, OFFSET)
    assert {name for name, one in found.items() if one.verdict in ("repairs", "misses")} == set(found)
    assert found["rollback"].undoes == "deliveries"
    assert found["older_model"].undoes == "model"
    assert "version v8 scores" in found["older_model"].planted
    half, boost, block = (found[name].repaired or 0.0 for name in ("half", "boost", "block"))
    assert 0.3 < half < 0.7
    assert 0.5 < boost < 1.6
    assert block > 1.0  # what was shown too much is not shown at all


def test_the_same_day_draws_the_same_fault_and_another_day_another(folder: Path) -> None:
    recommender = load(declare(folder, BOOST), ENVIRONMENT)
    (one,), (again,) = (rehearse(recommender, AT, ENVIRONMENT) for _ in range(2))
    assert one == again
    frame = pd.read_parquet(folder / "candidates.parquet")
    rewrite(folder / "candidates.parquet", frame.assign(request_at=frame["request_at"] + timedelta(days=1)))
    (tomorrow,) = rehearse(recommender, AT + timedelta(days=1), ENVIRONMENT)
    assert tomorrow.planted != one.planted


def test_a_rollback_to_a_delivery_that_holds_the_same_is_reported(folder: Path) -> None:
    file = folder / "snapshots.parquet"
    kept = pd.read_parquet(file)
    newest = kept[kept["delivered_at"] == kept["delivered_at"].max()].drop(columns="delivered_at")
    rewrite(file, pd.concat(newest.assign(delivered_at=at) for at in kept["delivered_at"].unique()))
    found = rehearsed(folder, DELIVERY)["rollback"]
    assert found.verdict == "repairs"  # of a fault that comes with the next delivery
    assert found.repaired == pytest.approx(1.0)
    assert "but the last 3 deliveries that `items_snapshots` keeps hold the same" in found.says
    assert "rolled back now, it would change nothing" in found.says


def test_a_rollback_to_a_delivery_with_the_same_fault_repairs_nothing(folder: Path) -> None:
    """Each delivery is kept as the items are now: an older one is made again with what is unset since."""
    file = folder / "snapshots.parquet"
    kept = pd.read_parquet(file)
    rewrite(file, kept.assign(language=None))
    found = rehearsed(folder, DELIVERY)["rollback"]
    assert found.verdict == "nothing"
    assert found.repaired == pytest.approx(0.0, abs=0.01)
    assert "in force, it repairs nothing of the fault" in found.says


def test_a_rollback_with_one_delivery_kept_is_reported(folder: Path) -> None:
    file = folder / "snapshots.parquet"
    kept = pd.read_parquet(file)
    rewrite(file, kept[kept["delivered_at"] == kept["delivered_at"].max()])
    found = rehearsed(folder, DELIVERY)["rollback"]
    assert found.verdict == "nothing" and "so there is none to go back to" in found.says


def test_a_rollback_to_a_delivery_without_the_values_repairs_nothing(folder: Path) -> None:
    """The table keeps deliveries that differ, and none of them has what a faulty one takes away."""
    file = folder / "snapshots.parquet"
    kept = pd.read_parquet(file)
    former = kept["delivered_at"] < kept["delivered_at"].max()
    rewrite(file, kept.assign(**{n: kept[n].mask(former) for n in ("language", "genre", "country")}))
    found = rehearsed(folder, DELIVERY)["rollback"]
    assert found.verdict == "nothing", found
    assert found.repaired == pytest.approx(0.0, abs=0.01)


def test_a_model_rollback_without_the_file_of_the_version_before_is_reported(folder: Path) -> None:
    (folder / "ranker-v7.skops").unlink()
    found = rehearsed(folder, MODEL)
    assert {one.verdict for one in found.values()} == {"nothing"}
    says = "the file of version v7, which served before v8, is not at hand"
    assert all(one.says.startswith(says) for one in found.values())


def test_a_model_rollback_to_a_file_that_cannot_be_read_is_reported(folder: Path) -> None:
    (folder / "ranker-v7.skops").write_bytes(b"no model")
    found = rehearsed(folder, MODEL)["older_model"]
    assert found.verdict == "nothing"
    assert "version v7, which served before v8, does not work: " in found.says
    assert "not a skops file" in found.says


def test_a_former_version_that_is_gone_keeps_no_other_hotfix_from_being_rehearsed(folder: Path) -> None:
    (folder / "ranker-v7.skops").write_bytes(b"no model")
    assert rehearsed(folder, FILL)["fill_language"].verdict == "repairs"


def test_a_model_rollback_to_the_same_model_is_reported(folder: Path) -> None:
    (folder / "ranker-v7.skops").write_bytes((folder / "ranker.skops").read_bytes())
    found = rehearsed(folder, MODEL)["older_model"]
    assert found.verdict == "nothing" and found.says.startswith("version v7 ranks as v8 does")


def test_where_one_version_ranked_all_the_time_nothing_is_claimed(folder: Path) -> None:
    frame = pd.read_parquet(folder / "candidates.parquet")
    rewrite(folder / "candidates.parquet", frame[frame["model_version"] == "v8"])
    found = rehearsed(folder, MODEL)["older_model"]
    assert (found.verdict, found.says) == (
        "impossible", "no version of the model is logged that took over from another",
    )  # fmt: skip


def test_where_nobody_says_where_former_versions_are_nothing_is_claimed(folder: Path) -> None:
    file = declare(folder, MODEL)
    file.write_text(file.read_text().replace('kept = { path = "ranker-{version}.skops" }\n', ""))
    recommender = load(file, ENVIRONMENT)
    (found, _half) = rehearse(recommender, AT, ENVIRONMENT)
    assert found.verdict == "impossible" and "`kept`" in found.says


def test_a_deployer_that_would_not_take_it_is_found_by_what_the_doctor_asks(folder: Path) -> None:
    recommender = load(declare(folder, DELIVERY), ENVIRONMENT)
    (found,) = rehearse(recommender, AT, {})
    assert found.verdict == "nothing" and "HOOK_SECRET is not set" in found.says


def test_nothing_is_deployed_and_no_file_of_the_team_is_written(folder: Path) -> None:
    declare(folder, FILL, BOOST, DELIVERY)
    before = digests(folder)
    rehearsed(folder, FILL, BOOST, DELIVERY)
    assert digests(folder) == before
    assert not (folder / "overrides.json").exists()


@pytest.mark.parametrize(
    ("hotfix", "says"),
    [
        pytest.param(
            '[hotfixes.popular]\nkind = "popularity_fallback"\ncolumn = "popularity"\n',
            "it shows what is popular and not what was lost",
            id="what is popular",
        ),
        pytest.param(
            '[hotfixes.call]\nkind = "webhook"\n', "no `replay` says what its receiver does", id="a receiver"
        ),
        pytest.param(
            '[hotfixes.any]\nkind = "score_offset"\namount = 1.0\n',
            "name one in `of` to have it rehearsed",
            id="whatever slice an incident has",
        ),
        pytest.param(
            '[hotfixes.spare]\nkind = "webhook"\nreplay = { kind = "standby", table = "items" }\n',
            "it brings back rows of a feed",
            id="a failover",
        ),
    ],
)
def test_what_cannot_be_rehearsed_says_why_in_words(folder: Path, hotfix: str, says: str) -> None:
    common = 'label = "Do it"\ncauses = ["model"]\ndeployer = "hooks"\n'
    (found,) = rehearsed(folder, hotfix + common).values()
    assert found.verdict == "impossible" and says in found.says
    assert (found.promised, found.repaired) == (None, None)


def test_a_kind_that_says_nothing_of_rehearsals_is_said_to(folder: Path) -> None:
    from dataclasses import replace

    from workers.declaration.hotfix_kinds import find

    strange = replace(find("boost_items"), name="lift", rehearse=None)
    hotfix = load(declare(folder, BOOST), ENVIRONMENT).hotfixes["boost"]
    assert "its kind, lift, says not how" in str(strange.rehearsal(hotfix))


def test_too_few_requests_are_said_and_nothing_is_promised_of_them(folder: Path) -> None:
    recommender = load(declare(folder, FILL), ENVIRONMENT)
    (found,) = rehearse(recommender, AT + timedelta(days=30), ENVIRONMENT)
    assert (found.verdict, found.says) == (
        "impossible", "0 requests were logged in the last 24 h; 150 are needed",
    )  # fmt: skip


def test_a_feature_that_the_model_is_not_fed_with_cannot_be_planted(folder: Path) -> None:
    found = rehearsed(folder, FILL.replace('"language"', '"country"'))["fill_language"]
    assert found.verdict == "impossible"
    assert "no feature of the model is known to be made from `country`" in found.says


def test_it_holds_on_tables_of_other_names(tmp_path: Path) -> None:
    file = write_small(tmp_path, FILL, BOOST, DELIVERY, MODEL, named=SHOP)
    recommender = load(file, ENVIRONMENT)
    found = {one.hotfix: one for one in rehearse(recommender, AT, ENVIRONMENT)}
    assert {one.verdict for one in found.values()} <= {"repairs", "misses"}
    assert found["fill_material"].planted.startswith("`material` not set for ")


def test_a_hotfix_that_there_is_not_is_refused_with_the_nearest(folder: Path) -> None:
    with pytest.raises(ConfigurationError, match=r'no hotfix is called "bost".*boost'):
        rehearsed(folder, BOOST, only="bost")
    with pytest.raises(ConfigurationError, match="no hotfix is declared"):
        rehearsed(folder)
