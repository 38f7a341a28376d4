"""A real MLflow tracking server with a registry, from its wheel."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.bot.conftest import held_port
from tests.workers.process.test_processes import kill

STARTS_SECONDS = 300.0
"""It imports much, and the machine may be busy."""


class Registry:
    """The server's registry, asked as another client would."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._client = httpx.Client(base_url=f"{url}/api/2.0/mlflow", trust_env=False, timeout=60)

    def register(self, model: str, versions: int, alias: str = "champion") -> None:
        """A model with so many versions, the newest of which the alias names."""
        self._post("registered-models/create", name=model)
        for version in range(1, versions + 1):
            self._post("model-versions/create", name=model, source=f"s3://models/{version}")
        self.move(model, alias, str(versions))

    def move(self, model: str, alias: str, version: str) -> None:
        """As somebody would by hand."""
        self._post("registered-models/alias", name=model, alias=alias, version=version)

    def tag(self, model: str, key: str, value: str) -> None:
        """As somebody would by hand."""
        self._post("registered-models/set-tag", name=model, key=key, value=value)

    def alias(self, model: str, alias: str = "champion") -> str:
        """The version that the alias names."""
        asked = {"name": model, "alias": alias}
        answer = self._client.get("registered-models/alias", params=asked).raise_for_status()
        return str(answer.json()["model_version"]["version"])

    def holder(self, model: str) -> str:
        """The hotfix that is noted at the model as what moved it."""
        answer = self._client.get("registered-models/get", params={"name": model}).raise_for_status()
        (move,) = [json.loads(tag["value"]) for tag in answer.json()["registered_model"]["tags"]]
        return str(move["key"])

    def _post(self, path: str, **document: str) -> None:
        self._client.post(path, json=document).raise_for_status()


@contextmanager
def running(folder: Path) -> Iterator[Registry]:
    """The server while the block lasts, its store in the folder."""
    with held_port() as port:
        url = f"http://127.0.0.1:{port}"
        command = ["-m", "mlflow", "server", "--backend-store-uri", f"sqlite:///{folder}/registry.db"]
        command += ["--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
        environment = {
            **os.environ,
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
            "MLFLOW_DISABLE_TELEMETRY": "true",
        }
        with (folder / "server.log").open("wb") as said:
            server = subprocess.Popen(
                [sys.executable, *command],
                cwd=folder,
                env=environment,
                stdout=said,
                stderr=said,
                start_new_session=True,
            )
            try:
                _wait(server, url, folder / "server.log")
                yield Registry(url)
            finally:
                kill(server)


def _wait(server: subprocess.Popen[bytes], url: str, said: Path) -> None:
    until = time.monotonic() + STARTS_SECONDS
    while time.monotonic() < until and server.poll() is None:
        try:
            if httpx.get(f"{url}/health", trust_env=False).status_code == 200:
                return
        except httpx.HTTPError:
            time.sleep(0.2)
    raise AssertionError(f"MLflow did not start: {said.read_text(errors='replace')[-4000:]}")
