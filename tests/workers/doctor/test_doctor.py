from __future__ import annotations

import http.server
import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from skops.io import dump
from sqlalchemy import Engine, make_url

from domain.answer import WATCH
from tests.brokers import AMQP_URL, BROKERS, way_to
from workers.doctor.doctor import Advice, check
from workers.store.memory import remember

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SECRET = {"SHOP_SECRET": "s", "RECSYSOPS_VAR": "no-such-folder"}
DECLARATION = """\
[recommender]
name = "shop"

[tables.views]
path = "views.parquet"
time = "at"
window = "1h"
dimensions = ["country"]
item = "item_id"

[tables.items]
path = "items.parquet"
key = "item_id"

[tables.candidates]
path = "candidates.parquet"
time = "at"

[items]
table = "items"
key = "item_id"
title = "title"
features = ["language"]

[models.ranker]
path = "ranker.skops"
features = ["a", "b"]
candidates = "candidates"
score = "score"

[checks.by_slice]
kind = "slice_volume"
table = "views"

[hotfixes.fill]
kind = "fill_feature"
label = "Fill in the language"
causes = ["feature"]
feature = "language"
deployer = "overrides"
replay = { kind = "fill_feature" }

[deployers.overrides]
kind = "file"
path = "overrides.json"

[deployers.hooks]
kind = "webhook"
url = "http://127.0.0.1:PORT/hook"
secret_env = "SHOP_SECRET"

[routes]
default = "#shop"

[permissions]
respond = ["oncall"]
deploy = ["oncall"]
approve = ["leads"]
"""


class Quiet(http.server.BaseHTTPRequestHandler):
    def do_HEAD(self) -> None:
        self.send_response(405)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Nothing to say."""


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def store(path: Path, frame: pd.DataFrame) -> None:
    with duckdb.cursor() as connection:
        connection.register("frame", frame)
        connection.execute(f"COPY frame TO '{path}' (FORMAT parquet)")


def views(rows: int = 600) -> pd.DataFrame:
    at = pd.Series(pd.date_range(NOW - timedelta(days=2), NOW - timedelta(minutes=1), periods=rows))
    country = np.resize(["France", "Spain"], rows)
    return pd.DataFrame({"at": at, "country": country, "item_id": np.resize(["i1", "i2", "i3"], rows)})


@pytest.fixture
def shop(tmp_path: Path, port: int) -> Path:
    """A set-up in which all is well."""
    store(tmp_path / "views.parquet", views())
    items = {"item_id": ["i1", "i2", "i3"], "title": ["A", "B", "C"], "language": ["fr", "es", "da"]}
    store(tmp_path / "items.parquet", pd.DataFrame(items))
    candidates = pd.DataFrame({"at": [NOW - timedelta(hours=1)], "a": [0.1], "b": [0.2], "score": [0.5]})
    store(tmp_path / "candidates.parquet", candidates)
    model = LogisticRegression().fit(np.array([[0.0, 0.0], [1.0, 1.0]]), np.array([0, 1]))
    dump(model, tmp_path / "ranker.skops")
    (tmp_path / "recsysops.toml").write_text(DECLARATION.replace("PORT", str(port)))
    return tmp_path


def advice(folder: Path, environment: dict[str, str] | None = None) -> list[Advice]:
    return check(folder, environment=SECRET if environment is None else environment, at=NOW)


def declared(old: str, new: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        file = folder / "recsysops.toml"
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new))

    return change


def table(**columns: Any) -> Callable[[Path], None]:
    return lambda folder: store(folder / "views.parquet", views().assign(**columns))


def pickled(folder: Path) -> None:
    (folder / "ranker.skops").write_bytes(b"\x80\x04not a model")


def test_a_healthy_set_up_has_nothing_to_fix(shop: Path) -> None:
    lines = advice(shop)
    assert [line for line in lines if line.level in {"warning", "error"}] == []
    right = {"tables.views", "items", "models.ranker", "deployers.overrides", "deployers.hooks"}
    assert {line.where for line in lines if line.level == "ok"} >= right


SERIES = """\
[checks.metric]
kind = "series"
table = "views"
measure = "{}"
window = "1h"

[hotfixes.fill]"""

BROKEN: list[tuple[str, Callable[[Path], object], str, str, str, str]] = [
    (
        "a key is misspelt",
        declared('time = "at"\nwindow', 'tiem = "at"\nwindow'),
        "error",
        "",
        "unknown key",
        'did you mean "time"',
    ),
    (
        "a file is missing",
        lambda f: (f / "views.parquet").unlink(),
        "error",
        "tables.views",
        "no file",
        "source",
    ),
    (
        "a file is empty",
        lambda f: (f / "views.parquet").write_bytes(b""),
        "error",
        "tables.views",
        "is empty",
        "source",
    ),
    (
        "a column is absent",
        declared('["country"]', '["contry"]'),
        "error",
        "tables.views.dimensions",
        'no column "contry"',
        '"country"',
    ),
    (
        "a column that only one kind asks for is absent",
        declared(
            "[hotfixes.fill]",
            '[checks.alike]\nkind = "diversity"\ntable = "views"\nrequest = "item_id"\nby = "contry"\n\n'
            "[hotfixes.fill]",
        ),
        "error",
        "checks.alike",
        'no column "contry"',
        '"country"',
    ),
    (
        "a label cannot be set",
        declared('["country"]', '["country"]\nlabel = "country"'),
        "error",
        "tables.views.label",
        "neither a boolean nor a number",
        "what is learned came about",
    ),
    (
        "the time is no time",
        declared('time = "at"\nwindow', 'time = "country"\nwindow'),
        "error",
        "tables.views.time",
        "no time that can be read",
        "name the column",
    ),
    (
        "rows lie in the future",
        table(at=pd.Series(pd.date_range(NOW - timedelta(days=2), NOW + timedelta(hours=5), periods=600))),
        "warning",
        "tables.views.time",
        "in the future",
        "clock",
    ),
    (
        "a dimension has too many values",
        lambda f: store(f / "views.parquet", views(2_500).assign(country=[str(n) for n in range(2_500)])),
        "error",
        "tables.views.dimensions",
        "2,500 values",
        "take it out",
    ),
    (
        "there is too little history",
        table(at=pd.Series(pd.date_range(NOW - timedelta(hours=2), NOW - timedelta(minutes=1), periods=600))),
        "warning",
        "checks.by_slice",
        "of history",
        "wait",
    ),
    (
        "items are not in the item table",
        table(item_id="i9"),
        "warning",
        "tables.views.item",
        "100% of its rows",
        "items.key",
    ),
    ("the model is not one", pickled, "error", "models.ranker.path", "not a skops file", "skops.io.dump"),
    (
        "a metric is made of a column that is not there",
        declared("[hotfixes.fill]", SERIES.format("contry")),
        "error",
        "checks.metric",
        'no column "contry"',
        '"country"',
    ),
    (
        "a metric is made of texts",
        declared("[hotfixes.fill]", SERIES.format("country")),
        "error",
        "checks.metric",
        'column "country" holds string, not numbers',
        "count rows",
    ),
    (
        "the model takes other features",
        declared('["a", "b"]', '["a", "b", "score"]'),
        "error",
        "models.ranker.path",
        "takes 2 features, 3",
        "trained with",
    ),
    (
        "the override's folder is missing",
        declared('"overrides.json"', '"nowhere/overrides.json"'),
        "error",
        "deployers.overrides.path",
        "does not exist",
        "start the recommender",
    ),
    (
        "the webhook does not answer",
        declared("/hook", "9/hook"),
        "warning",
        "deployers.hooks.url",
        "does not answer",
        "start it",
    ),
    (
        "a hotfix fills an unknown feature",
        declared('feature = "language"', 'feature = "langage"'),
        "error",
        "hotfixes.fill.feature",
        "not among",
        '"language"',
    ),
    (
        "a channel is none",
        declared("#shop", "The Shop"),
        "error",
        "routes.default",
        "not a channel",
        "#lower",
    ),
    (
        "an account is hardly one person's",
        declared("[permissions]", '[people.ada]\nterminal = ["ada", "root"]\n[permissions]'),
        "warning",
        "people.ada.terminal",
        "whoever works as root is taken for ada",
        "only they can use",
    ),
    (
        "nobody may deploy",
        declared('deploy = ["oncall"]', "deploy = []"),
        "warning",
        "permissions.deploy",
        "nobody may deploy",
        "add deploy",
    ),
]


@pytest.mark.parametrize(
    ("breaking", "level", "where", "says", "fix"),
    [case[1:] for case in BROKEN],
    ids=[case[0] for case in BROKEN],
)
def test_what_is_broken_is_reported_with_where_it_is_and_how_to_fix_it(
    shop: Path, breaking: Callable[[Path], object], level: str, where: str, says: str, fix: str
) -> None:
    breaking(shop)
    lines = [line for line in advice(shop) if line.level in {"warning", "error"}]
    fitting = [line for line in lines if line.level == level and where in line.where and says in line.says]
    assert fitting, lines
    assert any(fix in f"{line.fix} {line.says}" for line in fitting)
    assert len(lines) <= 2


def test_rows_that_are_written_while_the_doctor_reads_are_not_the_future(shop: Path) -> None:
    table(at=pd.Series(pd.date_range(NOW - timedelta(days=2), NOW + timedelta(seconds=40), periods=600)))(
        shop
    )
    assert [line for line in advice(shop) if "future" in line.says] == []


def test_buttons_that_nobody_may_press_are_an_error_once_slack_is_connected(shop: Path) -> None:
    declared('deploy = ["oncall"]', "deploy = []")(shop)
    connected = {**SECRET, "SLACK_BOT_TOKEN": "xoxb-1"}
    assert [line.level for line in advice(shop, connected) if line.where == "permissions.deploy"] == ["error"]


def test_a_secret_that_is_not_set_is_reported(shop: Path) -> None:
    (line,) = [line for line in advice(shop, {}) if line.level == "error"]
    assert (line.where, "SHOP_SECRET" in line.says) == ("deployers.hooks.secret_env", True)


@pytest.mark.parametrize("broker", BROKERS)
def test_a_broker_is_asked_whether_it_takes_jobs(shop: Path, redis_url: str, broker: str) -> None:
    url = AMQP_URL if broker == "rabbitmq" else redis_url
    with way_to(url) as way:
        assert about_broker(shop, way.environment) == [("ok", "takes jobs")]
        way.proxy.cut()
        [(level, says)] = about_broker(shop, way.environment)
    assert level == "error"
    assert "ECONNREFUSED" in says
    assert f":{make_url(url).password}@" not in says


def test_an_address_of_an_unknown_kind_of_broker_is_reported_without_its_password(shop: Path) -> None:
    [(level, says)] = about_broker(shop, {"BROKER_URL": "kafka://me:hunter2@host"})
    assert level == "error"
    assert "begins with 'kafka'" in says
    assert "hunter2" not in says


def about_broker(folder: Path, environment: Mapping[str, str]) -> list[tuple[str, str]]:
    lines = advice(folder, {**SECRET, **environment})
    return [(one.level, one.says) for one in lines if one.where == "broker"]


def test_where_nothing_looks_the_doctor_says_so_and_is_not_the_one_to_call_it_healthy(
    shop: Path, log: Engine, database_url: str
) -> None:
    environment = {**SECRET, "DATABASE_URL": database_url}

    def told(environment: dict[str, str]) -> list[str]:
        return [one.says for one in advice(shop, environment) if one.where == WATCH]

    assert told(SECRET) == ["nothing is watched: neither is a store named nor does one run"]
    assert told(environment) == ["nothing is watched: no check has looked at a table yet"]
    with log.begin() as connection:
        remember(connection, "detect:views", {"looked_at": NOW.isoformat()})
    assert told(environment) == []
    with log.begin() as connection:
        remember(connection, "detect:views", {"looked_at": (NOW - timedelta(hours=9)).isoformat()})
    assert told(environment) == [
        "nothing is watched: no check has looked at a table since 2026-03-01 03:00 UTC"
    ]
    declared('[checks.by_slice]\nkind = "slice_volume"\ntable = "views"\n', "")(shop)
    assert "nothing is watched: no check is declared" in told(environment)


def test_twelve_and_more_ways_to_break_it_are_tried() -> None:
    assert len(BROKEN) >= 12
