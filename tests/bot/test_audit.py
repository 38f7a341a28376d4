"""Somebody asks how well everything is tested: in Slack, and on the page."""

from __future__ import annotations

import json
from datetime import timedelta
from html import unescape
from typing import Any

import pytest

from bot.messages.link import pages_at
from bot.messages.practice.audit import blocks, headline, html, rows
from domain.answer import Audit, Proof
from domain.improvement.audit import audit
from domain.improvement.rubric import RUBRIC
from domain.incident.events import AttestationGiven
from domain.values import Actor, How
from tests.bot.conftest import DECLARED, Look
from tests.bot.workspace.driver import Driver
from workers.door import Door
from workers.environment import clock

LINK = "https://ci.example.org/twice?a=1&b=2"
NEXT_MONTH = f"{clock.now() + timedelta(days=30):%Y-%m-%d}"


def vouched(test: str, how: How | None = "automatic", **more: Any) -> Proof:
    return Proof.model_validate({"test": test, "source": "person", "how": how, "says": "so", **more})


def found(*proofs: Proof) -> Audit:
    return audit(proofs, clock.now())


def answered(person: Driver, text: str, user: str = "U-ml") -> dict[str, Any]:
    """The newest answer that only this person sees."""
    before = len(person.ephemerals(user))
    person.command(text, user=user)
    newest: dict[str, Any] = person.wait(lambda: person.ephemerals(user)[before:], "answer")[0]
    return newest


@pytest.mark.usefixtures("web")
def test_the_answer_is_the_score_the_gaps_and_the_way_to_all_of_it(person: Driver, web: str) -> None:
    shown = answered(person, "audit", user="U-oncall")
    assert shown["text"] == "ML Test Score 0 of 7: more of a research project than a production system"
    drawn = json.dumps(shown["blocks"], ensure_ascii=False)
    assert "Features and data 0 · Model development 0 · Infrastructure 0 · Monitoring 0" in drawn
    assert "Infrastructure: no evidence for infra-1, infra-2" in drawn
    assert f"<{web}/audit?link=" in drawn and "|All 28 tests" in drawn


def test_the_page_shows_every_test_and_who_vouches_for_it_by_name(
    look: Look, person: Driver, door: Door
) -> None:
    until = clock.now() + timedelta(days=30)
    said = AttestationGiven(test="infra-1", how="automatic", link=LINK, until=until)
    door.attest(said, Actor(kind="person", id="slack:U-ml"), "attested")
    page = look("/audit")
    assert page.status_code == 200
    shown = unescape(page.text)
    assert all(test.name in shown and test.asks in shown for test in RUBRIC)
    assert f'href="{LINK.replace("&", "&amp;")}"' in page.text
    assert f"automated, attested until {NEXT_MONTH} (" in page.text
    assert "slack:" not in page.text and "(U-ml)" not in page.text
    assert "script" not in page.headers["content-security-policy"]
    assert 'href="/audit?link=' in look("/").text


def test_while_the_declaration_cannot_be_read_page_and_answer_say_so(
    look: Look, person: Driver, door: Door
) -> None:
    config = door._settings.config
    config.write_text(DECLARED + "[tabels.x]\n")
    page = look("/audit")
    assert page.status_code == 503
    assert "tabels" in page.text
    assert "the file cannot be read" in answered(person, "audit")["text"]


def test_what_is_said_elsewhere_is_shown_as_text_alone() -> None:
    sly = found(vouched("data-1", says="<u>x</u>", by="slack:U1"))
    drawn = html(sly, {"slack:U1": "<u>Ada</u>"})
    assert "&lt;u&gt;Ada" in drawn
    assert "<u>" not in drawn
    done = found(*(vouched(test.id) for test in RUBRIC))
    assert "There is evidence for every test" in json.dumps(blocks(done, pages_at("http://here")))
    assert headline(done) == "ML Test Score 7 of 7: exceptional automated testing and monitoring"


def test_every_test_has_its_row_with_what_speaks_for_it() -> None:
    cells = list(rows(found(vouched("data-1", link=LINK, by="terminal:root"), vouched("data-1", None))))
    assert len(cells) == 4 + 28
    assert cells[0] == ("Features and data", "1", "", "")
    name = "Feature expectations are captured in a schema"
    assert cells[1] == ("data-1", "●", name, f"so (root (terminal)) {LINK}\nso")
    assert cells[2][3] == "–"


def test_an_incident_that_is_named_leads_to_its_report_and_nothing_else_does() -> None:
    shown = html(found(vouched("infra-7", source="incidents", says="“Ada's” worked in #12 and #3")), link=str)
    assert '“Ada&#39;s” worked in <a href="/reports/12">#12</a> and <a href="/reports/3">#3</a>' in shown
    assert "/reports/" not in html(found(vouched("infra-7", says="see #12")))
