"""Cards: within Slack's limits, readable for a tired person, and every button works."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import time, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot import actions
from bot.messages.blocks import Block
from bot.messages.budget import LINES, WORDS, lines_in, text_of, words_in
from bot.messages.incident.card import LABELS, card, headline
from bot.messages.incident.evidence import NOTABLE, evidence
from bot.messages.incident.value import parse
from bot.messages.link import pages_at
from bot.messages.modals import numbers, resolve
from bot.messages.report import compose, html, markdown
from bot.workspace.block_kit import (
    MESSAGE_BLOCKS_LENGTH_MAX,
    length_of_blocks,
    problems_of_blocks,
    problems_of_view,
)
from domain.errors import Refused, Stale
from domain.incident.card import ACTIONS, Button, buttons
from domain.incident.codec import EVENTS
from domain.incident.commands import AcceptFollowUp, LookAgain, Resolve
from domain.incident.decide import CHOICE_HOLDS, decide
from domain.incident.state import Incident
from domain.incident.timeline import timeline
from domain.values import Actor, Hours, Severity
from tests.bot.stories import DIAGNOSIS, FINDING, MENU, STAGED, STORIES, WAY, after_story
from tests.domain.incident.given import MORNING, ON_CALL, after
from tests.domain.incident.test_laws import STEPS, walk

URL = pages_at("http://127.0.0.1:8000")
SOMEBODY = Actor(kind="person", id="slack:U-third", groups=("oncall", "ml", "leads"))
LATER = MORNING + timedelta(days=2)
TO_READ = ("report", "why")
FILLED = {
    "text": "looking",
    "person": "U-other",
    "reason": "because",
    "hours": "4",
    "how": "elsewhere",
    "detect_faster": "yes",
    "diagnose_faster": "no",
    "change": "log",
    "detail": "log the language",
}


def drawn(blocks: list[Block]) -> Iterator[tuple[str, str]]:
    """(action, value) of everything that can be pressed on a card."""
    for block in blocks:
        elements = [*block.get("elements", []), *([block["accessory"]] if "accessory" in block else [])]
        for element in elements:
            if element["type"] == "button":
                yield element["action_id"], element["value"]
            if element["type"] == "overflow" and element["action_id"] == "deploy":
                yield from (("deploy", option["value"]) for option in element["options"])
            elif element["type"] == "overflow":
                yield from (actions.split_more(option["value"]) for option in element["options"])


def fits(blocks: list[Block]) -> None:
    assert problems_of_blocks(blocks) == []
    assert length_of_blocks(blocks) <= MESSAGE_BLOCKS_LENGTH_MAX


def fields_for(action: str, incident: Incident) -> dict[str, str]:
    other = next(severity for severity in Severity if severity != incident.severity)
    earlier = f"{incident.opened_at - timedelta(minutes=1):%Y-%m-%d %H:%M}"
    wrong = {"what": f"time|{incident.stream}:1", "right": earlier}
    return {**FILLED, **wrong, "severity": other.value} if actions.press_of(action).modal else {}


@pytest.mark.parametrize("story", STORIES)
def test_slack_takes_the_card_of_every_story(story: str) -> None:
    incident, _ = after_story(story)
    fits(card(incident, URL))


@pytest.mark.parametrize("story", STORIES)
def test_no_card_says_more_than_a_tired_person_reads(story: str) -> None:
    said = text_of(card(after_story(story)[0], URL))
    assert words_in(said) <= WORDS
    assert lines_in(said) <= LINES


@given(STEPS)
@settings(max_examples=60, deadline=None)
def test_slack_takes_every_card_and_it_carries_exactly_the_buttons_of_the_rules(steps: Any) -> None:
    incident, _ = walk(steps)
    assert incident is not None
    blocks = card(incident, URL)
    fits(blocks)
    shown = [Button.model_validate({"action": a, "option": parse(v).option}) for a, v in drawn(blocks)]
    assert len(shown) == len(set(shown))
    assert set(shown) == set(buttons(incident))


@given(STEPS)
@settings(max_examples=60, deadline=None)
def test_every_button_on_a_card_works_or_says_in_words_what_is_missing(steps: Any) -> None:
    incident, _ = walk(steps)
    assert incident is not None
    for action, value in drawn(card(incident, URL)):
        if action in TO_READ:
            continue
        press = actions.press_of(action)
        if press.modal:
            assert problems_of_view(press.modal(incident, value)) == []
        target, command = actions.command_of(action, value, fields_for(action, incident), LATER)
        assert target.stream == incident.stream
        if action == "close" and _says_what_is_missing(incident):
            with pytest.raises(Refused, match="cannot be closed"):
                decide(incident, command, SOMEBODY, LATER)
            continue
        assert decide(incident, command, SOMEBODY, LATER), f"{action} does nothing"


def _says_what_is_missing(incident: Incident) -> bool:
    return "_Close_ waits for" in json.dumps(card(incident, URL))


@given(STEPS)
@settings(max_examples=60, deadline=None)
def test_no_working_button_is_missing(steps: Any) -> None:
    incident, _ = walk(steps)
    assert incident is not None
    shown = {(action, parse(value).option) for action, value in drawn(card(incident, URL))}
    keys = [option.key for option in incident.menu or ()]
    for action in ACTIONS:
        by_option = action in ("deploy", "approve", "break_glass", "reject", "revert", "renew")
        for key in keys if by_option else [None]:
            if action in TO_READ or (action, key) in shown or _stands_elsewhere(action, incident):
                continue
            value = f"{incident.stream}|{incident.version}|{key or ''}|"
            _, command = actions.command_of(action, value, fields_for(action, incident), LATER)
            try:
                assert decide(incident, command, SOMEBODY, LATER) == (), (
                    f"{action} {key} works, has no button"
                )
            except Refused:
                continue


def _stands_elsewhere(action: str, incident: Incident) -> bool:
    """What a rule lets happen, and the card offers in other words or on purpose not at all."""
    return (
        (action == "acknowledge" and incident.status == "acknowledged")  # taking over is Assign
        or (action == "note" and incident.status == "closed")  # a closed card is at rest: Reopen first
        or (
            action in ("follow_up_accept", "follow_up_edit", "follow_up_decline") and bool(incident.follow_up)
        )
        or (action == "follow_up_accept" and bool(incident.changes))  # each has a button with its name
        or (action == "revert" and incident.status == "closed")  # by `recsysops hotfix revert`
        or (action in ("approve", "reject") and incident.status == "closed")
    )


def test_every_action_has_a_press_and_a_label() -> None:
    assert set(actions.PRESSES) == set(ACTIONS) == set(LABELS)


WHY_FIRST = (
    "“Fill in the language” is first: it repairs 96 % [93–98] and loses nothing measurable elsewhere; "
    "“Boost these films” repairs less, 61 % [58–63], and loses"
)


def behind(incident: Incident) -> str:
    """What the button *Why these numbers* shows."""
    view = numbers(incident, "v")
    assert problems_of_view(view) == []
    return json.dumps(view, ensure_ascii=False)


def test_why_the_first_option_is_first_is_a_press_away_and_in_the_report() -> None:
    incident, recorded = after_story("offered")
    assert WHY_FIRST in behind(incident)
    assert WHY_FIRST in markdown(compose(incident, recorded))
    assert WHY_FIRST in html(compose(incident, recorded))


def test_of_what_is_found_useless_here_nothing_says_that_it_is_first() -> None:
    incident, _ = after_story("reverted by itself")
    assert "“Fill in the language” is first" not in behind(incident)


def test_how_each_number_was_made_is_a_press_away() -> None:
    text = behind(after_story("offered")[0])
    for said in (
        "96 % [93–98] (replay of 41,000 requests)",
        "touches 3.1 % of requests",
        "undone by 1 click",
    ):
        assert said in text
        assert said not in json.dumps(card(after_story("offered")[0], URL), ensure_ascii=False)


def test_options_beyond_the_third_stand_in_a_list() -> None:
    incident, _ = after_story("offered")
    more = tuple(MENU[1].model_copy(update={"key": f"o{n}", "label": f"Option {n}"}) for n in range(4))
    blocks = card(incident.model_copy(update={"menu": (*MENU, *more)}), URL)
    (chosen,) = (one for one in map(_accessory, blocks) if one.get("type") == "overflow")
    assert chosen["action_id"] == "deploy"
    assert [one["text"]["text"] for one in chosen["options"]] == [
        f"{c} Option {n}" for n, c in enumerate("④⑤⑥⑦")
    ]
    fits(blocks)


@pytest.mark.parametrize("story", ["deployed by break-glass", "in force by break-glass"])
def test_what_is_deployed_without_its_second_person_says_so_and_why_wherever_it_is_read(story: str) -> None:
    incident, recorded = after_story(story)
    text = json.dumps(card(incident, URL), ensure_ascii=False)
    assert "🚨 *Break-glass*  <@" in text
    assert "*without a second person*: Nobody answers, and every hour costs 2,900 plays." in text
    for report in (markdown(compose(incident, recorded)), html(compose(incident, recorded))):
        assert "deployed without the second person that it needs" in report
        assert "(break-glass: Nobody answers, and every hour costs 2,900 plays.)" in report
    waiting, _ = after_story("asked for a second person")
    assert "*Break-glass*" not in json.dumps(card(waiting, URL), ensure_ascii=False)
    assert "break_glass" in dict(drawn(card(waiting, URL)))


def test_the_menu_says_outside_of_which_hours_it_takes_a_second_person() -> None:
    night = Hours(start=time(9), end=time(18), days=(0, 1, 2, 3, 4), zone="Europe/Lisbon")
    incident, _ = after_story("offered")
    menu = tuple(one.model_copy(update={"alone": night}) for one in MENU)
    text = json.dumps(card(incident.model_copy(update={"menu": menu}), URL), ensure_ascii=False)
    plain = text.replace("\u00a0", " ")
    assert plain.count("needs a second person outside Mon–Fri 09:00–18:00 (Europe/Lisbon)") == 2
    assert plain.count("Outside Mon–Fri 09:00–18:00 (Europe/Lisbon) a second person has to approve it.") == 2
    assert plain.count("A second person has to approve it.") == 1  # the one that touches much, at any hour


def test_every_notable_step_is_an_event() -> None:
    assert set(EVENTS) >= NOTABLE


def test_the_card_says_what_how_bad_who_and_why_in_this_order() -> None:
    incident, _ = after_story("offered")
    text = json.dumps(card(incident, URL), ensure_ascii=False).replace("\u00a0", " ")
    spoken = ["🟠 SEV2", "71 % less", "#142", "nobody has it yet", "3.1 % of traffic", "*Why*", "*①"]
    places = [text.index(words) for words in spoken]
    assert places == sorted(places)
    assert "repairs 93–98 % · no measurable loss · in 2 min · measured" in text
    assert "slack_file" not in text
    shown = json.dumps(card(incident, URL, files={"0" * 64: "F0PICTURE"}))
    assert '"slack_file": {"id": "F0PICTURE"}' in shown


def test_what_is_not_known_is_said_to_be_unknown() -> None:
    incident, _ = after_story("opened")
    assert "Evidence is being gathered" in json.dumps(card(incident, URL))
    failed, _ = after_story("diagnosis failed")
    assert "the table is locked" in json.dumps(card(failed, URL))


def test_a_second_look_is_shown_under_what_was_known_before_it() -> None:
    failed, _ = after_story("diagnosis failed")
    assert "_Diagnose again_" not in json.dumps(card(failed, URL))  # its menu is being prepared
    priced, _ = after(*STORIES["diagnosis failed"], *STORIES["nothing to offer"][-1:])
    assert "(the table is locked). _Diagnose again_ retries." in json.dumps(card(priced, URL))
    looking, _ = after_story("looked into again")
    text = json.dumps(card(looking, URL), ensure_ascii=False)
    assert text.index("diagnosed again") < text.index("A newer menu is being prepared")
    in_vain, _ = after_story("looked into again in vain")
    assert "Diagnosing again failed: the table is locked" in json.dumps(card(in_vain, URL))
    empty, _ = after(*STORIES["nothing to offer"], LookAgain())
    text = json.dumps(card(empty, URL))
    assert "being priced again" in text
    assert "Nothing to deploy" not in text


def test_the_end_says_what_was_promised_and_what_came() -> None:
    incident, _ = after_story("follow-up proposed")
    text = json.dumps(card(incident, URL), ensure_ascii=False)
    assert "repaired *94 %* (promised 93–98 %), verified by the check that raised the alarm." in text
    assert "3 h 40 min earlier" in text


def test_what_did_not_work_is_said_to_be_reverted_by_itself_and_when_it_was_found_useless() -> None:
    reverting, over = (
        json.dumps(card(after_story(story)[0], URL), ensure_ascii=False)
        for story in ("did not work", "reverted by itself")
    )
    reason = "did *not* repair it: 240 rows where 738 are expected (690 to 790): 5 % of the gap is closed."
    assert f"{reason} It is being reverted by itself …" in reverting
    assert f"{reason} It was reverted by itself" in over
    tried = after_story("reverted by itself")[0]
    assert re.search(r"Fill in the language[^\n]*it was found not to work here at 02:\d\d UTC", behind(tried))
    assert '"② Boost these films"' in over
    assert "*①" not in over
    assert "Deploy ①" not in over


def test_the_report_holds_what_was_repaired_against_the_promise() -> None:
    page = markdown(compose(*after_story("resolved")))
    assert "It repaired 94 % of the gap; promised: 96 % [93–98]: inside the promise." in page


def test_each_line_of_evidence_is_a_line_of_the_report() -> None:
    incident, recorded = after_story("offered")
    assert incident.diagnosis is not None
    lines = markdown(compose(incident, recorded)).split("\n")
    assert len([line for line in lines if line.startswith("- ")]) == len(incident.diagnosis.evidence) > 1


def test_harm_is_said_in_numbers_and_the_incident_goes_on() -> None:
    incident, log = after_story("did harm")
    said = json.dumps(card(incident, URL), ensure_ascii=False)
    assert "did *harm*: the gap grew by 40 % [22–58] since its deployment" in said
    assert "resolved ·" not in said
    assert "Reopened: The hotfix that ended it does harm and is reverted." in timeline(log)[-1].what


def test_the_card_says_at_which_stage_a_hotfix_is() -> None:
    staged = json.dumps(card(after_story("in stages")[0], URL), ensure_ascii=False)
    assert "is in force for 50 % of members" in staged
    assert "In stages: 5 % → *50 %* → 100 %." in staged
    offered = json.dumps(card(after(*STAGED[:3])[0], URL), ensure_ascii=False).replace("\u00a0", " ")
    assert "first for 5 % of members" in offered
    going = json.dumps(card(after_story("widening")[0], URL), ensure_ascii=False)
    assert "nothing became worse for 5 % of members; it is being deployed to more …" in going


def test_the_card_says_what_close_waits_for_before_anybody_presses() -> None:
    resolved = json.dumps(card(after_story("resolved")[0], URL))
    assert "_Close_ waits for an answer to the follow-up" in resolved
    answered, _ = after(*STORIES["follow-up proposed"], AcceptFollowUp())
    assert not _says_what_is_missing(answered)
    watched, _ = after(*STORIES["watched"], Resolve(reason="It stopped."))
    text = json.dumps(card(watched, URL))
    assert "the follow-up and the hotfix, which is in force and being watched" in text
    assert not _says_what_is_missing(after_story("offered")[0])


def test_what_still_acts_over_the_end_is_said_and_can_be_taken_back() -> None:
    for story in ("resolved", "closed"):
        text = json.dumps(card(after_story(story)[0], URL), ensure_ascii=False)
        assert "Still in force until <!date" in text
        assert '"action_id": "revert"' in text
    assert "Still in force" not in json.dumps(card(after_story("dismissed")[0], URL))


def test_a_request_says_until_when_it_may_be_approved() -> None:
    incident = after_story("asked for a second person")[0]
    assert incident.hotfix is not None
    until = int((incident.hotfix.at + CHOICE_HOLDS).timestamp())
    assert f"It waits for somebody else to approve it, until <!date^{until}^" in json.dumps(
        card(incident, URL)
    )


def test_the_form_that_ends_it_says_what_is_in_hand() -> None:
    asked = json.dumps(resolve(after_story("asked for a second person")[0], "v"), ensure_ascii=False)
    assert "“Roll the catalogue back” waits to be approved. Resolving withdraws it." in asked
    assert "is in force and being watched" in json.dumps(resolve(after_story("watched")[0], "v"))
    assert "in force" not in json.dumps(resolve(after_story("offered")[0], "v"))


def test_whoever_declared_it_is_named_without_being_mentioned() -> None:
    incident, _ = after_story("declared")
    assert f"Declared by <@{ON_CALL.id.removeprefix('slack:')}>" in json.dumps(card(incident, URL))
    named = json.dumps(card(incident, URL, {ON_CALL.id: "Ada <b>"}))
    assert "Declared by Ada &lt;b&gt;" in named


def test_deploy_asks_once_more_with_the_numbers() -> None:
    incident, _ = after_story("offered")
    accessories = [block["accessory"] for block in card(incident, URL) if "accessory" in block]
    asked = [accessory["confirm"]["text"]["text"] for accessory in accessories]
    assert len(asked) == 3
    assert "96 % [93–98]" in asked[0]
    assert "second person" in asked[2]


def test_deploying_takes_a_press_and_a_yes_and_reverting_one_press() -> None:
    def confirmed(story: str, action: str) -> list[bool]:
        shown = (element for block in card(after_story(story)[0], URL) for element in _elements(block))
        return ["confirm" in element for element in shown if element.get("action_id") == action]

    assert confirmed("offered", "deploy") == [True] * 3
    assert confirmed("watched", "revert") == [False]


def _accessory(block: Block) -> dict[str, Any]:
    found: dict[str, Any] = block.get("accessory", {})
    return found


def _elements(block: Block) -> list[dict[str, Any]]:
    return [*block.get("elements", []), *([block["accessory"]] if "accessory" in block else [])]


def test_what_surely_makes_it_worse_is_not_called_a_repair() -> None:
    incident, _ = after_story("offered")
    worse = MENU[0].repairs.model_copy(update={"value": -38, "low": -50, "high": -30})
    menu = (*MENU[1:], MENU[0].model_copy(update={"repairs": worse}))
    text = json.dumps(card(incident.model_copy(update={"menu": menu}), URL), ensure_ascii=False)
    assert "makes it worse by 30–50 %" in text
    assert "repairs −" not in text


def test_doing_nothing_is_priced_but_has_nothing_to_press() -> None:
    incident, _ = after_story("offered")
    nothing = MENU[0].model_copy(update={"key": "nothing", "label": "Do nothing", "deployer": "none"})
    also = incident.model_copy(update={"menu": (*MENU, nothing)})
    assert "Do nothing" not in json.dumps(card(also, URL))
    assert "④ Do nothing" in behind(also)


def test_names_from_data_cannot_mention_or_link_anybody() -> None:
    nasty = FINDING.model_copy(update={"unit": "<!channel> rows", "title": "<!everyone> look"})
    incident, _ = after(
        (WAY[0][0].model_copy(update={"finding": nasty}), WAY[0][1]),  # type: ignore[index]
        (_diagnosis_of("<@U-lead> did it"), WAY[0][1]),  # type: ignore[index]
    )
    text = json.dumps(card(incident, URL))
    sections = [block["text"]["text"] for block in card(incident, URL) if block["type"] == "section"]
    assert not any("<!channel>" in one or "<@U-lead>" in one for one in sections)
    assert "&lt;@U-lead&gt;" in text


def _diagnosis_of(cause: str) -> Any:
    from domain.incident.commands import RecordDiagnosis

    return RecordDiagnosis(diagnosis=DIAGNOSIS.model_copy(update={"cause": cause}))


@given(st.text(min_size=1, max_size=6000), st.integers(1, 30))
@settings(max_examples=40, deadline=None)
def test_however_long_the_texts_the_card_and_the_evidence_fit(text: str, count: int) -> None:
    incident, _ = after_story("offered")
    menu = tuple(
        MENU[0].model_copy(update={"key": f"o{n}", "label": text, "does": text, "undo": text})
        for n in range(count)
    )
    one = DIAGNOSIS.evidence[2].model_copy(update={"statement": text, "table": ((text,) * 6,) * count})
    diagnosis = DIAGNOSIS.model_copy(update={"cause": text, "evidence": (one,) * count})
    long = incident.model_copy(
        update={"title": text, "menu": menu, "menu_note": text, "diagnosis": diagnosis, "description": text}
    )
    fits(card(long, URL))
    fits(evidence(diagnosis))
    assert problems_of_view(numbers(long, "v")) == []
    assert headline(long)


def test_an_unreadable_button_is_refused_in_words() -> None:
    for value in ("", "a", "a|1", "a|1|", "a|b||", "|1||"):
        with pytest.raises(Stale, match="from an older version"):
            actions.command_of("acknowledge", value, {}, LATER)
    with pytest.raises(Stale, match="no longer exists"):
        actions.command_of("explode", "a|1||", {}, LATER)


def test_the_headline_stays_what_was_found_and_the_cause_is_said_once() -> None:
    incident, _ = after_story("diagnosed")
    named = DIAGNOSIS.model_copy(update={"title": "`language` of Danish films is not set since 21:05"})
    after_it = incident.model_copy(update={"diagnosis": named})
    assert headline(after_it) == headline(incident)
    words = json.dumps(card(after_it, URL), ensure_ascii=False)
    assert words.count(DIAGNOSIS.cause or "") == 1
    assert "also:" not in words


def test_the_strongest_proof_is_shown_while_it_goes_on_and_not_once_it_is_over() -> None:
    for story, shown in (("diagnosed", True), ("resolved", False)):
        text = json.dumps(card(after_story(story)[0], URL), ensure_ascii=False)
        assert (DIAGNOSIS.evidence[0].statement in text) == shown


def test_while_the_cause_is_not_known_it_is_said_what_would_show_it() -> None:
    incident, _ = after_story("diagnosed")
    unknown = DIAGNOSIS.model_copy(
        update={"cause": None, "cause_kind": "unknown", "discriminating_test": "a standby of the feed"}
    )
    words = json.dumps(card(incident.model_copy(update={"diagnosis": unknown}), URL), ensure_ascii=False)
    assert "Not established yet. What would show it: a standby of the feed" in words
