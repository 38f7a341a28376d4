"""
A flag server of its own process: OpenFeature's remote evaluation as `fast-feature` serves it, over
definitions that flagd's evaluation core reads from their file, again for each question.

`python -m tests.workers.deployers.flag_server PORT FILE`
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from fast_feature.core import ErrorCode, EvaluationOutcome, Flag, FlagRepository, Reason
from fast_feature.ofrep import OfrepRouter
from fastapi import FastAPI, Request, Response
from openfeature.contrib.tools.flagd.core import FlagdCore
from openfeature.evaluation_context import EvaluationContext
from openfeature.exception import OpenFeatureError

from tests.bot.conftest import held_port
from tests.workers.process.test_processes import kill

STARTS_SECONDS = 120.0


class Definitions(FlagRepository):
    """The flags of a file, as it is when it is asked."""

    def __init__(self, path: Path) -> None:
        self.path = path

    async def get(self, key: str) -> Flag | None:
        return next((flag for flag in await self.list_all() if flag.key == key), None)

    async def list_all(self) -> list[Flag]:
        flags = json.loads(self.path.read_text())["flags"]
        return [Flag(key, one["variants"], one["defaultVariant"]) for key, one in flags.items()]

    async def create(self, flag: Flag) -> Flag:
        raise NotImplementedError

    update = create

    async def delete(self, key: str) -> None:
        raise NotImplementedError


class Flagd:
    """Evaluates as flagd does; without `metadata` like a server that gives none."""

    def __init__(self, path: Path, metadata: bool) -> None:
        self.path, self.metadata = path, metadata

    def evaluate(self, flag: Flag, context: dict[str, Any] | None = None) -> EvaluationOutcome:
        given = dict(context or {})
        core = FlagdCore()
        core.set_flags(self.path.read_text())
        asked = EvaluationContext(targeting_key=given.pop("targetingKey", None), attributes=given)
        try:
            found = core.resolve_string_value(flag.key, "", asked)
        except OpenFeatureError as error:
            return EvaluationOutcome.error(flag.key, ErrorCode.PARSE_ERROR, str(error))
        metadata: Any = dict(found.flag_metadata) if self.metadata else None
        return EvaluationOutcome(flag.key, Reason(str(found.reason)), found.value, found.variant, metadata)


def main() -> None:
    """Serve until it is killed."""
    port, path = int(sys.argv[1]), Path(sys.argv[2])
    app = FastAPI()
    engine: Any = Flagd(path, "METADATA" not in os.environ)
    app.include_router(OfrepRouter.build(Definitions(path), engine=engine))
    late = float(os.environ.get("LATE_SECONDS", "0"))

    @app.middleware("http")
    async def at_the_door(request: Request, go_on: Any) -> Response:
        wanted = os.environ.get("AUTHORIZATION")
        if wanted is not None and request.headers.get("Authorization") != wanted:
            return Response(status_code=401)
        await asyncio.sleep(late)
        answered: Response = await go_on(request)
        return answered

    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning")


@contextmanager
def running(path: Path, **environment: str) -> Iterator[str]:
    """Its address while the block lasts."""
    with held_port() as port:
        command = [sys.executable, "-m", "tests.workers.deployers.flag_server", str(port), str(path)]
        root = Path(__file__).parents[3]
        around = {**os.environ, "PYTHONPATH": f"{root}:{root / 'client'}", **environment}
        server = subprocess.Popen(command, cwd=root, env=around, start_new_session=True)
        try:
            _wait(server, port)
            yield f"http://127.0.0.1:{port}"
        finally:
            kill(server)


def _wait(server: subprocess.Popen[bytes], port: int) -> None:
    until = time.monotonic() + STARTS_SECONDS
    while time.monotonic() < until and server.poll() is None:
        try:
            httpx.get(f"http://127.0.0.1:{port}/", trust_env=False, timeout=30)
            return
        except httpx.HTTPError:
            time.sleep(0.1)
    raise AssertionError("the flag server did not start")


if __name__ == "__main__":
    main()
