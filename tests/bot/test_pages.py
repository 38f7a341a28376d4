"""Pages are for people: by a link written for them, while it is valid and while they have the right."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html import unescape

import httpx
import pytest

from bot.border.answers import known_hosts
from bot.messages.link import Link
from bot.pages.links import LASTS, Links
from bot.settings import BotSettings
from bot.slack.announce import Announcer
from bot.slack.app import create_app
from domain.errors import NotAllowed
from domain.replayed import Comparable, ReplayAnswer, Replayed, Went
from tests.bot.conftest import DECLARED, Look, held_port, served, settle
from tests.bot.slack.test_announce import heads, submit
from tests.bot.stories import DIAGNOSIS, WAY
from tests.bot.workspace.driver import Driver
from workers.door import Door
from workers.replay.newest import keep_newest
from workers.store import attachments

PNG = b"\x89PNG\r\n\x1a\n" + bytes(16)
KEY, ELSEWHERE = bytes(32), bytes([1] * 32)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
OURS = "https://ops.example"


def get(address: str, **headers: str) -> httpx.Response:
    return httpx.get(address, headers=headers, trust_env=False, timeout=60)


def links_in(text: str) -> list[str]:
    """Every address with a token in a message or page."""
    return [unescape(one) for one in re.findall(r'[^\s"<>|]+[?&](?:amp;)?link=[\w.-]+', text)]


@pytest.mark.parametrize(
    "path",
    [
        *("/", "/audit", "/replay", "/scorecard", "/reports/1", "/reports/1.md"),
        *("/pictures/abc.png", "/?status=open"),
    ],
)
def test_a_stranger_sees_no_page(web: str, door: Door, path: str) -> None:
    submit(door, *WAY)
    answered = get(web + path)
    assert answered.status_code == 401
    assert "Films from Denmark" not in answered.text
    assert "recsysops link" in answered.text


def test_a_digest_alone_opens_no_picture_and_a_link_to_it_does(web: str, door: Door, links: Links) -> None:
    digest = attachments.keep(door.log, PNG, "image/png")
    assert get(f"{web}/pictures/{digest}.png").status_code == 401
    assert links.posted()(f"/pictures/{digest}.png") is None  # what everybody reads opens nothing
    signed = links.to("slack:U-oncall")(f"/pictures/{digest}.png")
    assert signed is not None
    assert get(signed).content == PNG


def test_the_page_of_replays_says_what_would_go_worse_and_before_the_first_how_to_make_one(
    web: str, door: Door, links: Links
) -> None:
    address = links.to("slack:U-oncall")("/replay")
    assert address is not None
    assert "recsysops replay --all" in get(address).text
    then = Went(check="volume", after_seconds=1680.0, named="feed plays", offered=("standby",))
    gone = Replayed(
        number=142,
        title="plays <b>71 % fewer",
        then=then,
        now=Went(named="feed plays", offered=("standby",)),
        judged=Comparable(raised=True, named=True, offered=True),
        verdict="worse",
        reasons=("no check raises it (then: volume)",),
    )
    with door.log.begin() as connection:
        keep_newest(connection, ReplayAnswer(at=NOON, incidents=(gone,), seconds=2.0))
    page = get(address).text
    assert "1 of 1 incident would go worse today" in page
    assert "28 min, volume → no" in page
    assert "#142: no check raises it (then: volume)" in page
    assert "plays &lt;b&gt;71 % fewer" in page


def at(now: datetime, key: bytes = KEY, *, login: bool = False) -> Links:
    return Links(key, OURS, login=login, now=lambda: now)


def token(address: str | None) -> str:
    assert address is not None
    return address.partition("link=")[2]


def test_a_link_says_for_whom_which_page_and_until_when() -> None:
    written = token(at(NOON).to("slack:U1")("/reports/142"))
    opened = at(NOON + LASTS - timedelta(seconds=1)).open(written, "/reports/142")
    assert (opened.person, opened.page, opened.until) == ("slack:U1", "/reports/142", NOON + LASTS)
    assert at(NOON).open(written, "/reports/142.md").person == "slack:U1"
    with pytest.raises(NotAllowed, match="expired at 01 Mar 2026 20:00 UTC"):
        at(NOON + LASTS).open(written, "/reports/142")


@pytest.mark.parametrize(
    "path", ["/", "/audit", "/reports/14", "/reports/1420", "/reports/142.md.md", "/pictures/a.png"]
)
def test_a_link_opens_no_other_page(path: str) -> None:
    written = token(at(NOON).to("slack:U1")("/reports/142"))
    with pytest.raises(NotAllowed, match="another page"):
        at(NOON).open(written, path)


def test_a_link_that_was_changed_or_written_elsewhere_opens_nothing() -> None:
    written = token(at(NOON).to("slack:U1")("/reports/142"))
    body, _, mac = written.rpartition(".")
    other = token(at(NOON).to("slack:U1")("/reports/143")).rpartition(".")[0]
    elsewhere = token(at(NOON, ELSEWHERE).to("slack:U1")("/reports/142"))
    swapped = written[:-1] + ("A" if written[-1] != "A" else "B")
    for forged in (
        f"{other}.{mac}",
        elsewhere,
        body,
        mac,
        "",
        ".",
        "é",
        swapped[:-2],
        written[1:],
        "a" * 10_000,
    ):
        with pytest.raises(NotAllowed, match="not valid, or part of it"):
            at(NOON).open(forged, "/reports/142")


def test_what_a_link_opens_leads_no_further_than_the_link(web: str, door: Door, links: Links) -> None:
    submit(door, *WAY)
    address = links.to("terminal:ada")("/reports/1")
    assert address is not None
    page = get(address)
    assert page.status_code == 200
    assert "All incidents" not in page.text
    (picture,) = links_in(page.text)
    assert picture.startswith(f"/pictures/{DIAGNOSIS.picture}.png?link=")
    assert get(web + picture).status_code == 404  # it may be seen, and was not kept in this test
    assert get(f"{web}/?link={token(address)}").status_code == 403
    assert get(f"{web}/audit?link={token(address)}").status_code == 403


def test_the_list_leads_to_all_pages_for_the_same_person_with_the_same_end(
    web: str, door: Door, look: Look, links: Links
) -> None:
    submit(door, *WAY)
    onward = links_in(look("/").text)
    assert {one.partition("?")[0] for one in onward} >= {"/audit", "/reports/1", "/"}
    for address in onward:
        answered = get(web + address)
        assert answered.status_code == 200, address
    report = next(one for one in onward if one.startswith("/reports/1"))
    opened = links.open(token(report), "/reports/1")
    assert opened.person == "terminal:tests"
    assert opened.until <= datetime.now(UTC) + LASTS


def test_a_link_ends_with_the_right_of_whom_it_was_written_for(web: str, door: Door, links: Links) -> None:
    submit(door, *WAY)
    of: dict[str, Link] = {who: links.to(f"slack:{who}") for who in ("U-oncall", "U-content")}
    for who, status in (("U-oncall", 200), ("U-content", 403)):
        address = of[who]("/reports/1")
        assert address is not None
        assert get(address).status_code == status, who
    door._settings.config.write_text(DECLARED.replace('respond = ["oncall", "ml"]', 'respond = ["leads"]'))
    address = of["U-oncall"]("/reports/1")
    assert address is not None
    assert get(address).status_code == 403


@pytest.mark.usefixtures("web")
def test_a_report_is_two_presses_away_and_the_message_holds_no_way_to_it(
    door: Door, announcer: Announcer, person: Driver
) -> None:
    submit(door, *WAY)
    settle(announcer)
    head = heads(person)[0]
    assert not [one for one in links_in(str(head["blocks"])) if "/reports/" in one]
    person.press("report", user="U-oncall", message=head)
    said = str(person.wait(lambda: person.ephemerals("U-oncall"), "the link")[0])
    page, *_ = [one for one in links_in(said) if "/reports/1" in one]
    assert "What happened" in get(page).text
    assert "For you alone" in said


@pytest.mark.usefixtures("web")
def test_home_and_report_button_show_a_visitor_nothing(
    door: Door, announcer: Announcer, person: Driver
) -> None:
    submit(door, *WAY[:3])
    settle(announcer)
    person.open_home(user="U-content")
    home = str(person.wait(lambda: person.state()["homes"].get("U-content"), "Home"))
    assert "may do this" in home
    assert "Denmark" not in home
    person.press("report", user="U-content", message=heads(person)[0])
    said = str(person.wait(lambda: person.ephemerals("U-content"), "refusal"))
    assert "may do this" in said and "link=" not in said


def test_every_answer_keeps_browsers_from_framing_sniffing_and_leaking_links(web: str, look: Look) -> None:
    for answered in (look("/"), look("/audit"), get(f"{web}/"), get(f"{web}/health"), get(f"{web}/nothing")):
        headers = answered.headers
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cache-control"] == "no-store"
        assert "server" not in headers
        assert "strict-transport-security" not in headers


def test_over_tls_browsers_are_told_to_stay_there(given: BotSettings, door: Door) -> None:
    with held_port() as port, served(create_app(replace(given, public_url=OURS), door), port):
        answered = get(f"http://127.0.0.1:{port}/health")
        assert "max-age=31536000" in answered.headers["strict-transport-security"]


@pytest.mark.parametrize(
    ("host", "status"),
    [("evil.example", 400), ("ops.example", 401), ("also.example:1", 401), ("127.0.0.1:9", 401), ("", 400)],
)
def test_a_page_answers_to_its_own_names_only(given: BotSettings, door: Door, host: str, status: int) -> None:
    named = replace(given, public_url=OURS, allowed_hosts=("also.example",))
    with held_port() as port, served(create_app(named, door), port):
        assert get(f"http://127.0.0.1:{port}/", host=host).status_code == status
        assert get(f"http://127.0.0.1:{port}/health", host=host or "probe").status_code == 200


def test_names_of_the_pages() -> None:
    names = known_hosts("https://ops.example/x", ()).kwargs["allowed_hosts"]
    assert isinstance(names, list) and names[-1] == "ops.example"


@pytest.mark.parametrize(
    "path", ["//evil.example/", "/audit/", "/reports/1/", "/slack/events/", "//evil.example/%2e%2e"]
)
def test_no_address_is_sent_on_elsewhere(web: str, path: str) -> None:
    answered = get(web + path, host="127.0.0.1")
    assert not answered.is_redirect
    assert "location" not in answered.headers


def test_numbers_are_for_who_has_the_token(web: str, given: BotSettings, door: Door) -> None:
    assert get(f"{web}/metrics").status_code == 404
    with held_port() as port, served(create_app(replace(given, metrics_token="a-long-token"), door), port):
        address = f"http://127.0.0.1:{port}/metrics"
        for wrong in ({}, {"authorization": "Bearer no"}, {"authorization": "a-long-token"}):
            assert get(address, **wrong).status_code == 401
        assert "recsysops_owed 0" in get(address, authorization="Bearer a-long-token").text


@pytest.mark.parametrize("number", ["9" * 18, "9" * 19, "9" * 40, "9" * 5000])
def test_a_number_that_no_store_could_hold_is_no_incident(look: Look, number: str) -> None:
    assert look(f"/reports/{number}").status_code in (404, 400)
    assert look(f"/?below={number}").status_code in (200, 400)
