"""What is found in the shadow pages no one and is kept; the way out of it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from domain.errors import ConfigurationError, Refused
from domain.recommender.check import Check
from domain.recommender.recommender import Recommender
from domain.recommender.table import Table
from tests.workers.conftest import NOON, make_finding
from tests.workers.test_tick import every, write
from workers.detect import explained
from workers.promote import promote, promotion
from workers.record import read_records
from workers.sources.declare import load
from workers.tick import detect_tick

MINUTE = timedelta(minutes=1)
TOML = """# ours
[recommender]
name = "cinema"

[tables.views]
path = "views/*.parquet"
time = "at"

[checks.total]
kind = "volume"
table = "views"

[checks.trial]
kind = "slice_volume"   # on trial
table = "views"
shadow = true           # since March
ways = 1
"""


@pytest.fixture
def shadowed(tmp_path: Path) -> Recommender:
    table = Table(name="impressions", path=str(tmp_path / "*.parquet"), time="at", window=MINUTE)
    check = Check(name="trial", kind="volume", table="impressions", shadow=True)
    return Recommender(name="cinema", tables={"impressions": table}, checks={"trial": check})


def test_what_a_check_finds_in_the_shadow_opens_no_incident_and_stands_in_its_record(
    log: Engine, tmp_path: Path, shadowed: Recommender
) -> None:
    write(tmp_path, [60, 58, 63, 61, 57, 62] * 20 + [5] * 4)
    for minutes in (-2, -1, 0, 0):
        detect_tick(log, shadowed, NOON + minutes * MINUTE)
    assert every(log) == []
    (record,) = read_records(log, shadowed, NOON)
    assert (record.alarms, record.undecided, record.since) == (1, 1, NOON - 2 * MINUTE)
    (later,) = read_records(log, shadowed, NOON + timedelta(days=8))
    assert later.false == 1
    out = shadowed.checks["trial"].model_copy(update={"shadow": False})
    detect_tick(log, shadowed.model_copy(update={"checks": {"trial": out}}), NOON + MINUTE)
    (record,) = read_records(log, shadowed.model_copy(update={"checks": {"trial": out}}), NOON + MINUTE)
    # What goes on pages people now, and the record begins anew, with the incidents that the check opens.
    assert len(every(log)) == 1
    assert (record.alarms, record.shadow, record.since) == (1, False, NOON + MINUTE)


def test_a_check_in_the_shadow_silences_no_other(shadowed: Recommender) -> None:
    live = Check(name="total", kind="volume", table="impressions")
    declared = shadowed.model_copy(update={"checks": {**shadowed.checks, "total": live}})
    total = make_finding(observed=929).model_copy(update={"check": "total", "slice": (), "expected": 1000.0})
    part = make_finding().model_copy(update={"check": "trial"})
    assert set(explained(declared, (total, part))) == {total, part}
    both = declared.model_copy(update={"checks": {"total": live, "trial": live}})
    assert explained(both, (total, part)) == (part,)


def test_promoting_says_the_line_that_has_to_go_and_takes_it_out_when_asked_to(tmp_path: Path) -> None:
    file = tmp_path / "recsysops.toml"
    file.write_text(TOML)
    change = promotion(tmp_path, "trial")
    assert (change.line, change.before) == (16, "shadow = true           # since March")
    assert file.read_text() == TOML
    promote(change)
    assert file.read_text() == TOML.replace("shadow = true           # since March\n", "")
    assert not load(file).checks["trial"].shadow
    assert list(tmp_path.iterdir()) == [file]


def test_what_cannot_be_promoted_is_said_in_words(tmp_path: Path) -> None:
    file = tmp_path / "recsysops.toml"
    file.write_text(TOML)
    change = promotion(file, "trial")
    with pytest.raises(Refused, match="not in the shadow"):
        promotion(file, "total")
    with pytest.raises(ConfigurationError, match='did you mean "trial"'):
        promotion(file, "trail")
    file.write_text("# a line more\n" + TOML)
    with pytest.raises(Refused, match="changed meanwhile"):
        promote(change)
    file.write_text(
        TOML.partition("[checks.total]")[0] + "[checks]\n"
        'trial = { kind = "volume", table = "views", shadow = true }\n'
    )
    with pytest.raises(Refused, match="by hand"):
        promotion(file, "trial")
