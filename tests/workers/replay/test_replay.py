"""An incident kept small and judged again: the same as it was, or worse by what was loosened, in words."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from domain.bundle import RerunAnswer
from domain.incident import commands as c
from domain.replayed import Replayed
from domain.values import Actor, Severity
from tests.conftest import fresh_database
from tests.workers.replay.depot import END, HALF, Depot, scans
from workers.bundle.again import diagnose_again
from workers.bundle.open import Opened, open_bundle
from workers.embedded import Servers
from workers.environment.settings import settings
from workers.log.handle import handle
from workers.replay.again import replay
from workers.replay.freeze import ABOUT, ARRAYS, LIMIT_BYTES, opened
from workers.replay.keep import replay_tick
from workers.replay.newest import read_newest
from workers.store.connection import engine
from workers.store.lock import REPLAYS, alone

PERSON = Actor(kind="person", id="terminal:ann", groups=("oncall",))
VOLUME = 'kind = "volume"\n'


@pytest.fixture(scope="module")
def kept(servers: Servers, template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Depot]:
    """A depot in which most scans went missing, the incident diagnosed and with its menu."""
    with fresh_database(servers, template) as url:
        depot = Depot(engine(url), tmp_path_factory.mktemp("depot"), scans())
        depot.raises(*depot.found())
        yield depot


@pytest.fixture
def depot(kept: Depot) -> Iterator[Depot]:
    """The same, declared anew after each test."""
    text, rows = kept.text, (kept.folder / "scans.parquet").read_bytes()
    yield kept
    kept.declares(text)
    (kept.folder / "scans.parquet").write_bytes(rows)


def replayed(depot: Depot) -> Replayed:
    (one,) = replay(depot.log, depot.recommender, settings(), END).incidents
    return one


def test_nothing_changed_and_it_goes_as_the_log_says_from_less_than_a_hundred_kilobytes(depot: Depot) -> None:
    one = replayed(depot)
    assert (one.verdict, one.reasons, one.notes) == ("same", (), ())
    assert (one.then, one.identical) == (one.now, True)
    assert (one.now.check, one.now.offered) == ("parcels", ("standby",))
    assert one.bytes is not None
    assert one.bytes < 100_000


def test_the_table_is_gone_and_nothing_is_missed(depot: Depot) -> None:
    (depot.folder / "scans.parquet").unlink()
    assert replayed(depot).verdict == "same"


@pytest.mark.parametrize(
    ("unasked", "verdict", "says"),
    [
        ("The model was not asked again", "same", "cannot be compared: The model was not asked again"),
        (None, "worse", "its cause is named: serving ranker"),  # for which the standby is not offered
    ],
)
def test_a_cause_that_is_another_for_want_of_the_model_of_then_is_not_compared(
    depot: Depot, monkeypatch: pytest.MonkeyPatch, unasked: str | None, verdict: str, says: str
) -> None:
    def otherwise(bundle: Opened) -> RerunAnswer:
        again = diagnose_again(bundle)
        named = {"cause": "serving adds 1", "cause_kind": "serving", "object": "ranker"}
        return again.model_copy(update={"now": again.now.model_copy(update=named), "unasked": unasked})

    monkeypatch.setattr("workers.replay.again.diagnose_again", otherwise)
    one = replayed(depot)
    assert one.verdict == verdict
    assert says in "; ".join((*one.reasons, *one.notes))


@pytest.mark.parametrize(
    ("was", "now", "says"),
    [
        (VOLUME, VOLUME + "least_change = 0.9\n", "no check raises it (then: parcels)"),
        (VOLUME, VOLUME + "least_rows = 5000\n", "no check raises it (then: parcels)"),
        (VOLUME, VOLUME + 'direction = "surge"\n', "no check raises it (then: parcels)"),
        (VOLUME, VOLUME + "shadow = true\n", "no check raises it (then: parcels)"),
        ("[checks.parcels]\n" + VOLUME + 'table = "scans"\nhistory = "8d"\n', "", "no check raises it"),
        ('["feed", "unknown", "world"]', '["model"]', "the hotfix standby is no longer offered"),
        ("[hotfixes.standby]", "[hotfixes.other]", "the hotfix standby is no longer offered"),
    ],
)
def test_what_is_loosened_is_a_regression_and_says_which(depot: Depot, was: str, now: str, says: str) -> None:
    depot.changes(was, now)
    one = replayed(depot)
    assert one.verdict == "worse"
    assert any(reason.startswith(says) for reason in one.reasons), one.reasons


def test_a_check_that_only_got_another_name_raises_it_as_before(depot: Depot) -> None:
    depot.changes("[checks.parcels]", "[checks.arrivals]")
    one = replayed(depot)
    assert (one.verdict, one.now.check) == ("same", "arrivals")
    assert one.notes == ("[checks.parcels] is not declared any more",)


def test_another_window_was_not_frozen_so_the_table_is_asked_as_long_as_it_is_there(depot: Depot) -> None:
    depot.changes(VOLUME, VOLUME + 'window = "1h"\n')
    one = replayed(depot)
    assert one.notes[0] == (
        "not frozen: needs the table (window: not said, now 1h), which was asked as it is now"
    )
    assert one.judged.raised
    assert one.reasons == ("it is raised 30 min later",)
    (depot.folder / "scans.parquet").unlink()
    gone = replayed(depot)
    assert gone.verdict == "not judged"
    assert "and that cannot be read now" in gone.notes[0]


def test_more_to_learn_from_than_the_table_has_is_history_too_short_to_judge(depot: Depot) -> None:
    scans()[lambda rows: rows["scanned"] > END - 8 * HALF].to_parquet(depot.folder / "scans.parquet")
    depot.changes(
        'table = "scans"\nhistory = "8d"\n[checks.routes]', 'table = "scans"\nhistory = "9d"\n[checks.routes]'
    )
    one = replayed(depot)
    assert (one.verdict, one.judged.raised) == ("not judged", False)
    assert "history too short for parcels to judge" in one.notes


def test_the_frozen_looks_of_another_format_or_release_are_said_to_be_so(depot: Depot) -> None:
    bundle = open_bundle(depot.log, depot.objects, depot.card(_stream(depot)))
    about = bundle.content(ABOUT)
    assert len(about) + len(bundle.content(ARRAYS)) < LIMIT_BYTES
    with pytest.raises(Exception, match="of an older release"):
        opened({})
    with pytest.raises(Exception, match="of format 9, and this release reads 1"):
        opened({ABOUT: about.replace(b'"format": 1', b'"format": 9'), ARRAYS: bundle.content(ARRAYS)})


def test_a_false_alarm_that_is_not_raised_any_more_is_better_and_one_that_is_no_worse(
    log: Engine, tmp_path: Path
) -> None:
    depot = Depot(log, tmp_path, scans())
    incident = depot.raises(*depot.found())
    command = c.Dismiss(reason="a holiday of the carrier")
    handle(incident.stream, command, actor=PERSON, key="none", log=log)
    assert replayed(depot).verdict == "same"
    depot.changes(VOLUME, VOLUME + "least_change = 0.9\n")
    one = replayed(depot)
    assert (one.verdict, one.reasons) == ("better", ("a false alarm that is not raised any more",))


def test_what_a_person_declared_has_no_looks_and_is_said_to_be_not_judged(
    log: Engine, tmp_path: Path
) -> None:
    depot = Depot(log, tmp_path, scans(fault_at=None))
    declared = c.DeclareIncident(number=0, title="A driver calls", description="", severity=Severity.SEV3)
    handle(None, declared, actor=PERSON, key="call", log=log)
    one = replayed(depot)
    assert one.verdict == "not judged"
    assert "a person declared it: there is no check whose looks could be replayed" in one.notes


def test_slices_of_what_is_personal_by_declaration_are_not_kept_and_why_is_said(
    log: Engine, tmp_path: Path
) -> None:
    depot = Depot(log, tmp_path, scans(of="rail", left=0.0))
    depot.changes("[bundle]", '[bundle]\nleave_out = ["carrier"]')
    depot.changes(VOLUME, 'kind = "slice_volume"\n')
    depot.raises(*depot.found())
    one = replayed(depot)
    assert one.verdict == "not judged"
    assert any("carrier is personal data by declaration" in note for note in one.notes)


def test_the_clock_replays_all_once_a_night_and_the_newest_is_kept(depot: Depot) -> None:
    assert not replay_tick(depot.log, depot.recommender, settings(), END)  # the first night is to come
    assert read_newest(depot.log) is None
    night = END + 48 * HALF
    with alone(depot.log, REPLAYS):  # while follow-ups are tried it is left to a later tick
        assert not replay_tick(depot.log, depot.recommender, settings(), night)
    assert replay_tick(depot.log, depot.recommender, settings(), night)
    assert not replay_tick(depot.log, depot.recommender, settings(), night + HALF)
    kept = read_newest(depot.log)
    assert kept is not None
    assert [one.verdict for one in kept.incidents] == ["same"]
    depot.changes("[recommender]", '[replays]\nschedule = "never"\n[recommender]')
    assert not replay_tick(depot.log, depot.recommender, settings(), night + 96 * HALF)


def _stream(depot: Depot) -> str:
    from workers.store import cards

    with depot.log.connect() as connection:
        return cards.every(connection)[0].stream
