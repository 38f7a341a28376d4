"""The visitor of a page: somebody logged in, or somebody with a link that was written for them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.requests import Request

from bot.messages.link import Link
from bot.pages.links import PARAMETER, Links
from bot.pages.login import Login
from domain.errors import NotAllowed


@dataclass(frozen=True)
class Visit:
    """
    Somebody who may see the page they asked for.

    Attributes:
        link: the addresses they may follow from there.
        logged_in: they came by a login, and may log out.
    """

    person: str
    link: Link
    logged_in: bool


class NotLoggedIn(NotAllowed):
    """Nobody is logged in yet; if people can log in, they are asked to."""


class Visitors:
    """Tells visitors from strangers."""

    def __init__(self, links: Links, login: Login | None, may_look: Callable[[str], Awaitable[None]]) -> None:
        """
        Args:
            may_look: raises NotAllowed if this person may not look now: a link outlives a membership.
        """
        self._links = links
        self._login = login
        self._may_look = may_look

    async def who(self, request: Request) -> Visit:
        """
        Raises:
            NotLoggedIn: the request does not say who is asking.
            NotAllowed: that person may not see this page; worded for them.
        """
        if self._login is not None and (person := await self._login.who(request)):
            return Visit(person, lambda path: path, logged_in=True)
        token = request.query_params.get(PARAMETER)
        if token is None:
            raise NotLoggedIn("These pages are for people who may respond to incidents.")
        opened = self._links.open(token, request.url.path)
        await self._may_look(opened.person)
        return Visit(opened.person, self._links.carried(opened), logged_in=False)
