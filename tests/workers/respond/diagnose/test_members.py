"""From files to what a diagnosis says of members: a radio, its listeners, and a county whose listeners go."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from domain.errors import ConfigurationError
from domain.recommender.recommender import Recommender
from domain.values import Finding, Piece, Severity, slice_of
from workers.declaration.declare import load
from workers.doctor.doctor import check
from workers.respond.diagnose.diagnose import diagnose
from workers.respond.diagnose.members import members_of
from workers.respond.diagnose.reading import Reader

NOON = datetime(2026, 10, 6, 12, tzinfo=UTC)
ONSET = NOON - timedelta(hours=1)
DAYS = 10
DECLARED = """
[recommender]
name = "radio"
[tables.offers]
path = "offers.parquet"
time = "offered_at"
window = "10m"
dimensions = ["county", "genre"]
item = "station"
member = "listener"
[tables.tunings]
path = "tunings.parquet"
time = "tuned_at"
item = "station"
[tables.subscribers]
path = "subscribers.parquet"
[members]
table = "subscribers"
key = "id"
joined = "signed_up"
features = ["plan", "app", "year_of_birth"]
[exposure]
shown = "offers"
chosen = "tunings"
request = "session"
[checks.by_county]
kind = "slice_volume"
table = "offers"
"""


def subscribers(chance: np.random.Generator) -> pd.DataFrame:
    """Old ones in four counties, and 120 new ones a day."""
    old, new = 600, 120 * DAYS
    age = np.concatenate([chance.uniform(30, 900, old), chance.uniform(0, DAYS, new)])
    return pd.DataFrame(
        {
            "id": np.arange(old + new),
            "signed_up": (pd.Timestamp(NOON) - pd.to_timedelta(age, unit="D")).astype("datetime64[us, UTC]"),
            "county": chance.choice(["Kerry", "Mayo", "Cork", "Clare"], old + new),
            "plan": chance.choice(["free", "paid"], old + new),
            "app": "4.1",
            "year_of_birth": chance.integers(1940, 2010, old + new),
        }
    )


def offers(known: pd.DataFrame, chance: np.random.Generator) -> pd.DataFrame:
    """What subscribers were offered: old ones in six hours, new ones in the day after they joined."""
    old = known[known["signed_up"] < pd.Timestamp(NOON - timedelta(days=20))]
    at = chance.uniform(-6, 0, 30 * len(old))
    some = old.sample(len(at), replace=True, random_state=1, ignore_index=True)
    parts = [some.assign(offered_at=_hours(at))]
    new = known.drop(old.index).sample(20 * (len(known) - len(old)), replace=True, random_state=2)
    parts.append(new.assign(offered_at=new["signed_up"] + _spans(chance.uniform(0, 24, len(new)))))
    rows = pd.concat(parts, ignore_index=True)
    rows = rows[rows["offered_at"] < pd.Timestamp(NOON)].reset_index(drop=True)
    rows["session"] = np.arange(len(rows)) // 2
    rows["station"] = chance.choice([f"s{n}" for n in range(40)], len(rows))
    fallback = (rows["signed_up"] >= pd.Timestamp(NOON - timedelta(days=1))) & (rows["county"] == "Kerry")
    most = np.where(fallback, 0.5, 0.1) > chance.random(len(rows))
    rows["station"] = np.where(most, chance.choice(["s0", "s1", "s2", "s3"], len(rows)), rows["station"])
    rows["genre"] = chance.choice(["trad", "talk", "pop"], len(rows))
    return rows.rename(columns={"id": "listener"})


def _hours(hours: Any) -> pd.Series:
    return pd.Series(pd.Timestamp(NOON) + pd.to_timedelta(hours, unit="h")).astype("datetime64[us, UTC]")


def _spans(hours: Any) -> Any:
    return pd.to_timedelta(hours, unit="h").astype("timedelta64[us]")


@pytest.fixture(scope="module")
def radio(tmp_path_factory: pytest.TempPathFactory) -> Recommender:
    """
    Two in three of the offers to listeners in Kerry are lost; who is new there is offered what is popular,
    and hardly tunes in.
    """
    folder: Path = tmp_path_factory.mktemp("radio")
    chance = np.random.default_rng(4)
    known = subscribers(chance)
    known.loc[known["county"] == "Kerry", "app"] = "4.2"
    rows = offers(known, chance)
    late = (rows["county"] == "Kerry") & (rows["offered_at"] >= pd.Timestamp(ONSET))
    rows = rows[~late | (chance.random(len(rows)) < 0.33)]
    today = rows["signed_up"] >= pd.Timestamp(NOON - timedelta(days=1))
    tuned = rows[chance.random(len(rows)) < np.where(today & (rows["county"] == "Kerry"), 0.05, 0.3)]
    names = ["offered_at", "listener", "county", "genre", "station", "session"]
    rows[names].to_parquet(folder / "offers.parquet", index=False)
    choices = tuned.rename(columns={"offered_at": "tuned_at"})[["tuned_at", "station", "session"]]
    choices.to_parquet(folder / "tunings.parquet", index=False)
    known.to_parquet(folder / "subscribers.parquet", index=False)
    (folder / "recsysops.toml").write_text(DECLARED)
    return load(folder, {})


def finding(**where: str) -> Finding:
    return Finding(
        check="by_county", table="offers", slice=slice_of(**where), window_start=NOON - timedelta(minutes=10),
        window_end=NOON, observed=100, expected=300, p_value=1e-9, severity=Severity.SEV2, title="…",
    )  # fmt: skip


def said(recommender: Recommender, **where: str) -> list[str]:
    return [line.statement for line in diagnose(recommender, finding(**where), NOON).evidence]


def test_listeners_of_the_county_are_held_against_comparable_ones(radio: Recommender) -> None:
    lines = said(radio, county="Kerry")
    (fared,) = (line for line in lines if "members concerned" in line)
    assert "comparable members (nearest in `plan`, `app`, `year_of_birth`)" in fared
    assert " less against those [-" in fared
    (apart,) = (line for line in lines if "`app` is" in line)
    assert "comparable members: `app` is 4.2 for 100 %, unlike comparable ones" in apart


def test_new_listeners_there_are_held_against_those_who_joined_before(radio: Recommender) -> None:
    (line,) = (one for one in said(radio, county="Kerry") if "who joined since" in one)
    assert line.endswith(" of it, against 8 former cohorts at the same age")
    popular = line.partition(" each, ")[2]
    assert " of it popular items" in popular
    assert popular.startswith(("1", "2")), "a third of it instead of a sixth is popular"
    chosen = line.partition("and choose ")[2]
    assert chosen.startswith(("7", "8", "9"))
    assert "% less [" in chosen


def test_it_is_reported_with_the_tables_and_after_what_comes_first(radio: Recommender) -> None:
    pieces: list[Piece] = []
    diagnose(radio, finding(county="Kerry"), NOON, on_piece=pieces.append)
    stages = [one.stage for one in pieces if any("members concerned" in line.statement for line in one.lines)]
    assert stages == ["tables"]
    assert pieces[0].stage == "metric"


def test_what_is_read_names_no_listener(radio: Recommender) -> None:
    reader = Reader(radio, finding(county="Kerry"), NOON)
    found = members_of(reader, ONSET)
    assert found is not None
    assert reader.problems == []
    assert set(found.frame) == {
        "__inside", "__before", "__now", "__rows_before", "__rows_now", "plan", "app", "year_of_birth",
    }  # fmt: skip
    assert found.own == 1.0


def test_of_a_slice_of_stations_nothing_is_said_of_members(radio: Recommender) -> None:
    assert not any("members concerned" in line for line in said(radio, genre="trad"))


def test_of_a_slice_by_what_stations_are_nothing_is_said_either(radio: Recommender) -> None:
    assert not any("embers" in line for line in said(radio, wavelength="long"))


def test_without_a_table_of_members_nothing_is_said(radio: Recommender) -> None:
    bare = radio.model_copy(update={"members": None})
    assert not any("members" in line for line in said(bare, county="Kerry"))
    assert members_of(Reader(bare, finding(county="Kerry"), NOON), ONSET) is None


def test_a_column_that_is_gone_is_said_and_takes_nothing_else_with_it(radio: Recommender) -> None:
    assert radio.members is not None
    members = radio.members.model_copy(update={"features": ("plan", "yer_of_birth")})
    lines = said(radio.model_copy(update={"members": members}), county="Kerry")
    (line,) = (one for one in lines if one.startswith("The members could not be read: "))
    assert 'did you mean "year_of_birth"?' in line
    members = radio.members.model_copy(update={"joined": "signd_up"})
    lines = said(radio.model_copy(update={"members": members}), county="Kerry")
    assert any(one.startswith("New members could not be read: ") for one in lines)
    assert any("members concerned" in one for one in lines)


def test_a_table_that_is_not_declared_is_said_with_the_nearest_name(
    radio: Recommender, tmp_path: Path
) -> None:
    wrong = DECLARED.replace('table = "subscribers"', 'table = "subscriber"')
    (tmp_path / "recsysops.toml").write_text(wrong)
    with pytest.raises(ConfigurationError, match=r'members\.table: .*did you mean "subscribers"\?'):
        load(tmp_path, {})
    (tmp_path / "recsysops.toml").write_text(DECLARED.replace("joined =", "joind ="))
    with pytest.raises(ConfigurationError, match=r'members\.joind: .*did you mean "joined"\?'):
        load(tmp_path, {})


def doctored(radio: Recommender, old: str = "", new: str = "") -> list[str]:
    file = Path(radio.folder) / "recsysops.toml"
    file.write_text(DECLARED.replace(old, new, 1))
    try:
        answers = check(Path(radio.folder), environment={}, at=NOON)
    finally:
        file.write_text(DECLARED)
    return [f"{a.level} {a.where}: {a.says}; {a.fix}" for a in answers if "member" in a.where]


def test_the_doctor_looks_at_them(radio: Recommender) -> None:
    assert doctored(radio) == ["ok members: as declared; "]
    assert doctored(radio, '"app"', '"ap"')[0] == (
        'error members: table "subscribers" has no column "ap"; did you mean "app"?'
    )
    assert "new ones are not held against former cohorts" in doctored(radio, 'joined = "signed_up"\n')[0]
    assert doctored(radio, 'key = "id"', 'key = "year_of_birth"')[0].startswith(
        "warning tables.offers.member: "
    )
