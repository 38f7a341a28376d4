"""The pages beside Slack's address."""

from __future__ import annotations

import re
from datetime import timedelta

import structlog
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from bot.directory import Directory
from bot.messages import audit, listing, report
from bot.pages.numbers import numbers
from domain.errors import ConfigurationError
from domain.incident.events import Recorded
from domain.incident.state import Incident
from workers.door import Door

DIGEST = re.compile(r"[A-Za-z0-9_-]{1,128}")
FOR_EVER = {"Cache-Control": "public, max-age=31536000, immutable"}
SAFE = {
    "Content-Security-Policy": "default-src 'none'; img-src 'self' data:; style-src 'unsafe-inline'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
_log = structlog.get_logger(__name__)


class Pages:
    """Each page is drawn from the log when it is asked for."""

    def __init__(self, door: Door, directory: Directory) -> None:
        self._door = door
        self._directory = directory

    def routes(self) -> list[Route]:
        """All of them."""
        return [
            Route("/", self.index),
            Route("/audit", self.audit),
            Route("/reports/{number:int}.md", self.show_markdown),
            Route("/reports/{number:int}", self.show_report),
            Route("/pictures/{digest}.png", self.picture),
            Route("/health", self.health),
            Route("/metrics", self.metrics),
        ]

    async def index(self, request: Request) -> Response:
        try:
            asked = listing.Asked.model_validate(dict(request.query_params))
        except ValidationError as error:
            return PlainTextResponse(listing.wrong(error), 400, SAFE)
        found, lately = await run_in_threadpool(self._listed, asked)
        names = await self._directory.of({one.assignee for one in found if one.assignee})
        return HTMLResponse(listing.html(found, asked, lately, names), headers=SAFE)

    async def audit(self, request: Request) -> Response:
        try:
            found = await run_in_threadpool(self._door.audit)
        except ConfigurationError as error:
            return HTMLResponse(audit.undeclared_html(str(error)), 503, SAFE)
        names = await self._directory.of(audit.people(found))
        return HTMLResponse(audit.html(found, names), headers=SAFE)

    async def show_report(self, request: Request) -> Response:
        told = await self._told(request)
        if told is None:
            return HTMLResponse(report.missing_html(request.path_params["number"]), 404, SAFE)
        return HTMLResponse(await run_in_threadpool(report.html, told), headers=SAFE)

    async def show_markdown(self, request: Request) -> Response:
        told = await self._told(request)
        if told is None:
            return PlainTextResponse(f"There is no incident #{request.path_params['number']}.\n", 404, SAFE)
        text = await run_in_threadpool(report.markdown, told)
        return PlainTextResponse(text, headers=SAFE, media_type="text/markdown")

    async def picture(self, request: Request) -> Response:
        digest = request.path_params["digest"]
        found = await run_in_threadpool(self._door.picture, digest) if DIGEST.fullmatch(digest) else None
        if found is None:
            return PlainTextResponse("There is no such picture.\n", 404, SAFE)
        return Response(found, headers={**SAFE, **FOR_EVER}, media_type="image/png")

    async def health(self, request: Request) -> Response:
        try:
            await run_in_threadpool(self._door.healthy)
        except Exception as error:  # noqa: BLE001 - a health page answers, whatever is broken
            _log.warning("not_healthy", error=str(error))
            return JSONResponse({"healthy": False, "store": "does not answer"}, 503)
        return JSONResponse({"healthy": True})

    async def metrics(self, request: Request) -> Response:
        incidents = await run_in_threadpool(self._door.incidents)
        followers = await run_in_threadpool(self._door.followers)
        owed = await run_in_threadpool(self._door.owed)
        return PlainTextResponse(numbers(incidents, followers, owed), media_type="text/plain; version=0.0.4")

    def _listed(self, asked: listing.Asked) -> tuple[list[Incident], list[Incident]]:
        severities = [one.value for one in asked.severity]
        found = self._door.page(asked.status, severities, asked.below, listing.PAGE_INCIDENTS)
        return found, self._door.lately(timedelta(days=listing.MEANS_DAYS))

    async def _told(self, request: Request) -> report.Told | None:
        found = await run_in_threadpool(self._found, str(request.path_params["number"]))
        if found is None:
            return None
        incident, recorded = found
        names = await self._directory.of(report.people(incident, recorded))
        digest = incident.diagnosis.picture if incident.diagnosis else None
        return report.tell(incident, recorded, f"/pictures/{digest}.png" if digest else None, names)

    def _found(self, number: str) -> tuple[Incident, list[Recorded]] | None:
        incident = self._door.incident(number)
        return None if incident is None else (incident, self._door.events(incident.stream))
