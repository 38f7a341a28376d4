"""A column may be called what the checks call something of their own: what is found does not depend on it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from sqlalchemy import create_engine

from domain.errors import ConfigurationError, SourceError
from domain.recommender.recommender import Recommender
from domain.values import Finding
from workers.checks.run import run_checks
from workers.conformance.table import END, last_day, sound
from workers.declaration.declare import load
from workers.sources.engines.source import open_source
from workers.store.connection import spell

NAMES = ("rows", "Rows", "window", "bin", "column", "n", "scored", "chosen")
KINDS = {
    "slice_volume": "",
    "missing": 'columns = ["genre", "{name}"]',
    "drift": 'columns = ["rating", "genre"]',
    "duplicates": 'key = ["id"]',
}
DECLARED = """
[recommender]
name = "shop"
timezone = "Europe/Berlin"
[tables.views]
{place}
time = "at"
window = "1d"
dimensions = ["{name}", "device"]
[checks.on_trial]
kind = "{kind}"
table = "views"
history = "14d"
{keys}
"""


def spoilt(name: str) -> pd.DataFrame:
    """On the last day each row of Malta comes three times, without a genre and with one rating."""
    frame = sound().drop(columns=["chosen"])
    malta = last_day(frame) & (frame["country"] == "Malta")
    frame.loc[malta, "genre"] = None
    frame.loc[malta, "rating"] = 2.9
    frame = pd.concat([frame, frame[malta], frame[malta]], ignore_index=True)
    return frame.rename(columns={"country": name})


def declared(folder: Path, place: str, kind: str, name: str) -> Recommender:
    keys = KINDS[kind].replace("{name}", name)
    file = folder / "recsysops.toml"
    file.write_text(DECLARED.format(place=place, kind=kind, name=name, keys=keys), encoding="utf-8")
    return load(file)


def in_a_file(folder: Path, frame: pd.DataFrame) -> str:
    frame.to_parquet(folder / "views.parquet")
    return 'path = "views.parquet"'


def in_postgres(url: str, frame: pd.DataFrame) -> str:
    engine = create_engine(spell(url))
    frame.to_sql("views", engine, if_exists="replace", index=False, method="multi", chunksize=2000)
    engine.dispose()
    return f'url = "{url}"\ntable = "views"'


def found(recommender: Recommender, name: str) -> list[dict[str, Any]]:
    """The findings of the check, with the column called by one name."""

    def called(finding: Finding) -> dict[str, Any]:
        whole = finding.model_dump_json().replace(f'"{name}"', '"country"')
        kept = Finding.model_validate_json(whole)
        return {"slice": kept.slice, "subject": kept.subject, "fault": "cannot look" in kept.title}

    return [called(one) for one in run_checks(recommender, END).findings]


@pytest.mark.parametrize("kind", KINDS)
def test_a_dimension_is_counted_whatever_it_is_called_in_files(kind: str, tmp_path: Path) -> None:
    place = in_a_file(tmp_path, spoilt("country"))
    expected = found(declared(tmp_path, place, kind, "country"), "country")
    assert expected and not any(one["fault"] for one in expected)
    for name in NAMES:
        place = in_a_file(tmp_path, spoilt(name))
        assert found(declared(tmp_path, place, kind, name), name) == expected, name


@pytest.mark.parametrize("name", ["rows", "window", "bin", "column"])
def test_a_dimension_is_counted_whatever_it_is_called_in_postgresql(
    name: str, database_url: str, tmp_path: Path
) -> None:
    place = in_postgres(database_url, spoilt(name))
    for kind in ("slice_volume", "missing", "drift"):
        filed = found(declared(tmp_path, in_a_file(tmp_path, spoilt(name)), kind, name), name)
        assert found(declared(tmp_path, place, kind, name), name) == filed
        assert filed and not any(one["fault"] for one in filed)


def test_a_column_that_nobody_declared_does_not_weigh_the_rows(tmp_path: Path) -> None:
    frame = spoilt("country")
    expected = found(declared(tmp_path, in_a_file(tmp_path, frame), "missing", "country"), "country")
    frame = frame.assign(rows=range(len(frame)), __rows=7.0, __window="x", __time=None, __bad0=1)
    assert found(declared(tmp_path, in_a_file(tmp_path, frame), "missing", "country"), "country") == expected


@pytest.mark.parametrize("key", ["time", "item", "member", "key", "label"])
def test_a_column_that_begins_as_the_checks_own_is_refused_with_what_to_do(key: str, tmp_path: Path) -> None:
    place = 'path = "views.parquet"' + ("" if key == "time" else f'\n{key} = "__time"')
    text = DECLARED.format(place=place, kind="volume", name="country", keys="")
    text = text.replace('time = "at"', 'time = "__time"') if key == "time" else text
    (tmp_path / "recsysops.toml").write_text(text, encoding="utf-8")
    with pytest.raises(
        ConfigurationError, match=r'tables\.views.*"__time".*give it another name in a select'
    ):
        load(tmp_path / "recsysops.toml")


def test_a_dimension_that_begins_so_is_refused_and_what_a_check_names_too(tmp_path: Path) -> None:
    place = in_a_file(tmp_path, spoilt("country").assign(__score=1.0))
    with pytest.raises(ConfigurationError, match=r"give it another name in a select"):
        declared(tmp_path, place, "missing", "__window")
    recommender = declared(tmp_path, place, "missing", "country")
    with open_source(recommender, "views") as source:
        assert "__score" not in source.columns
        with pytest.raises(SourceError, match=r'"__score" is not seen.*give it another name in a select'):
            source.require("__score")
