"""An accepted check made and reverted: in the file, as a pull request, by a person; killed on the way."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from domain.incident import commands as c
from domain.incident.followed import standing
from domain.incident.state import Incident
from tests.workers.deployers.hub import REPOSITORY, TOKEN, Hub
from tests.workers.respond.ferries import (
    DECLARED,
    PERSON,
    accepted,
    by_quay,
    card,
    declares,
    practice,
    says,
    settles,
)
from workers.declaration.declare import load
from workers.doctor import doctor
from workers.environment import clock
from workers.environment.settings import settings
from workers.log.obligations import settle
from workers.log.open_obligations import due
from workers.process.handlers import HANDLERS
from workers.respond.change import AS_DECLARED
from workers.store import people

HARM = c.RequestTakeBack(check="boarded_by_quay", reason="3 false alarms a week")


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    made = declares(tmp_path)
    monkeypatch.setenv("RECSYSOPS_CONFIG", str(made))
    settings.cache_clear()
    yield made
    settings.cache_clear()


def dies(stream: str, kind: str, database: str) -> int:
    """How a worker ends that dies over this obligation, with what this process has in its environment."""
    command = [sys.executable, "-m", "tests.workers.respond.ferries", kind, stream, database]
    return subprocess.run(command, env=dict(os.environ), check=False, timeout=120).returncode


def state(incident: Incident) -> str:
    found = standing(incident, clock.now())
    assert found is not None
    return found.state


def test_written_and_taken_back_the_file_is_byte_for_byte_as_it_was(log: Engine, file: Path) -> None:
    stream = accepted(log, by_quay()).stream
    assert state(settles(log, stream, "change")) == "written"
    assert "[checks.boarded_by_quay]" in file.read_text()
    says(log, stream, HARM)
    after = settles(log, stream, "take_back")
    assert state(after) == "taken back"
    assert after.followed is not None and after.followed.gone is not None
    assert "-[checks.boarded_by_quay]" in after.followed.gone.diff
    assert file.read_text() == DECLARED


def test_promoted_in_between_it_is_taken_out_as_well_and_what_stands_after_it_stays(
    log: Engine, file: Path
) -> None:
    stream = accepted(log, by_quay()).stream
    settles(log, stream, "change")
    later = '# A note.\n[checks.late]\nkind = "freshness"\ntable = "boardings"\n'
    file.write_text(file.read_text().replace("shadow = true\n", "") + "\n" + later)
    says(log, stream, HARM)
    assert state(settles(log, stream, "take_back")) == "taken back"
    assert file.read_text() == f"{DECLARED}\n{later}"


def test_changed_by_hand_meanwhile_it_is_left_and_both_sides_are_shown(log: Engine, file: Path) -> None:
    stream = accepted(log, by_quay()).stream
    settles(log, stream, "change")
    file.write_text(file.read_text() + 'history = "30d"\n')
    before = file.read_text()
    says(log, stream, HARM)
    after = settles(log, stream, "take_back")
    assert state(after) == "to be taken out"
    assert after.followed is not None and after.followed.gone is not None
    then, _, now = after.followed.gone.reason.partition("The declaration says:")
    assert ("history" in then, 'history = "30d"' in now) == (False, True)
    assert file.read_text() == before


def test_what_something_else_names_is_not_taken_out(log: Engine, file: Path) -> None:
    stream = accepted(log, by_quay()).stream
    settles(log, stream, "change")
    planned = (
        '[[planned]]\nname = "strike"\nfrom = "2026-01-01"\nto = "2026-01-02"\nchecks = ["boarded_by_quay"]\n'
    )
    file.write_text(file.read_text() + "\n" + planned)
    before = file.read_text()
    says(log, stream, HARM)
    after = settles(log, stream, "take_back")
    assert state(after) == "to be taken out"
    assert file.read_text() == before


def test_what_was_handed_to_a_person_they_take_out(log: Engine, file: Path) -> None:
    file.write_text(DECLARED.replace('apply = "write"\n', ""))
    stream = accepted(log, by_quay()).stream
    assert state(settles(log, stream, "change")) == "handed over"
    file.write_text(f"{file.read_text()}\n{by_quay().change.lines}")
    before = file.read_text()
    says(log, stream, HARM)
    after = settles(log, stream, "take_back")
    assert state(after) == "to be taken out"
    assert after.followed is not None and after.followed.gone is not None
    assert after.followed.gone.reason == "it was handed to a person, who put it in"
    assert file.read_text() == before


@pytest.mark.parametrize("kind", ["change", "take_back"])
def test_killed_between_file_and_log_it_is_done_once(
    log: Engine, file: Path, database_url: str, kind: str
) -> None:
    stream = accepted(log, by_quay()).stream
    if kind == "take_back":
        settles(log, stream, "change")
        says(log, stream, HARM)
    before, version = file.read_text(), card(log, stream).version
    assert dies(stream, kind, database_url) == -9
    changed = file.read_text()
    assert (changed != before, card(log, stream).version) == (True, version)
    after = settles(log, stream, kind)
    assert state(after) == ("written" if kind == "change" else "taken back")
    assert (file.read_text(), after.version) == (changed, version + 1)


def test_two_follow_ups_that_say_different_things_of_one_check_are_reported_with_both_sides(
    log: Engine, file: Path
) -> None:
    file.write_text(DECLARED.replace('apply = "write"\n', ""))
    one = accepted(log, by_quay())
    settles(log, one.stream, "change")
    other = accepted(log, by_quay(window="2d"), genre="Comedy")
    after = settles(log, other.stream, "change")
    assert after.change_came is not None
    assert after.change_came.reason.startswith(f"it contradicts the follow-up of #{one.number}.")
    this, _, that = after.change_came.reason.partition(f"#{one.number} says:")
    assert ('window = "2d"' in this, "window" in that) == (True, False)


def test_what_was_dropped_contradicts_nothing(log: Engine, file: Path) -> None:
    file.write_text(DECLARED.replace('apply = "write"\n', ""))
    one = accepted(log, by_quay())
    settles(log, one.stream, "change")
    says(log, one.stream, c.DropFollowUp(reason="the quay is given up"), by=PERSON)
    after = settles(log, accepted(log, by_quay(window="2d"), genre="Comedy").stream, "change")
    assert after.change_came is not None
    assert after.change_came.reason == AS_DECLARED


def test_the_same_check_for_two_incidents_is_no_contradiction(log: Engine, file: Path) -> None:
    settles(log, accepted(log, by_quay()).stream, "change")
    other = accepted(log, by_quay(), genre="Comedy")
    assert state(settles(log, other.stream, "change")) == "written"
    assert file.read_text().count("[checks.boarded_by_quay]") == 1


def test_whoever_is_declared_sees_to_it_by_a_pseudonym_until_the_day_that_is_declared(
    log: Engine, file: Path
) -> None:
    owned = 'apply = "write"\nowner = "maria"\ndue_days = 3\n[people.maria]\nslack = "U7"\n'
    file.write_text(DECLARED.replace('apply = "write"\n', owned))
    stream = accepted(log, by_quay()).stream
    asked = card(log, stream).awaits["assign"]
    after = settles(log, stream, "assign").followed
    assert after is not None and after.owner is not None
    assert after.due_at == asked[1] + timedelta(days=3)
    assert after.owner.startswith("person:")
    with log.connect() as connection:
        assert people.known(connection, [after.owner]) == {after.owner: "slack:U7"}


def test_where_nobody_is_declared_whoever_accepted_it_sees_to_it(log: Engine, file: Path) -> None:
    stream = accepted(log, by_quay()).stream
    after = settles(log, stream, "assign").followed
    assert after is not None
    assert after.owner == "terminal:ann"


def test_it_is_reminded_of_once_with_what_is_lacking(
    log: Engine, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = accepted(log, by_quay()).stream
    settles(log, stream, "change")
    incident = settles(log, stream, "assign")
    assert incident.followed is not None and incident.followed.due_at is not None
    assert due(incident, clock.now()) == ()
    monkeypatch.setattr(clock, "now", lambda: incident.followed.due_at + timedelta(hours=1))
    (obligation,) = due(incident, clock.now())
    for _ in range(2):
        settle(log, HANDLERS, obligation.kind, stream, obligation.event_id)
    after = card(log, stream)
    assert after.version == incident.version + 1
    assert due(after, clock.now()) == ()
    found = standing(after, clock.now())
    assert found is not None
    assert found.overdue


@pytest.fixture
def hub(tmp_path: Path, file: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    monkeypatch.setenv("HUB_TOKEN", TOKEN)
    with practice(tmp_path, file) as running:
        yield running


def merged(hub: Hub, number: int) -> None:
    """As somebody merges it on GitHub's page."""
    sha = hub.git("rev-parse", f"refs/heads/{hub.pulls[number - 1]['head']}")
    hub.merge_pull(str(number), {"sha": sha})


def test_as_a_pull_request_it_is_proposed_once_and_left_for_people_to_merge(log: Engine, hub: Hub) -> None:
    stream = accepted(log, by_quay()).stream
    after = settles(log, stream, "change")
    assert state(after) == "in a pull request"
    assert after.change_came is not None
    assert after.change_came.url == f"https://hub.example/{REPOSITORY}/pull/1"
    assert "+[checks.boarded_by_quay]" in after.change_came.diff
    (pull,) = hub.pulls
    assert (pull["state"], hub.merged) == ("open", {})
    assert f"incident {after.number}" in pull["body"]
    assert hub.read("ops/recsysops.toml", pull["head"]) == f"{DECLARED}\n{by_quay().change.lines}".rstrip()


def test_killed_before_it_was_recorded_the_pull_request_is_found_again(
    log: Engine, hub: Hub, database_url: str
) -> None:
    stream = accepted(log, by_quay()).stream
    assert (dies(stream, "change", database_url), len(hub.pulls)) == (-9, 1)
    assert state(settles(log, stream, "change")) == "in a pull request"
    assert len(hub.pulls) == 1


def test_closed_on_github_before_it_was_recorded_it_is_for_a_person(
    log: Engine, hub: Hub, database_url: str
) -> None:
    stream = accepted(log, by_quay()).stream
    assert dies(stream, "change", database_url) == -9
    hub.change_pull("1", {"state": "closed"})
    after = settles(log, stream, "change")
    assert state(after) == "handed over"
    assert after.change_came is not None
    assert after.change_came.reason.endswith("/pull/1 was closed without being merged")
    assert len(hub.pulls) == 1


def test_changed_in_the_repository_meanwhile_it_is_not_proposed_and_both_sides_are_shown(
    log: Engine, hub: Hub
) -> None:
    hub.commit("ops/recsysops.toml", DECLARED + 'window = "7d"\n')
    after = settles(log, accepted(log, by_quay()).stream, "change")
    assert state(after) == "handed over"
    assert after.change_came is not None
    assert 'window = "7d"' in after.change_came.reason.partition("The declaration says:")[2]
    assert hub.pulls == []


def test_an_open_pull_request_that_would_do_harm_is_closed(log: Engine, hub: Hub) -> None:
    stream = accepted(log, by_quay()).stream
    settles(log, stream, "change")
    says(log, stream, HARM)
    assert state(settles(log, stream, "take_back")) == "taken back"
    assert [pull["state"] for pull in hub.pulls] == ["closed"]


def test_merged_it_is_taken_out_by_another_pull_request(log: Engine, hub: Hub) -> None:
    stream = accepted(log, by_quay()).stream
    settles(log, stream, "change")
    merged(hub, 1)
    says(log, stream, HARM)
    after = settles(log, stream, "take_back")
    found = standing(after, clock.now())
    assert found is not None
    assert (found.state, found.url) == ("taken back", f"https://hub.example/{REPOSITORY}/pull/2")
    assert "3 false alarms a week" in hub.pulls[1]["body"]
    merged(hub, 2)
    assert hub.read("ops/recsysops.toml") == DECLARED.rstrip()


@pytest.mark.parametrize(
    ("keys", "where"),
    [
        (
            'deployer = "practice"\n[deployers.practice]\nkind = "file"\npath = "o.json"\n',
            "follow_ups.deployer",
        ),
        ('[replays]\nschedule = "never"\n', "replays.schedule"),
    ],
)
def test_the_doctor_says_what_keeps_a_follow_up_from_being_made_or_shown(
    file: Path, keys: str, where: str
) -> None:
    file.write_text(DECLARED.replace('apply = "write"\n', keys))
    assert where in [one.where for one in doctor.check(file) if one.level in ("error", "note")]
    file.write_text(DECLARED)
    assert where not in [one.where for one in doctor.check(file)]


def test_a_repository_that_is_not_declared_so_is_refused(log: Engine, file: Path) -> None:
    wrong = 'apply = "pull_request"\ndeployer = "practise"\n'
    file.write_text(DECLARED.replace('apply = "write"\n', wrong))
    with pytest.raises(Exception, match="practise"):
        load(file)
