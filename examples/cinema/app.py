"""The cinema over HTTP."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from .faults import UnknownFault, now
from .hotfixes import Hotfixes
from .live import Live
from .members import DEVICES, REGIONS
from .page import Shelf, render
from .prelaunch import Stage
from .traffic import pick

SAMPLE_CLUSTERS = (16, 5, 25)  # one taste in France, one in North America, one in Central Europe
LARGEST_SHELF = 50
LARGEST_BODY = 1_000_000
LARGEST_SEED = 1 << 31


class Cinema:
    """The handlers of the routes."""

    def __init__(self, live: Live, hotfixes: Hotfixes) -> None:
        self.live, self.hotfixes = live, hotfixes

    async def page(self, request: Request) -> Response:
        """`GET /`: shelves of three members, faults, overrides."""
        return HTMLResponse(await run_in_threadpool(self._render))

    def _render(self) -> str:
        stage, audience = self.live.serving.stage(now()), self.live.serving.audience
        shelves = []
        for turn, cluster in enumerate(SAMPLE_CLUSTERS):
            member = int(audience.first_member[cluster])
            region = REGIONS[audience.region[cluster]].name.replace("_", " ")
            films = [
                _facts(stage, film) for film, _ in _recommend(stage, cluster * len(DEVICES), 10, seed=turn)
            ]
            shelves.append(Shelf(f"Member {audience.member_ids[member]}", f"{region}, television", films))
        return render(shelves, self._status())

    async def recommend(self, request: Request) -> Response:
        """`GET /recommend?member_id=…&k=10&device=tv`."""
        audience = self.live.serving.audience
        member, device = (
            request.query_params.get("member_id", ""),
            request.query_params.get("device", DEVICES[0]),
        )
        place = int(member[1:]) if member[:1] == "m" and member[1:].isdecimal() else -1
        text = request.query_params.get("k", "10")
        k = int(text) if text.isdecimal() else 0
        if not 0 <= place < len(audience.member_ids):
            return _refuse(404, f"no member {member!r}: m00000 to {audience.member_ids[-1]}")
        if device not in DEVICES or not 1 <= k <= LARGEST_SHELF:
            return _refuse(400, f"device is one of {', '.join(DEVICES)}; k is 1 to {LARGEST_SHELF}")
        stage = await run_in_threadpool(self.live.serving.stage, now())
        rail = int(audience.member_cluster[place]) * len(DEVICES) + DEVICES.index(device)
        names = ("title", "genre", "country", "language")
        ids = stage.catalogue.ids
        items = [
            {"item_id": ids[film], **dict(zip(names, _facts(stage, film), strict=True)), "score": score}
            for film, score in _recommend(stage, rail, k)
        ]
        return JSONResponse({"member_id": member, "items": items})

    async def faults(self, request: Request) -> Response:
        """`GET /faults`."""
        return JSONResponse({"faults": self.live.serving.faults.listed()})

    async def switch(self, request: Request) -> Response:
        """`POST /faults/{name}` with `{"on": true}`; a `seed` draws another place and size."""
        body = await _read_json(request)
        seed = body.get("seed") if isinstance(body, dict) else None
        known = seed is None or (type(seed) is int and 0 <= seed < LARGEST_SEED)
        if not isinstance(body, dict) or not isinstance(body.get("on"), bool) or not known:
            return _refuse(400, 'expected application/json like {"on": true}, or {"on": true, "seed": 7}')
        name = request.path_params["name"]
        try:
            changed = await run_in_threadpool(self.live.switch_fault, name, body["on"], now(), seed)
        except UnknownFault as error:
            return _refuse(404, str(error))
        except ValueError as error:
            return _refuse(409, str(error))
        return JSONResponse({"name": name, "on": body["on"], "changed": changed})

    async def train(self, request: Request) -> Response:
        """`POST /train`: runs the nightly training now."""
        if await _read_json(request) is None:
            return _refuse(400, "expected application/json like {}")
        return JSONResponse({"detail": await run_in_threadpool(self.live.train, now())})

    async def hook(self, request: Request) -> Response:
        """`POST /hooks/recsysops`: a signed call."""
        if int(request.headers.get("content-length") or 0) > LARGEST_BODY:
            return _refuse(413, "the body is too long")
        body = await request.body()
        status, answer = await run_in_threadpool(self.hotfixes.receiver.receive, dict(request.headers), body)
        return JSONResponse(answer, status)

    async def status(self, request: Request) -> Response:
        """`GET /status`."""
        return JSONResponse(await run_in_threadpool(self._status))

    def _status(self) -> dict[str, Any]:
        serving, at = self.live.serving, now()
        current = serving.overrides.current(at)
        return {
            "films": int(serving.stage(at).catalogue.launched(at).sum()),
            "requests_per_second": self.live.settings.requests_per_second,
            "model_trained_at": serving.ranker.trained_at.isoformat(),
            "faults": serving.faults.listed(),
            "overrides": [
                {"id": o.id, "kind": o.kind, "items": len(o.items), "expires_at": o.expires_at.isoformat()}
                for o in current
            ],
            "overrides_problem": serving.overrides.problem,
            "hotfixes": sorted(self.hotfixes.active),
            "requests_logged": self.live.requests.written,
            "requests_not_logged": self.live.requests.dropped,
        }


def build_app(live: Live, hotfixes: Hotfixes, *, generate: bool = True) -> Starlette:
    """The ASGI application; `generate` also runs the traffic."""
    cinema, stop = Cinema(live, hotfixes), threading.Event()

    @contextlib.asynccontextmanager
    async def run(app: Starlette) -> AsyncIterator[None]:
        thread = threading.Thread(target=live.run, args=(stop, hotfixes.expire), name="cinema")
        if generate:
            thread.start()
        yield
        stop.set()
        if generate:
            await run_in_threadpool(thread.join)

    routes = [
        Route("/", cinema.page),
        Route("/recommend", cinema.recommend),
        Route("/faults", cinema.faults),
        Route("/faults/{name}", cinema.switch, methods=["POST"]),
        Route("/train", cinema.train, methods=["POST"]),
        Route("/hooks/recsysops", cinema.hook, methods=["POST"]),
        Route("/status", cinema.status),
    ]
    return Starlette(routes=routes, lifespan=run)


def _recommend(stage: Stage, rail: int, k: int, seed: int | None = None) -> list[tuple[int, float]]:
    """Films (places) for one request with their scores; with a seed the exploration is the same each time."""
    shown = pick(
        np.random.default_rng(seed), stage.rails, np.array([rail]), min(k, stage.rails.films.shape[1] - 1)
    )[0]
    odds = stage.rails.log_odds[rail, shown]
    films = stage.rails.films[rail, shown]
    scores = 1 / (1 + np.exp(-odds))
    return [(int(film), round(float(score), 4)) for film, score in zip(films, scores, strict=True)]


def _facts(stage: Stage, film: int) -> tuple[str, str, str, str | None]:
    frame, language = stage.catalogue.frame, stage.catalogue.codes["language"][film]
    title, genre, country = (str(frame[name].iat[film]) for name in ("title", "genre", "country"))
    return title, genre, country, stage.catalogue.vocabulary["language"][language] if language >= 0 else None


async def _read_json(request: Request) -> Any:
    """The JSON body; None if it is not sent as JSON, which another site's page cannot do unasked."""
    if request.headers.get("content-type", "").split(";")[0].strip() != "application/json":
        return None
    try:
        return await request.json()
    except ValueError:
        return None


def _refuse(status: int, detail: str) -> JSONResponse:
    return JSONResponse({"detail": detail}, status)
