"""From files to a diagnosis, a menu and a follow-up: the jobs on a recommender in a folder."""

from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import skops.io

from domain.errors import LogError
from domain.recommender.recommender import Recommender
from domain.values import Diagnosis, Piece
from tests.domain.conftest import AT, DELIVERED, MODEL_FEATURES
from tests.domain.conftest import world as world  # noqa: PLC0414 (a fixture)
from workers.declaration.declare import load
from workers.respond.diagnose.diagnose import diagnose
from workers.respond.resolve.resolve import prepare_menu

ONSET = AT - timedelta(minutes=28)
DECLARED = """
[recommender]
name = "small"
[tables.impressions]
path = "impressions.parquet"
time = "shown_at"
window = "5m"
dimensions = ["country", "genre"]
item = "item_id"
[tables.candidates]
path = "candidates.parquet"
time = "request_at"
item = "item_id"
member = "member_id"
[tables.items]
path = "items.parquet"
key = "item_id"
[tables.items_snapshots]
path = "snapshots.parquet"
time = "delivered_at"
key = "item_id"
[items]
table = "items"
key = "item_id"
features = ["language", "genre", "country", "popularity"]
[models.ranker]
path = "ranker.skops"
features = ["language_match", "genre_affinity", "popularity"]
candidates = "candidates"
request = "request_id"
item = "item_id"
score = "score"
propensity = "propensity"
top = 5
[checks.slices]
kind = "slice_volume"
table = "impressions"
[hotfixes.fill_language]
kind = "fill_feature"
label = "Fill in the language"
causes = ["feature"]
feature = "language"
deployer = "overrides"
[hotfixes.rollback]
kind = "webhook"
label = "Roll back"
causes = ["feature"]
hook = "rollback"
deployer = "overrides"
replay = { kind = "snapshot", table = "items_snapshots" }
[deployers.overrides]
kind = "file"
path = "overrides.json"
"""


def shown(world: SimpleNamespace) -> pd.DataFrame:
    """Six hours of impressions, those of France down to a third since the onset."""
    chance = np.random.default_rng(2)
    minutes = np.sort(chance.uniform(0, 360, 20_000))
    items = world.before.iloc[chance.integers(0, 400, len(minutes))]
    times = pd.Timestamp(AT) - pd.Timedelta(hours=6) + pd.to_timedelta(minutes, unit="min")
    rows = items[["item_id", "country", "genre"]].reset_index(drop=True).assign(shown_at=times)
    lost = (rows["country"] == "France") & (rows["shown_at"] >= pd.Timestamp(ONSET))
    kept: pd.DataFrame = rows[~(lost & (chance.random(len(rows)) < 0.7))]
    return kept


def microseconds(rows: pd.DataFrame, name: str) -> pd.DataFrame:
    return rows.assign(**{name: rows[name].astype("datetime64[us, UTC]")})


@pytest.fixture(scope="module")
def recommender(world: SimpleNamespace, tmp_path_factory: pytest.TempPathFactory) -> Recommender:
    folder: Path = tmp_path_factory.mktemp("small")
    chance = np.random.default_rng(3)
    microseconds(shown(world), "shown_at").to_parquet(folder / "impressions.parquet")
    world.after.to_parquet(folder / "items.parquet")
    snapshots = [world.before.assign(delivered_at=DELIVERED - timedelta(days=n)) for n in range(4, 0, -1)]
    pd.concat([*snapshots, world.after.assign(delivered_at=DELIVERED)]).to_parquet(
        folder / "snapshots.parquet"
    )
    parts = []
    for rows, start, end in (
        (world.candidates_before, AT - timedelta(hours=5), ONSET),
        (world.candidates, ONSET, AT),
    ):
        requests = rows["request_id"].unique()
        share = dict(zip(requests, chance.uniform(0, 1, len(requests)), strict=True))
        at = pd.Timestamp(start) + rows["request_id"].map(share).to_numpy() * (end - start)
        parts.append(rows.assign(request_at=at))
    microseconds(pd.concat(parts), "request_at").to_parquet(folder / "candidates.parquet")
    assert world.columns.features == MODEL_FEATURES
    skops.io.dump(world.model.estimator, folder / "ranker.skops")
    (folder / "recsysops.toml").write_text(DECLARED)
    return load(folder / "recsysops.toml")


SEARCH = """
[tables.found]
path = "candidates.parquet"
time = "request_at"
[models.search]
path = "no_such_file.skops"
features = ["language_match"]
candidates = "found"
request = "request_id"
item = "item_id"
score = "score"
"""


@pytest.fixture(scope="module")
def diagnosis(recommender: Recommender, world: SimpleNamespace) -> tuple[Diagnosis, list[bytes]]:
    pictures: list[bytes] = []

    def keep(picture: bytes) -> str:
        pictures.append(picture)
        return "digest"

    return diagnose(recommender, world.finding, AT, keep=keep), pictures


def test_a_picture_that_cannot_be_kept_takes_nothing_else_from_the_diagnosis(
    recommender: Recommender, world: SimpleNamespace, diagnosis: tuple[Diagnosis, list[bytes]]
) -> None:
    def full(_picture: bytes) -> str:
        raise LogError("the picture could not be kept: no space left on the device")

    found = diagnose(recommender, world.finding, AT, keep=full)
    assert (found.cause_kind, found.feature, found.picture) == ("feature", "language", None)
    said = {line.statement for line in found.evidence} - {line.statement for line in diagnosis[0].evidence}
    assert said == {"the picture could not be kept: no space left on the device"}


def test_with_several_models_the_one_is_asked_whose_candidates_were_shown(
    recommender: Recommender, world: SimpleNamespace
) -> None:
    made_from = DECLARED.replace(
        'item = "item_id"\n[tables.c', 'item = "item_id"\nupstream = ["candidates"]\n[tables.c'
    )
    beside = Path(recommender.folder) / "two_models.toml"
    beside.write_text(made_from.replace("[models.ranker]", f"{SEARCH}[models.ranker]"))
    found = diagnose(load(beside), world.finding, AT, keep=lambda _picture: "")
    assert (found.cause_kind, found.feature) == ("feature", "language")
    assert not [line for line in found.evidence if "could not be" in line.statement]


def test_the_cause_is_named_from_the_files_with_a_picture(
    diagnosis: tuple[Diagnosis, list[bytes]], world: SimpleNamespace
) -> None:
    found, pictures = diagnosis
    assert found.cause is not None
    assert "`language` is not set for" in found.cause
    assert (found.cause_kind, found.feature, found.suggested_value) == ("feature", "language", "French")
    assert set(found.items) == set(world.concerned)
    assert found.since is not None
    assert abs(found.since - ONSET) <= timedelta(minutes=6)
    assert not [line for line in found.evidence if "could not be" in line.statement]
    assert {"onset", "size", "slices", "change", "feature", "attribution", "reproduction"} <= {
        line.kind for line in found.evidence
    }
    assert found.picture == "digest"
    assert pictures[0].startswith(b"\x89PNG")
    assert int.from_bytes(pictures[0][16:20], "big") == 1_400  # pixels
    assert found.seconds > 0


def test_what_is_read_first_is_reported_first_and_all_of_it_is_in_the_diagnosis(
    recommender: Recommender, world: SimpleNamespace
) -> None:
    pieces: list[Piece] = []
    found = diagnose(recommender, world.finding, AT, keep=lambda picture: "digest", on_piece=pieces.append)
    assert [piece.stage for piece in pieces] == ["metric", "slices", "items", "tables", "requests"]
    assert {line.kind for line in pieces[0].lines} == {"onset", "size"}
    assert pieces[0].picture == found.picture == "digest"
    assert pieces[0].since is not None
    reported = [line for piece in pieces for line in piece.lines]
    assert all(line in found.evidence for line in reported)
    seconds = [piece.seconds for piece in pieces]
    assert seconds == sorted(seconds)
    assert seconds[-1] <= found.seconds


def test_the_menu_is_priced_on_the_logged_requests(
    recommender: Recommender, diagnosis: tuple[Diagnosis, list[bytes]], world: SimpleNamespace
) -> None:
    menu = prepare_menu(recommender, world.finding, diagnosis[0], "incident-1", AT)
    options = {option.hotfix: option for option in menu.options}
    assert set(options) == {"fill_language", "rollback", "do_nothing"}
    repairs = options["fill_language"].repairs
    assert repairs.value is not None
    assert 90 < repairs.value < 110
    assert "requests" in repairs.basis
    assert menu.note == ""


def test_where_no_cause_is_known_the_delivery_shortly_before_it_began_can_be_rolled_back(
    recommender: Recommender, world: SimpleNamespace
) -> None:
    menu = prepare_menu(recommender, world.finding, Diagnosis(cause=None, since=ONSET), "incident-1", AT)
    rollback, nothing = menu.options
    assert (rollback.hotfix, nothing.hotfix) == ("rollback", "do_nothing")
    assert (rollback.parameters["before"], rollback.repairs.value) == (DELIVERED.isoformat(), None)
    assert rollback.parameters["to"] == (DELIVERED - timedelta(days=1)).isoformat()
    assert "came at 2026-03-02 05:30 UTC, shortly before it began" in rollback.repairs.basis
    assert [one.hotfix for one in menu.left_out] == ["fill_language"]


def test_a_table_that_is_gone_becomes_a_line_of_evidence(
    recommender: Recommender, world: SimpleNamespace, tmp_path: Path
) -> None:
    gone = recommender.tables["candidates"].model_copy(update={"path": str(tmp_path / "absent.parquet")})
    broken = recommender.model_copy(update={"tables": {**recommender.tables, "candidates": gone}})
    found = diagnose(broken, world.finding, AT)
    assert found.feature == "language"
    assert any("The candidates could not be read" in line.statement for line in found.evidence)
    menu = prepare_menu(broken, world.finding, found, "incident-1", AT)
    fill = next(option for option in menu.options if option.hotfix == "fill_language")
    assert fill.repairs.value is None
    assert "The logged traffic could not be read" in menu.note


def test_a_finding_on_the_whole_table_gets_its_onset_too(
    recommender: Recommender, world: SimpleNamespace
) -> None:
    finding = world.finding.model_copy(update={"slice": (), "check": "volume"})
    found = diagnose(recommender, finding, AT)
    assert found.slices == ((("country", "France"),),)
    assert found.feature == "language"
