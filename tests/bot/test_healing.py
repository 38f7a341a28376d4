"""A card heals by itself when Slack, the token or the channel comes back; nobody has to do anything."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from bot.messages.route import unposted
from bot.pages.metrics import measured
from bot.settings import BotSettings
from bot.slack import announce
from bot.slack import chat as chat_module
from bot.slack.announce import Announcer
from bot.workspace import Workspace
from domain.incident import commands as c
from domain.values import Diagnosis, Severity
from tests.bot.conftest import DECLARED, fresh_announcer, settle
from tests.bot.slack.test_announce import heads, replies, submit
from tests.bot.stories import DIAGNOSED, DIAGNOSIS, FINDING, OFFERED, OPENED, WAY
from tests.bot.workspace.driver import Driver
from tests.domain.incident.given import ON_CALL, SECOND, WORKER
from workers.door import Door
from workers.store import attachments

PICTURE = b"\x89PNG\r\n\x1a\n-a picture"


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What waits for minutes waits for moments."""
    monkeypatch.setattr(announce, "LONGEST_PAUSE_SECONDS", 0.3)
    monkeypatch.setattr(announce, "NO_TOKEN_SECONDS", 0.3)
    monkeypatch.setattr(chat_module, "CLOSED_SECONDS", 0.2)


def until(announcer: Announcer, look: Callable[[], object], seconds: float = 60.0) -> None:
    """Rounds until `look` finds something."""
    end = time.monotonic() + seconds
    while not look():
        announcer.round()
        if time.monotonic() > end:
            raise TimeoutError(f"not within {seconds} s")
        time.sleep(0.05)


def diagnosed(door: Door) -> tuple[Any, Any]:
    """A diagnosis with a picture that is kept."""
    digest = attachments.keep(door.log, PICTURE)
    diagnosis: Diagnosis = DIAGNOSIS.model_copy(update={"picture": digest})
    return c.RecordDiagnosis(diagnosis=diagnosis), WORKER


def pictures_in(message: dict[str, Any]) -> list[str]:
    blocks = message["blocks"] or []
    return [block["slack_file"]["id"] for block in blocks if block["type"] == "image"]


def test_the_picture_of_a_card_is_there_though_slack_can_fetch_nothing_from_us(
    door: Door, announcer: Announcer, person: Driver, room: Workspace
) -> None:
    submit(door, OPENED, diagnosed(door))
    until(announcer, lambda: heads(person) and pictures_in(heads(person)[0]))
    (message,) = heads(person)
    assert "image_url" not in json.dumps(message)
    (file,) = pictures_in(message)
    assert [one["id"] for one in person.state()["files"]] == [file]
    assert len(person.messages()) == 2  # the card and its evidence: a file in a channel would be a message


def killed_after_the_upload(door: Door, given: BotSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    """An announcer dies when a picture is at Slack, before it is written down that it is."""

    def killed(digest: str, file: str | None) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(door.shown, "keep_file", killed)
        with pytest.raises(KeyboardInterrupt):
            settle(fresh_announcer(given, door))


def test_a_picture_is_uploaded_once_however_many_cards_show_it(
    door: Door, announcer: Announcer, given: BotSettings, person: Driver
) -> None:
    submit(door, OPENED, diagnosed(door))
    until(announcer, lambda: heads(person) and pictures_in(heads(person)[0]))
    other = FINDING.model_copy(update={"slice": (("country", "Norway"),)})
    submit(door, (c.OpenIncident(number=2, finding=other), WORKER), diagnosed(door))
    later = fresh_announcer(given, door)
    until(later, lambda: len(heads(person)) == 2 and pictures_in(heads(person)[1]))
    assert person.calls("files.getUploadURLExternal") == 1


def test_killed_between_the_upload_and_the_card_nothing_is_posted_twice(
    door: Door, given: BotSettings, person: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit(door, OPENED, diagnosed(door))
    killed_after_the_upload(door, given, monkeypatch)
    later = fresh_announcer(given, door)
    until(later, lambda: heads(person) and pictures_in(heads(person)[0]))
    assert len(heads(person)) == 1
    assert person.calls("files.getUploadURLExternal") == 2  # the first is seen by nobody


@pytest.mark.parametrize("method", ["files.getUploadURLExternal", "files.completeUploadExternal"])
@pytest.mark.parametrize("kind", ["ratelimited", "server_error", "refused", "drop_after_effect"])
def test_a_card_does_not_wait_for_its_picture_and_has_it_later(
    door: Door, announcer: Announcer, person: Driver, method: str, kind: str
) -> None:
    person.fault(kind, method=method, error="missing_scope")
    submit(door, OPENED, diagnosed(door))
    until(announcer, lambda: heads(person))
    until(announcer, lambda: pictures_in(heads(person)[0]))
    assert len(heads(person)) == 1


def test_a_picture_that_slack_has_lost_is_uploaded_anew(
    door: Door, announcer: Announcer, person: Driver
) -> None:
    work = diagnosed(door)
    digest = work[0].diagnosis.picture
    door.shown.keep_file(digest, "F-of-another-team")
    submit(door, OPENED, work)
    until(announcer, lambda: heads(person) and pictures_in(heads(person)[0]))
    assert door.shown.file(digest) == pictures_in(heads(person)[0])[0]


@pytest.mark.parametrize("error", ["invalid_blocks", "msg_too_long", "msg_blocks_too_long"])
def test_a_card_that_slack_does_not_take_is_sent_with_less_and_heals(
    door: Door, announcer: Announcer, person: Driver, error: str
) -> None:
    person.fault("refused", method="chat.postMessage", error=error, count=1)
    submit(door, OPENED)
    until(announcer, lambda: heads(person))
    assert heads(person)[0]["blocks"] is None
    assert "71 % less" in heads(person)[0]["text"]
    assert "/recsysops report 1" in heads(person)[0]["text"]
    until(announcer, lambda: heads(person)[0]["blocks"])
    until(announcer, lambda: not door.shown.owed())


@pytest.mark.parametrize(
    "error",
    ["some_error_of_tomorrow", "invalid_blocks", "internal_error", "channel_not_found"],
)
@pytest.mark.parametrize("method", ["chat.postMessage", "chat.update", "conversations.history"])
def test_whatever_slack_says_no_with_the_card_and_its_thread_are_there_in_the_end(
    door: Door, announcer: Announcer, person: Driver, error: str, method: str
) -> None:
    stream = submit(door, OPENED)
    person.fault("refused", method=method, error=error, count=3)
    announcer.round()
    door.submit(stream, c.Acknowledge(), ON_CALL, "acknowledge")
    until(announcer, lambda: heads(person) and "U-oncall" in str(heads(person)[0]["blocks"]))
    until(announcer, lambda: not door.shown.owed())
    assert len(heads(person)) == 1
    assert sum("Acknowledged" in one for one in replies(person)) == 1


def test_after_a_restart_it_goes_on_where_it_was_without_a_new_event(
    door: Door, given: BotSettings, person: Driver
) -> None:
    submit(door, *WAY)
    person.token("account_inactive")
    fresh_announcer(given, door).round()
    assert heads(person) == []
    person.token("")
    settle(fresh_announcer(given, door))
    assert "closed" in heads(person)[0]["text"]
    assert any("94 % of the gap" in one for one in replies(person))
    assert door.shown.owed() == {}


def test_the_numbers_say_what_slack_does_not_take(door: Door, announcer: Announcer, person: Driver) -> None:
    submit(door, OPENED)
    person.token("token_revoked")
    until(announcer, door.shown.trouble)
    said = measured(door)
    assert "recsysops_slack_refuses 1" in said
    assert "recsysops_slack_owed 1" in said


@pytest.mark.parametrize("error", ["token_revoked", "invalid_auth", "account_inactive"])
def test_a_revoked_token_is_said_and_all_is_made_up_for_once_it_is_back(
    door: Door, announcer: Announcer, person: Driver, error: str
) -> None:
    stream = submit(door, OPENED)
    settle(announcer)
    person.token(error)
    door.submit(stream, c.AddNote(text="meanwhile"), ON_CALL, "note")
    until(announcer, door.shown.trouble)
    trouble = door.shown.trouble()
    assert trouble is not None
    assert error in trouble.says
    person.token("")
    until(announcer, lambda: any("meanwhile" in one for one in replies(person)))
    until(announcer, lambda: door.shown.trouble() is None)


def test_a_card_that_an_administrator_deleted_is_posted_again_on_the_next_change(
    door: Door, announcer: Announcer, person: Driver
) -> None:
    stream = submit(door, OPENED)
    settle(announcer)
    first = heads(person)[0]
    person.delete(first)
    door.submit(stream, c.Acknowledge(), ON_CALL, "acknowledge")
    until(announcer, lambda: heads(person) and replies(person))
    (message,) = heads(person)
    assert message["ts"] != first["ts"]
    assert "U-oncall" in str(message["blocks"])
    door.submit(stream, c.AddNote(text="on it"), ON_CALL, "note")
    settle(announcer)
    assert [m["thread_ts"] for m in person.messages() if m["ts"] != message["ts"]] == [message["ts"]] * 2


LAUNCH = FINDING.model_copy(update={"table": "prelaunch"})


@pytest.mark.parametrize("change", [{"is_archived": True}, {"is_member": False}, {"name": "renamed"}])
def test_where_a_channel_is_away_the_default_hears_of_it_once_and_the_card_goes_home_when_it_is_back(
    door: Door, announcer: Announcer, person: Driver, change: dict[str, Any]
) -> None:
    _route(door, '[routes]\nSEV2 = "#data"\n')
    person.channel("C-data", **change)
    submit(door, OPENED)
    submit(door, (c.OpenIncident(number=2, finding=LAUNCH), WORKER))
    until(announcer, lambda: len(_cards(person)) == 2)
    said = [one["text"] for one in heads(person) if "are posted here" in one["text"]]
    assert len(said) == 1
    assert "#data" in said[0]
    assert list(door.shown.routes_in_trouble()) == ["#data"]
    person.channel("C-data", is_archived=False, is_member=True, name="data")
    until(announcer, lambda: len(heads(person, "C-data")) == 2)
    until(announcer, lambda: not door.shown.owed())
    assert door.shown.routes_in_trouble() == {}


def test_a_channel_that_is_archived_under_a_card_leaves_the_card_in_the_default_channel(
    door: Door, announcer: Announcer, person: Driver
) -> None:
    _route(door, '[routes]\nSEV2 = "#data"\n')
    stream = submit(door, OPENED)
    settle(announcer)
    assert len(heads(person, "C-data")) == 1
    person.channel("C-data", is_archived=True)
    door.submit(stream, c.Acknowledge(), ON_CALL, "acknowledge")
    until(announcer, lambda: _cards(person) and "U-oncall" in str(_cards(person)[0]["blocks"]))
    until(announcer, lambda: any("Acknowledged" in one for one in replies(person)))


def test_one_broken_incident_does_not_hold_up_the_others(
    door: Door, announcer: Announcer, person: Driver
) -> None:
    _route(door, '[routes]\nSEV2 = "#gone"\ndefault = "#gone"\n')
    broken = submit(door, OPENED)
    submit(door, (c.OpenIncident(number=2, finding=LAUNCH), WORKER), OFFERED)
    until(announcer, lambda: heads(person, "C-content"))
    announcer.round()
    owed = door.shown.owed()
    assert broken in owed
    assert "#gone" in str(owed[broken].trouble)
    assert owed[broken].tries >= 1


def test_a_card_as_slack_accepted_it_is_not_sent_again(
    door: Door, announcer: Announcer, given: BotSettings, person: Driver
) -> None:
    submit(door, OPENED, diagnosed(door))
    until(announcer, lambda: heads(person) and pictures_in(heads(person)[0]))
    until(announcer, lambda: not door.shown.owed())
    sent = person.calls("chat.update")
    settle(fresh_announcer(given, door))
    assert person.calls("chat.update") == sent


def test_a_card_that_another_release_drew_is_drawn_anew(
    door: Door, announcer: Announcer, given: BotSettings, person: Driver
) -> None:
    stream = submit(door, OPENED)
    settle(announcer)
    accepted = door.shown.accepted(stream)
    door.shown.accept(stream, dict.fromkeys(accepted, "of another release"))
    settle(fresh_announcer(given, door))
    assert door.shown.accepted(stream) == accepted
    assert person.calls("chat.update") == 1


def _route(door: Door, routes: str) -> None:
    config = door._settings.config
    config.write_text(DECLARED + routes)


def _cards(person: Driver) -> list[dict[str, Any]]:
    return [one for one in heads(person) if "are posted here" not in one["text"]]


@pytest.mark.parametrize("error", ["invalid_auth", "token_revoked", "access_denied"])
def test_a_call_refused_for_its_token_while_the_token_is_good_holds_up_only_itself(
    door: Door, announcer: Announcer, person: Driver, monkeypatch: pytest.MonkeyPatch, error: str
) -> None:
    monkeypatch.setattr(announce, "NO_TOKEN_SECONDS", 600.0)
    stream = submit(door, OPENED)
    settle(announcer)
    person.fault("refused", method="chat.update", error=error, count=1)
    door.submit(stream, c.Acknowledge(), ON_CALL, "acknowledge")
    submit(door, (c.OpenIncident(number=2, finding=LAUNCH), WORKER))
    until(announcer, lambda: len(heads(person)) == 2, seconds=20)
    until(announcer, lambda: not door.shown.owed(), seconds=20)
    assert door.shown.trouble() is None
    assert "has it" in str(heads(person)[0]["blocks"])


def in_threads(person: Driver, channel: str) -> list[str]:
    return [m["text"] for m in person.messages(channel) if m["thread_ts"] not in (None, m["ts"])]


def test_evidence_waits_for_the_responders_channel_and_is_never_in_a_stakeholder_s_thread(
    door: Door, announcer: Announcer, person: Driver
) -> None:
    stream = submit(door, (c.OpenIncident(number=1, finding=LAUNCH), WORKER))
    settle(announcer)
    person.channel("C-recsysops", is_member=False)
    door.submit(stream, *DIAGNOSED, "diagnosis")
    until(announcer, lambda: stream in door.shown.owed() and door.shown.owed()[stream].trouble)
    assert in_threads(person, "C-content") == []
    person.channel("C-recsysops", is_member=True)
    until(announcer, lambda: not door.shown.owed())
    assert in_threads(person, "C-content") == []
    assert any("Diagnosis gathered" in one for one in in_threads(person, "C-recsysops"))


def test_what_was_said_in_another_thread_moves_to_the_responders_thread_once_it_is_back(
    door: Door, announcer: Announcer, person: Driver
) -> None:
    _route(door, '[routes]\nSEV2 = "#data"\n')
    stream = submit(door, OPENED)
    settle(announcer)
    person.channel("C-data", is_member=False)
    door.submit(stream, *DIAGNOSED, "diagnosis")
    until(announcer, lambda: in_threads(person, "C-recsysops"))
    person.channel("C-data", is_member=True)
    until(announcer, lambda: not door.shown.owed())
    assert any("Diagnosis gathered" in one for one in in_threads(person, "C-data"))
    assert in_threads(person, "C-recsysops") == []


@pytest.mark.parametrize("answered", [False, True])
def test_a_deleted_card_on_which_nothing_happens_is_found_and_posted_again(
    door: Door,
    announcer: Announcer,
    person: Driver,
    monkeypatch: pytest.MonkeyPatch,
    answered: bool,
) -> None:
    submit(door, *([OPENED, DIAGNOSED] if answered else [OPENED]))
    submit(door, (c.OpenIncident(number=2, finding=LAUNCH), WORKER))
    settle(announcer)
    monkeypatch.setattr(announce, "LOOK_AGAIN_SECONDS", 0.2)
    first, second = heads(person)
    said = in_threads(person, "C-recsysops")
    person.delete(first)
    until(announcer, lambda: len(heads(person)) == 2, seconds=20)
    until(announcer, lambda: not door.shown.owed(), seconds=20)
    assert heads(person)[0]["ts"] == second["ts"]
    assert heads(person)[1]["text"] == first["text"]
    under = [m["text"] for m in person.messages() if m["thread_ts"] == heads(person)[1]["ts"]]
    assert sorted(under) == sorted(said)


def test_the_look_for_deleted_cards_takes_one_call_for_many_of_them(
    door: Door, announcer: Announcer, person: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(8):
        finding = FINDING.model_copy(update={"slice": (("country", f"Country {number}"),)})
        submit(door, (c.OpenIncident(number=0, finding=finding), WORKER))
    settle(announcer)
    before = person.calls("conversations.history")
    monkeypatch.setattr(announce, "LOOK_AGAIN_SECONDS", 0.0)
    announcer.round()
    assert person.calls("conversations.history") == before + 1


@pytest.mark.parametrize(
    "change", [{"is_archived": True}, {"is_member": False}, {"name": "renamed"}, {"gone": True}]
)
def test_where_the_default_channel_is_lost_the_on_call_is_told_directly(
    door: Door, announcer: Announcer, person: Driver, change: dict[str, Any]
) -> None:
    door.keep_groups({"oncall": ["U-oncall"], "ml": ["U-ml", "U-oncall"]}, {})
    person.channel("C-recsysops", **change)
    submit(door, OPENED)
    until(announcer, lambda: person.messages("D-oncall"))
    for _ in range(5):
        announcer.round()
        time.sleep(0.1)
    (told,) = person.messages("D-oncall")
    assert "#recsysops" in told["text"]
    assert "71 % less" in told["text"]
    assert "/recsysops incident 1" in told["text"]
    assert person.messages("D-ml") == []
    (lost,) = unposted(door.shown.routes_in_trouble())
    assert lost.startswith("Nothing can be posted to #recsysops: ")


def test_where_the_default_channel_is_lost_its_assignee_and_who_declared_it_are_told(
    door: Door, announcer: Announcer, person: Driver
) -> None:
    door.keep_groups({"oncall": ["U-oncall"]}, {})
    person.channel("C-recsysops", is_archived=True)
    declared = c.DeclareIncident(number=0, title="The app is empty", severity=Severity.SEV2)
    stream = door.submit(None, declared, SECOND, "declared").stream
    until(announcer, lambda: person.messages("D-ml"))
    assert "The app is empty" in person.messages("D-ml")[0]["text"]
    assert person.messages("D-oncall")
    door.submit(stream, c.Assign(person="slack:U-lead"), SECOND, "assign")
    until(announcer, lambda: person.messages("D-lead"))


def test_a_restart_tells_nobody_a_second_time_that_the_channel_is_lost(
    door: Door, announcer: Announcer, given: BotSettings, person: Driver
) -> None:
    door.keep_groups({"oncall": ["U-oncall"]}, {})
    person.channel("C-recsysops", is_archived=True)
    submit(door, OPENED)
    submit(door, (c.OpenIncident(number=2, finding=LAUNCH), WORKER))
    until(announcer, lambda: [bool(one.trouble) for one in door.shown.owed().values()] == [True, True])
    again = fresh_announcer(given, door)
    until(again, lambda: all(one.tries > 1 for one in door.shown.owed().values()))
    assert len(person.messages("D-oncall")) == 1


def test_once_the_default_channel_is_back_its_cards_are_there_and_a_later_loss_is_told_anew(
    door: Door, announcer: Announcer, person: Driver
) -> None:
    door.keep_groups({"oncall": ["U-oncall"]}, {})
    person.channel("C-recsysops", is_archived=True)
    stream = submit(door, OPENED)
    until(announcer, lambda: person.messages("D-oncall"))
    person.channel("C-recsysops", is_archived=False)
    until(announcer, lambda: not door.shown.owed())
    assert len(heads(person)) == 1
    assert door.shown.routes_in_trouble() == {}
    person.channel("C-recsysops", is_archived=True)
    door.submit(stream, c.AddNote(text="gone again"), ON_CALL, "note")
    until(announcer, lambda: len(person.messages("D-oncall")) == 2)
