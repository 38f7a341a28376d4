"""Where people log in, addresses are plain, and a link that was written before opens nothing."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bot.pages.links import LASTS, Links
from domain.errors import NotAllowed

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
OURS = "https://ops.example"


def links(*, login: bool) -> Links:
    return Links(bytes(32), OURS, login=login, now=lambda: NOON)


def test_where_people_log_in_an_address_holds_no_token_and_does_not_expire() -> None:
    plain, written = links(login=True), links(login=False)
    assert plain.to("slack:U1")("/reports/142") == plain.posted()("/reports/142") == f"{OURS}/reports/142"
    assert "link=" in str(written.to("slack:U1")("/reports/142"))
    assert written.posted()("/reports/142") is None
    assert (plain.expires_at(), written.expires_at()) == (None, NOON + LASTS)


def test_a_link_from_before_people_logged_in_opens_nothing_now() -> None:
    address = links(login=False).to("slack:U1")("/reports/142")
    token = str(address).partition("link=")[2]
    assert links(login=False).open(token, "/reports/142").person == "slack:U1"
    with pytest.raises(NotAllowed, match="opens another page"):
        links(login=True).open(token, "/reports/142")
