"""The version of a model that took over before the fault began, from a log in a real engine."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
import skops.io

from domain.recommender.model import Model
from domain.recommender.recommender import Recommender
from domain.recommender.table import Table
from domain.resolution.circumstances import Replaced
from domain.values import Diagnosis
from tests.domain.conftest import AT
from tests.domain.conftest import world as world  # noqa: PLC0414 (a fixture)
from tests.workers.conftest import NOON, make_finding
from tests.workers.respond.diagnose.test_diagnose import DECLARED
from workers.declaration.declare import load
from workers.models.logged import log_in
from workers.respond.diagnose.reading import Reader
from workers.respond.diagnose.replaced import replaced_model
from workers.respond.resolve.resolve import prepare_menu

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
ONSET = NOON - HOUR


def logged(folder: Path, spans: Sequence[tuple[str, float, float, int]]) -> Recommender:
    """Candidates by (version, from and to hours before noon, rows of each quarter of an hour)."""
    rows = [
        (NOON - start * HOUR + quarter * 15 * MINUTE, f"{version}-{quarter}", f"film-{n}", 0.5, 0.5, version)
        for version, start, end, count in spans
        for quarter in range(int((start - end) * 4))
        for n in range(count)
    ]
    frame = pd.DataFrame(rows, columns=["at", "request", "item", "score", "x", "version"])
    frame["at"] = frame["at"].astype("datetime64[us, UTC]")
    frame.to_parquet(folder / "candidates.parquet")
    table = Table(name="candidates", path=str(folder / "candidates.parquet"), time="at", window=15 * MINUTE)
    model = Model(
        name="ranker",
        path="ranker.skops",
        features=("x",),
        candidates="candidates",
        request="request",
        item="item",
        score="score",
        version="version",
    )
    return Recommender(name="small", tables={"candidates": table}, models={"ranker": model})


@pytest.mark.parametrize(
    ("spans", "took_over"),
    [
        pytest.param(
            [("v7", 12, 2, 20), ("v8", 2, 0, 20)], ("v8", "v7", 2), id="it took over an hour before"
        ),
        pytest.param([("v7", 12, 0, 20)], None, id="one version all the time"),
        pytest.param(
            [("v6", 12, 5, 20), ("v7", 5, 2, 20), ("v8", 2, 0, 20)], ("v8", "v7", 2), id="the last of several"
        ),
        pytest.param(
            [("v7", 12, 2, 20), ("v8", 2, 0.5, 20), ("v9", 0.5, 0, 20)], ("v8", "v7", 2), id="not a later one"
        ),
        pytest.param([("v7", 12, 0.5, 20), ("v8", 0.5, 0, 20)], ("v8", "v7", 0.5), id="only a later one"),
        pytest.param([("v7", 12, 0, 40), ("v8", 2, 0, 1)], None, id="a few stray rows are no takeover"),
        pytest.param(
            [("v7", 12, 0, 20), ("v8", 2, 0, 5)],
            ("v8", "v7", 2),
            id="a canary beside it served before it began",
        ),
    ],
)
def test_the_version_that_took_over_no_later_than_it_began_is_named_with_the_one_before(
    tmp_path: Path,
    spans: Sequence[tuple[str, float, float, int]],
    took_over: tuple[str, str, float] | None,
) -> None:
    recommender = logged(tmp_path, spans)
    log = log_in(recommender, "candidates")
    assert log is not None
    reader = Reader(recommender, make_finding(), NOON)
    found = replaced_model(reader, log, ONSET, ONSET + MINUTE)
    expected = took_over and Replaced(at=NOON - took_over[2] * HOUR, now=took_over[0], was=took_over[1])
    assert found == expected


ROLLBACK = """
[hotfixes.older_model]
kind = "model_rollback"
label = "Serve the model before"
causes = ["model"]
deployer = "hooks"
[hotfixes.half]
kind = "traffic_split"
share = 0.5
label = "Half by the model before"
causes = ["model"]
deployer = "hooks"
[deployers.hooks]
kind = "webhook"
url = "http://127.0.0.1:9/hook"
secret_env = "HOOK_SECRET"
"""


@pytest.fixture
def folder(world: SimpleNamespace, tmp_path: Path) -> Path:
    """v8 took over twenty minutes ago; v7, which is kept, took a language that is not set for a usual one."""
    parts = [
        rows.assign(request_at=pd.Timestamp(AT) - ago, model_version=version)
        for rows, ago, version in (
            (world.candidates_before, pd.Timedelta(hours=1), "v7"),
            (world.candidates, pd.Timedelta(minutes=20), "v8"),
        )
    ]
    frame = pd.concat(parts)
    frame["request_at"] = frame["request_at"].astype("datetime64[us, UTC]")
    frame.to_parquet(tmp_path / "candidates.parquet")
    world.after.to_parquet(tmp_path / "items.parquet")
    deliveries = world.before.assign(delivered_at=pd.Timestamp(AT) - pd.Timedelta(days=30))
    deliveries["delivered_at"] = deliveries["delivered_at"].astype("datetime64[us, UTC]")
    deliveries.to_parquet(tmp_path / "snapshots.parquet")
    shown = world.before[["item_id", "country", "genre"]].assign(shown_at=pd.Timestamp(AT))
    shown["shown_at"] = shown["shown_at"].astype("datetime64[us, UTC]")
    shown.to_parquet(tmp_path / "impressions.parquet")
    skops.io.dump(world.model.estimator, tmp_path / "ranker.skops")
    former = deepcopy(world.model.estimator)
    former[0].fill_value = 0.6
    former[0].statistics_[:] = 0.6
    skops.io.dump(former, tmp_path / "ranker-v7.skops")
    declared = DECLARED.partition("[hotfixes.")[0].replace(
        'features = ["language_match"',
        'version = "model_version"\nkept = { path = "ranker-{version}.skops" }\nfeatures = ["language_match"',
    )
    (tmp_path / "recsysops.toml").write_text(declared + ROLLBACK)
    return tmp_path


def blamed_on_the_model(world: SimpleNamespace) -> Diagnosis:
    since = AT - timedelta(minutes=20)
    return Diagnosis(cause="x", cause_kind="model", items=world.concerned, since=since)


def test_a_rollback_is_priced_by_the_kept_version_itself_and_a_split_by_its_part_of_that(
    folder: Path, world: SimpleNamespace
) -> None:
    recommender = load(folder / "recsysops.toml")
    menu = prepare_menu(recommender, world.finding, blamed_on_the_model(world), "incident-1", AT)
    options = {option.hotfix: option for option in menu.options}
    whole, half = options["older_model"], options["half"]
    assert whole.parameters["version"] == "v7" and whole.parameters["instead_of"] == "v8"
    assert whole.repairs.value is not None and whole.repairs.low is not None
    assert 20 < whole.repairs.low < whole.repairs.value
    assert "since it began, by version v7;" in whole.repairs.basis
    assert half.repairs.value == pytest.approx(whole.repairs.value / 2)
    assert menu.note == ""


def test_a_kind_that_is_not_installed_holds_no_menu_up(folder: Path, world: SimpleNamespace) -> None:
    declared = load(folder / "recsysops.toml")
    strange = declared.hotfixes["half"].model_copy(update={"name": "strange", "kind": "hide_row"})
    hotfixes = {"strange": strange, "older_model": declared.hotfixes["older_model"]}
    recommender = declared.model_copy(update={"hotfixes": hotfixes})
    menu = prepare_menu(recommender, world.finding, blamed_on_the_model(world), "incident-1", AT)
    assert "older_model" in {option.hotfix for option in menu.options}
    assert [one.hotfix for one in menu.left_out] == ["strange"]


def test_where_its_file_is_not_kept_a_rollback_is_offered_and_not_priced(
    folder: Path, world: SimpleNamespace
) -> None:
    (folder / "ranker-v7.skops").unlink()
    recommender = load(folder / "recsysops.toml")
    menu = prepare_menu(recommender, world.finding, blamed_on_the_model(world), "incident-1", AT)
    option = next(option for option in menu.options if option.hotfix == "older_model")
    assert (option.repairs.value, option.repairs.basis) == (
        None, "not priced: the file of version v7 is not at hand",
    )  # fmt: skip
    (folder / "ranker-v7.skops").write_bytes(b"no model")
    broken = prepare_menu(recommender, world.finding, blamed_on_the_model(world), "incident-1", AT)
    assert "older_model" in {option.hotfix for option in broken.options}
    assert "The model v7 could not be read" in broken.note
