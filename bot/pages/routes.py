"""The pages served next to Slack's endpoint."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from datetime import timedelta

import structlog
from pydantic import ValidationError
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from bot.directory import Directory
from bot.messages import listing, report
from bot.messages.practice import audit, replayed, scorecard
from bot.pages.links import PARAMETER
from bot.pages.login import DONE, Login, Unreachable
from bot.pages.visitor import NotLoggedIn, Visit, Visitors
from domain.errors import ConfigurationError, NotAllowed
from domain.incident.events import Recorded
from domain.incident.state import Incident
from domain.incident.times import MeanTimes
from domain.replayed import ChangeSince
from workers.door import Door

DIGEST = re.compile(r"[A-Za-z0-9_-]{1,128}")
A_WHILE = {"Cache-Control": "private, max-age=86400, immutable"}
NUMBER = re.compile(r"[0-9]{1,18}")
BY_LINK = "Press Report on the incident's message in Slack, or run `recsysops link` in a terminal."
Page = Callable[[Request, Visit], Awaitable[Response]]
_log = structlog.get_logger(__name__)


class Pages:
    """Each page is drawn from the log when requested, for somebody who may see it."""

    def __init__(
        self,
        door: Door,
        directory: Directory,
        visitors: Visitors,
        login: Login | None = None,
    ) -> None:
        self._door = door
        self._directory = directory
        self._visitors = visitors
        self._login = login

    def routes(self) -> list[Route]:
        """The routes for people, who reached this host by one of its names."""
        shown: dict[str, Page] = {
            "/": self.index,
            "/audit": self.audit,
            "/replay": self.replay,
            "/scorecard": self.scorecard,
            "/reports/{number}.md": self.show_markdown,
            "/reports/{number}": self.show_report,
            "/pictures/{digest}.png": self.picture,
        }
        routes = [Route(path, self._for_visitors(page)) for path, page in shown.items()]
        if self._login is None:
            return routes
        return [
            *routes,
            Route("/login", self.log_in),
            Route(DONE, self.logged_in),
            Route("/logout", self.log_out, methods=["POST"]),
        ]

    def _for_visitors(self, page: Page) -> Callable[[Request], Awaitable[Response]]:
        async def shown(request: Request) -> Response:
            try:
                return await page(request, await self._visitors.who(request))
            except NotLoggedIn as error:
                if self._login is None:
                    return _closed("Who is there?", str(error), BY_LINK, 401)
                # One of our own paths, since one of our routes has matched it: it leads nowhere else.
                request.session["next"] = f"{request.url.path}?{request.url.query}".rstrip("?")
                return RedirectResponse("/login", 303)
            except NotAllowed as error:
                return _closed("You may not see this page", str(error), BY_LINK, 403)
            except SQLAlchemyError as error:
                _log.warning("page_not_drawn", error=type(error).__name__)
                return _closed(
                    "Not available at the moment", "The store does not answer.", "Try again in a minute.", 503
                )

        return shown

    async def log_in(self, request: Request) -> Response:
        if self._login is None:
            return PlainTextResponse("Login is not set up here.\n", 404)
        try:
            return await self._login.begin(request)
        except Unreachable as error:
            return _closed("Login is not available at the moment", str(error), "", 503)

    async def logged_in(self, request: Request) -> Response:
        if self._login is None:
            return PlainTextResponse("Login is not set up here.\n", 404)
        onward = str(request.session.get("next", "/"))
        try:
            await self._login.end(request)
        except NotAllowed as error:
            return _closed("Not logged in", str(error), "Open the page again to log in.", 403)
        except Unreachable as error:
            return _closed("Login is not available at the moment", str(error), "", 503)
        return RedirectResponse(onward, 303)

    async def log_out(self, request: Request) -> Response:
        if self._login is not None:
            await self._login.forget(request)
        return _closed(
            "Logged out", "You are logged out in this browser.", "Open a page to log in again.", 200
        )

    async def index(self, request: Request, visit: Visit) -> Response:
        given = {name: value for name, value in request.query_params.items() if name != PARAMETER}
        try:
            asked = listing.IncidentQuery.model_validate(given)
        except ValidationError as error:
            return PlainTextResponse(listing.wrong(error), 400)
        found, means = await run_in_threadpool(self._listed, asked)
        names = await run_in_threadpool(self._directory.of, {one.assignee for one in found if one.assignee})
        return HTMLResponse(listing.html(found, asked, means, visit.link, names, logged_in=visit.logged_in))

    async def audit(self, request: Request, visit: Visit) -> Response:
        try:
            found = await run_in_threadpool(self._door.audit)
        except ConfigurationError as error:
            return HTMLResponse(audit.undeclared_html(str(error), visit.link), 503)
        names = await run_in_threadpool(self._directory.of, audit.people(found))
        return HTMLResponse(audit.html(found, names, visit.link))

    async def replay(self, request: Request, visit: Visit) -> Response:
        found = await run_in_threadpool(self._door.replayed)
        return HTMLResponse(replayed.html(found, visit.link))

    async def scorecard(self, request: Request, visit: Visit) -> Response:
        kept = await run_in_threadpool(self._door.kept_scorecard)
        if kept is None:
            return _closed("No scorecard yet", *scorecard.NONE_YET, 200)
        card, picture = kept
        return HTMLResponse(
            scorecard.html(card, visit.link(f"/pictures/{picture}.png") if picture else None, visit.link)
        )

    async def show_report(self, request: Request, visit: Visit) -> Response:
        content = await self._content(request, visit)
        if content is None:
            return HTMLResponse(report.missing_html(request.path_params["number"], visit.link), 404)
        return HTMLResponse(await run_in_threadpool(report.html, content))

    async def show_markdown(self, request: Request, visit: Visit) -> Response:
        content = await self._content(request, visit)
        if content is None:
            return PlainTextResponse(f"There is no incident #{request.path_params['number']}.\n", 404)
        text = await run_in_threadpool(report.markdown, content)
        return PlainTextResponse(text, media_type="text/markdown")

    async def picture(self, request: Request, visit: Visit) -> Response:
        digest = request.path_params["digest"]
        found = await run_in_threadpool(self._door.picture, digest) if DIGEST.fullmatch(digest) else None
        if found is None:
            return PlainTextResponse("There is no such picture.\n", 404)
        return Response(found, headers=A_WHILE, media_type="image/png")

    def _listed(self, asked: listing.IncidentQuery) -> tuple[list[Incident], MeanTimes]:
        severities = [one.value for one in asked.severity]
        found = self._door.page(asked.status, severities, asked.below, listing.PAGE_INCIDENTS)
        return found, self._door.mean_times(timedelta(days=listing.MEANS_DAYS))

    async def _content(self, request: Request, visit: Visit) -> report.ReportContent | None:
        found = await run_in_threadpool(self._found, request.path_params["number"])
        if found is None:
            return None
        incident, recorded, since = found
        names = await run_in_threadpool(self._directory.of, report.people(incident, recorded))
        picture = visit.link(f"/pictures/{incident.picture}.png") if incident.picture else None
        return report.compose(incident, recorded, picture, names, visit.link, since)

    def _found(self, number: str) -> tuple[Incident, list[Recorded], ChangeSince | None] | None:
        incident = self._door.incident(number) if NUMBER.fullmatch(number) else None
        if incident is None:
            return None
        return incident, self._door.events(incident.stream), self._door.change_since(incident)


def _closed(title: str, why: str, way: str, status: int) -> Response:
    return HTMLResponse(report.closed_html(title, why, way), status)
