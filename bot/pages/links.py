"""
Links that open a page for one person and expire, for installations where nobody can log in.

A link is the address of a page with a token: for whom, which page, until when, and a MAC (HMAC-SHA256) with a
key that is derived from the installation's own. Nothing is stored: every process that knows the key can
write links and read them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode, urlsplit

from itsdangerous import BadSignature, URLSafeSerializer

from bot.messages.link import Link, nowhere, pages_at
from domain.errors import NotAllowed
from workers.door import Door

PARAMETER = "link"
LASTS = timedelta(hours=8)
"""A shift. A new link is one press away."""

PURPOSE = "page links"
EVERYTHING = "/"
"""The list of incidents: a link to it also opens the pages that it leads to."""


@dataclass(frozen=True)
class Opened:
    """The content of a token: `person` may see `page` (a path) and what belongs to it, until `until`."""

    person: str
    page: str
    until: datetime

    def covers(self, path: str) -> bool:
        """
        Whether it opens this page: the one it was written for, in either form, or all pages.

        >>> report = Opened("slack:U1", "/reports/14", datetime(2026, 3, 1, tzinfo=UTC))
        >>> [report.covers(one) for one in ("/reports/14", "/reports/14.md", "/reports/142", "/")]
        [True, True, False, False]
        """
        return path in (self.page, f"{self.page}.md") or self.page == EVERYTHING


class Links:
    """Writes links, and reads them again."""

    def __init__(
        self,
        key: bytes,
        public_url: str,
        *,
        login: bool = False,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """
        Args:
            key: 32 bytes that only this installation knows.
            login: whether people log in: then addresses are plain, and a token opens no page.
        """
        self._spelled = URLSafeSerializer(
            key,
            salt=PURPOSE,
            signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha256},
        )
        self._plain = pages_at(public_url)
        self._login = login
        self._now = now

    def to(self, person: str) -> Link:
        """Links to the pages for this person (`slack:U123`, `terminal:ada`), who may see them."""
        if self._login:
            return self._plain
        until = self._now() + LASTS
        return lambda path: self._written(Opened(person, urlsplit(path).path, until), path)

    def posted(self) -> Link:
        """For messages that a whole channel reads: links to pages, if these ask who is visiting."""
        return self._plain if self._login else nowhere

    def expires_at(self) -> datetime | None:
        """When a link written now will expire; None if people log in."""
        return None if self._login else self._now() + LASTS

    def carried(self, opened: Opened) -> Link:
        """For an opened page: links to the pages its reader may visit next, with the same expiry."""

        def onward(path: str) -> str | None:
            page = urlsplit(path).path
            if page.startswith("/pictures/"):
                return self._signed(Opened(opened.person, page, opened.until), path)
            return self._signed(opened, path) if opened.covers(page) else None

        return onward

    def open(self, token: str, path: str) -> Opened:
        """
        The content of a token that opens the page at `path`.

        Raises:
            NotAllowed: it is not ours, has expired, or is for another page; worded for the reader.
        """
        try:
            person, page, until = self._spelled.loads(token)
            opened = Opened(str(person), str(page), datetime.fromtimestamp(int(until), UTC))
        except (BadSignature, ValueError, TypeError, OverflowError, OSError):
            raise NotAllowed("This link is not valid, or part of it is missing.") from None
        if self._now() >= opened.until:
            raise NotAllowed(f"This link expired at {opened.until:%d %b %Y %H:%M} UTC.")
        if self._login or not opened.covers(path):
            raise NotAllowed("This link opens another page.")
        return opened

    def _written(self, opened: Opened, path: str) -> str | None:
        return self._plain(self._signed(opened, path))

    def _signed(self, opened: Opened, path: str) -> str:
        token = self._spelled.dumps([opened.person, opened.page, int(opened.until.timestamp())])
        mark = "&" if "?" in path else "?"
        return f"{path}{mark}{urlencode({PARAMETER: token})}"


def links_of(door: Door, public_url: str, login: object) -> Links:
    """
    The links that this installation writes and reads.

    Args:
        login: how people log in; None if links open the pages.

    Raises:
        ConfigurationError: RECSYSOPS_SIGNING_KEY does not name a key.
    """
    return Links(door.key(PURPOSE), public_url, login=login is not None)
