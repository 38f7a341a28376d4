"""A follow-up that was tried, as the message, the modal and the report show it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from bot import actions
from bot.messages import modals
from bot.messages.incident.card import card
from bot.messages.incident.value import spell
from bot.messages.link import pages_at
from bot.messages.report import compose, html, markdown
from bot.workspace.block_kit import problems_of_blocks, problems_of_view
from domain.incident import commands as c
from domain.incident.state import Incident
from tests.domain.incident.given import LESSON, MORNING, OPEN, TRIED, WORKER, after

LATER = MORNING + timedelta(hours=2)
LINK = pages_at("https://recsys.example")
RESOLVED = (OPEN, c.Resolve(reason="It stopped."))
DIFF = '+[checks.by_hour]\n+  kind = "volume"\n'


def shown(incident: Incident) -> str:
    blocks = card(incident, LINK)
    assert problems_of_blocks(blocks) == []
    return str(blocks)


def accepts(incident: Incident) -> list[dict[str, Any]]:
    beside = [block.get("accessory", {}) for block in card(incident, LINK)]
    return [one for one in beside if one.get("action_id") == "follow_up_accept"]


def test_each_change_stands_with_its_numbers_and_its_button() -> None:
    incident, _ = after(*RESOLVED, TRIED)
    assert "1 h 30 min sooner; 0.0 alarms a week more [0.0–0.5]" in shown(incident)
    assert [one["text"]["text"] for one in accepts(incident)] == ["Accept ①", "Accept ②"]


def test_the_second_button_takes_the_second_change() -> None:
    incident, _ = after(*RESOLVED, TRIED)
    _target, command = actions.command_of("follow_up_accept", accepts(incident)[1]["value"], {}, LATER)
    assert command == c.AcceptFollowUp(check="by_hour")


def test_edit_opens_with_the_proposal_and_the_best_check() -> None:
    incident, _ = after(*RESOLVED, TRIED)
    view = modals.follow_up_edit(incident, spell(incident))
    assert problems_of_view(view) == []
    inputs = {block["block_id"]: block["element"] for block in view["blocks"]}
    assert inputs["detail"]["initial_value"] == LESSON.detail
    assert inputs["check"]["initial_option"]["value"] == "by_device"
    assert [one["value"] for one in inputs["check"]["options"]] == ["by_device", "by_hour", modals.NO_CHECK]


def test_saved_with_none_of_them_no_check_comes_in() -> None:
    incident, _ = after(*RESOLVED, TRIED)
    fields = {**LESSON.model_dump(exclude={"proof"}), "check": modals.NO_CHECK}
    _target, command = actions.command_of("follow_up_edit", spell(incident), fields, LATER)
    assert isinstance(command, c.AnswerFollowUp)
    assert command.check is None


def test_what_came_of_it_is_on_the_message_as_a_diff_and_in_the_report() -> None:
    written = (c.RecordChangeWritten(check="by_hour", diff=DIFF), WORKER)
    incident, recorded = after(*RESOLVED, TRIED, c.AcceptFollowUp(check="by_hour"), written)
    assert "Declared, in shadow mode" in shown(incident)
    lines = [str(block.get("text", {}).get("text")) for block in card(incident, LINK)]
    assert any(f"```{DIFF.rstrip()}```" in line for line in lines)  # to be copied as it is
    report = compose(incident, recorded)
    assert "Declared, in shadow mode" in markdown(report)
    assert "Declared, in shadow mode" in html(report)


def test_a_change_that_is_for_a_person_says_why() -> None:
    reason = "[checks.plays] was changed meanwhile"
    handed = (c.RecordChangeHandedOver(check="by_hour", diff=DIFF, reason=reason), WORKER)
    incident, _ = after(*RESOLVED, TRIED, c.AcceptFollowUp(check="by_hour"), handed)
    assert "To be added by hand: [checks.plays] was changed meanwhile" in shown(incident)
