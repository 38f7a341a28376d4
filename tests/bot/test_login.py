"""People log in at a real provider; what it did not say, or not now and here, logs nobody in."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

from bot.pages.links import Links, links_of
from bot.pages.login import SESSION_SECONDS
from bot.settings import BotSettings
from bot.slack.announce import Announcer
from bot.slack.app import create_app
from tests.bot.conftest import SECRET, held_port, served
from tests.bot.provider import Hand, Provider, provider
from tests.bot.slack.test_announce import submit
from tests.bot.stories import WAY
from workers.door import Door, Login

CLIENT, CLIENT_SECRET = "recsysops", "the-client-secret-of-this-test-0123456789"


@pytest.fixture
def there() -> Iterator[Provider]:
    with provider() as running:
        yield running


@pytest.fixture
def declared(there: Provider) -> Login:
    return Login(
        there.issuer, CLIENT, CLIENT_SECRET, domains=("ops.example",), groups=("sre",), subjects=("alan",)
    )


@pytest.fixture
def given(given: BotSettings, declared: Login) -> BotSettings:
    return replace(given, login=declared)


class Browser:
    """Follows where it is sent, and keeps its cookies."""

    def __init__(self, web: str) -> None:
        self.web = web
        self.http = httpx.Client(base_url=web, trust_env=False, timeout=60)

    def to_provider(self, path: str = "/reports/1") -> str:
        """Where a page leads somebody who is not logged in."""
        asked = self.http.get(path)
        assert (asked.status_code, asked.headers["location"]) == (303, "/login")
        return str(self.http.get("/login").headers["location"])

    def to_provider_at_once(self) -> str:
        """The same without asking for a page first."""
        return str(self.http.get("/login").headers["location"])

    def back(self, address: str, sub: str) -> str:
        """Where the provider leads whoever says there that they are `sub`."""
        answered = httpx.post(address, data={"sub": sub}, trust_env=False)
        return str(answered.headers["location"])

    def log_in(self, sub: str, path: str = "/reports/1") -> httpx.Response:
        return self.http.get(self.back(self.to_provider(path), sub))


@pytest.fixture
def browser(web: str, door: Door) -> Browser:
    submit(door, *WAY)
    return Browser(web)


@pytest.mark.parametrize("sub", ["ada", "grace", "alan"])
def test_whoever_is_allowed_logs_in_and_is_where_they_wanted_to_be(
    browser: Browser, there: Provider, sub: str
) -> None:
    done = browser.log_in(sub, "/?status=closed")
    assert (done.status_code, done.headers["location"]) == (303, "/?status=closed")
    page = browser.http.get(done.headers["location"])
    assert "Films from Denmark" in page.text
    assert 'href="/reports/1"' in page.text
    assert "All incidents" in browser.http.get("/reports/1").text
    assert len(there.challenges) == 1
    query = parse_qs(urlsplit(str(browser.http.get("/login").headers["location"])).query)
    assert query["code_challenge_method"] == ["S256"] and query["nonce"] and query["state"]


@pytest.mark.parametrize("sub", ["eve", "mallory", "oscar", "nobody"])
def test_whoever_nobody_declared_is_not_let_in(browser: Browser, sub: str) -> None:
    answered = browser.log_in(sub)
    assert answered.status_code == 403
    assert "no permission to see" in answered.text
    assert browser.http.get("/reports/1").status_code == 303


def test_the_cookie_is_signed_kept_from_scripts_and_other_sites_and_ends(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_cookie = browser.log_in("ada").headers["set-cookie"]
    assert set_cookie.startswith("recsysops=")
    for flag in ("httponly", "samesite=lax", "path=/", "Max-Age=28800"):
        assert flag in set_cookie
    assert browser.http.get("/reports/1").status_code == 200
    name, value = "recsysops", browser.http.cookies["recsysops"]
    body, _, rest = value.partition(".")
    said = json.loads(base64.b64decode(body))
    said["claims"]["sub"] = "alan"
    forged = base64.b64encode(json.dumps(said).encode()).decode() + "." + rest
    for cookie in (forged, body, value[:-2], "", "x"):
        answered = httpx.get(
            f"{browser.web}/reports/1", headers={"cookie": f"{name}={cookie}"}, trust_env=False
        )
        assert answered.status_code == 303, cookie
    monkeypatch.setattr("bot.pages.login.time.time", lambda: said["until"] + 1)
    assert browser.http.get("/reports/1").status_code == 303


def test_a_session_ends_even_where_the_cookie_is_kept(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser.log_in("ada")
    kept = browser.http.cookies["recsysops"]
    until = json.loads(base64.b64decode(kept.partition(".")[0]))["until"]
    for at, answered in ((until - SESSION_SECONDS / 8, 200), (until, 303)):
        monkeypatch.setattr("bot.pages.login.time.time", lambda at=at: at)
        asked = httpx.get(
            f"{browser.web}/reports/1", headers={"cookie": f"recsysops={kept}"}, trust_env=False
        )
        assert asked.status_code == answered


def test_over_tls_the_cookie_is_bound_to_the_host(given: BotSettings, door: Door) -> None:
    over_tls = replace(given, public_url="https://ops.example")
    with held_port() as port, served(create_app(over_tls, door), port):
        asked = httpx.get(f"http://127.0.0.1:{port}/", trust_env=False)
    assert asked.headers["set-cookie"].startswith("__Host-recsysops=")
    assert "secure" in asked.headers["set-cookie"].lower()


def test_whoever_logs_out_has_to_log_in_again_even_with_the_old_cookie(browser: Browser) -> None:
    browser.log_in("ada")
    kept = browser.http.cookies["recsysops"]
    assert 'action="/logout"' in browser.http.get("/").text
    assert browser.http.get("/logout").status_code == 405
    assert browser.http.post("/logout").status_code == 200
    assert browser.http.get("/reports/1").status_code == 303
    old = httpx.get(f"{browser.web}/", headers={"cookie": f"recsysops={kept}"}, trust_env=False)
    assert old.status_code == 303


def test_whoever_never_logged_in_can_log_out(browser: Browser) -> None:
    assert browser.http.post("/logout").status_code == 200


def test_a_right_that_is_taken_back_ends_the_session(
    browser: Browser, given: BotSettings, door: Door
) -> None:
    browser.log_in("grace")
    kept = browser.http.cookies["recsysops"]
    assert given.login is not None
    narrower = replace(given, login=replace(given.login, groups=("leads",)))
    with held_port() as port, served(create_app(narrower, door), port):
        asked = httpx.get(
            f"http://127.0.0.1:{port}/", headers={"cookie": f"recsysops={kept}"}, trust_env=False
        )
    assert asked.status_code == 303


def test_a_forged_state_logs_nobody_in(browser: Browser) -> None:
    back = browser.back(browser.to_provider(), "ada")
    code = parse_qs(urlsplit(back).query)["code"][0]
    for forged in (f"/login/done?code={code}&state=forged", f"/login/done?code={code}", "/login/done"):
        answered = browser.http.get(forged)
        assert answered.status_code == 403
        assert browser.http.get("/reports/1").status_code == 303


def test_an_answer_to_somebody_elses_question_logs_nobody_in(browser: Browser) -> None:
    back = browser.back(browser.to_provider(), "ada")
    victim = Browser(browser.web)
    victim.to_provider()
    assert victim.http.get(back).status_code == 403
    assert victim.http.get("/reports/1").status_code == 303


def test_a_code_is_good_once(browser: Browser, web: str) -> None:
    back = browser.back(browser.to_provider(), "ada")
    before = dict(browser.http.cookies)
    assert browser.http.get(back).status_code == 303
    # Whoever saw the address and the cookie of that moment.
    thief = httpx.get(back, cookies=before, trust_env=False)
    assert thief.status_code == 403
    assert browser.http.get(back).status_code == 403


def claims_of(token: str) -> dict[str, Any]:
    body = token.split(".")[1]
    return dict(json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))))


def _part(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def unsigned(answer: dict[str, Any]) -> dict[str, Any]:
    claims = _part(claims_of(answer["id_token"]))
    return {**answer, "id_token": f"{_part({'alg': 'none', 'typ': 'JWT'})}.{claims}."}


def changed(answer: dict[str, Any]) -> dict[str, Any]:
    head, _, signature = answer["id_token"].split(".")
    return {
        **answer,
        "id_token": f"{head}.{_part({**claims_of(answer['id_token']), 'sub': 'alan'})}.{signature}",
    }


def by_another_key(answer: dict[str, Any]) -> dict[str, Any]:
    key = RSAKey.import_key(generate_private_key(65537, 2048))
    return {**answer, "id_token": jwt.encode({"alg": "RS256"}, claims_of(answer["id_token"]), key)}


def by_the_shared_secret(answer: dict[str, Any]) -> dict[str, Any]:
    key = OctKey.import_key(CLIENT_SECRET)
    return {**answer, "id_token": jwt.encode({"alg": "HS256"}, claims_of(answer["id_token"]), key)}


def without(answer: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in answer.items() if name != "id_token"}


def signed(there: Provider, **claims: Any) -> Hand:
    """A hand that changes claims, and signs with a key that the provider offers."""
    key = RSAKey.generate_key(2048, {"kid": "another"})
    there.keys.append({**key.as_dict(private=False), "kid": "another"})

    def hand(answer: dict[str, Any]) -> dict[str, Any]:
        said = {**claims_of(answer["id_token"]), **claims}
        del said["at_hash"]  # made by the hash of the algorithm it was signed by
        return {**answer, "id_token": jwt.encode({"alg": "RS256", "kid": "another"}, said, key)}

    return hand


@pytest.mark.parametrize(
    ("claims", "status"),
    [
        ({}, 303),
        ({"sub": ""}, 403),
        ({"aud": "another-app"}, 403),
        ({"iss": "https://elsewhere.example"}, 403),
        ({"nonce": "of another login"}, 403),
        ({"iat": 1_700_000_000, "exp": 1_700_003_600}, 403),
    ],
    ids=str,
)
def test_an_id_token_logs_in_only_whom_it_names_here_now_and_for_this_login(
    browser: Browser, there: Provider, claims: dict[str, Any], status: int
) -> None:
    there.hand = signed(there, **claims)
    assert browser.log_in("ada").status_code == status


@pytest.mark.parametrize(("algorithm", "hand"), [("none", "unsigned"), ("HS256", "by_the_shared_secret")])
def test_no_provider_can_offer_an_algorithm_that_anybody_could_sign_by(
    browser: Browser, there: Provider, algorithm: str, hand: str
) -> None:
    there.signs_by = (algorithm, "RS256")
    there.hand = globals()[hand]
    assert browser.log_in("ada").status_code == 403


def test_a_provider_is_asked_once_what_it_offers(browser: Browser, there: Provider) -> None:
    for sub in ("ada", "alan"):
        assert Browser(browser.web).log_in(sub).status_code == 303
    assert there.described == 1


def test_a_provider_that_breaks_off_is_said_not_to_answer(browser: Browser, there: Provider) -> None:
    there.broken = True
    assert browser.log_in("ada").status_code == 503
    assert browser.http.get("/reports/1").status_code == 303


@pytest.mark.parametrize("hand", [unsigned, changed, by_another_key, by_the_shared_secret, without])
def test_an_id_token_that_the_provider_did_not_sign_logs_nobody_in(
    browser: Browser, there: Provider, hand: Hand
) -> None:
    there.hand = hand
    assert browser.log_in("ada").status_code == 403
    assert browser.http.get("/reports/1").status_code == 303
    there.hand = None
    assert browser.log_in("ada").status_code == 303


def test_a_provider_that_calls_itself_otherwise_or_does_not_answer_logs_nobody_in(
    given: BotSettings, door: Door, there: Provider
) -> None:
    assert given.login is not None
    there.calls_itself = there.issuer.replace("localhost", "elsewhere")
    for issuer in (there.issuer, f"{there.issuer}/no", "http://127.0.0.1:9"):
        other = replace(given, login=replace(given.login, issuer=issuer))
        with held_port() as port, served(create_app(other, door), port):
            answered = httpx.get(f"http://127.0.0.1:{port}/login", trust_env=False, timeout=60)
        assert answered.status_code == 503
        assert CLIENT_SECRET not in answered.text


def test_a_refusal_at_the_provider_is_said(browser: Browser) -> None:
    browser.to_provider()
    answered = browser.http.get("/login/done?error=access_denied&error_description=<script>no</script>")
    assert answered.status_code == 403
    assert "<script>" not in answered.text


def test_where_people_log_in_links_are_plain_and_tokens_open_nothing(
    browser: Browser, given: BotSettings, door: Door, links: Links, announcer: Announcer
) -> None:
    assert links.to("slack:U1")("/reports/1") == f"{given.public_url}/reports/1"
    assert links.posted()("/reports/1") == f"{given.public_url}/reports/1"
    token = (links_of(door, given.public_url, None).to("terminal:x")("/reports/1") or "").partition("?")[2]
    assert httpx.get(f"{browser.web}/reports/1?{token}", trust_env=False).status_code == 403


def test_nothing_of_a_login_is_written_down(
    browser: Browser, there: Provider, capfd: pytest.CaptureFixture[str]
) -> None:
    browser.log_in("ada")
    there.hand = by_another_key
    Browser(browser.web).log_in("ada")
    written = "".join(capfd.readouterr())
    for secret in (CLIENT_SECRET, SECRET, there.answers[0]["id_token"], there.answers[0]["access_token"]):
        assert secret not in written


@pytest.mark.parametrize(
    "path",
    ["//evil.example/", "//evil.example/reports/1", "/\\evil.example", "/reports/1?next=//evil.example"],
)
def test_a_login_leads_to_no_other_site_whatever_was_asked_for(browser: Browser, path: str) -> None:
    browser.http.get(f"{browser.web}{path}")
    location = str(browser.http.get(browser.back(browser.to_provider_at_once(), "ada")).headers["location"])
    assert urlsplit(location).netloc in ("", urlsplit(browser.web).netloc)
    assert not location.startswith(("//", "/\\"))


def test_a_state_is_good_once_and_only_in_the_browser_it_was_made_for(browser: Browser) -> None:
    first = browser.back(browser.to_provider(), "ada")
    assert httpx.get(first, trust_env=False).status_code == 403  # a browser without its cookie
    assert browser.http.get(first).status_code == 303
    again = browser.back(browser.to_provider_at_once(), "ada")
    state = parse_qs(urlsplit(first).query)["state"][0]
    code = parse_qs(urlsplit(again).query)["code"][0]
    mixed = f"/login/done?code={code}&state={state}"  # a fresh code with the state that was used up
    assert browser.http.get(mixed).status_code == 403
