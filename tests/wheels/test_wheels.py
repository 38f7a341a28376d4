"""What `make dist` builds, installed as a stranger would: an empty environment, far from the source."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import venv
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_SECONDS = 900
OURS = ("DATABASE_URL", "REDIS_URL", "BROKER_URL", "RECSYSOPS_CONFIG", "PYTHONPATH")


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`recsysops` of an environment that holds nothing but our three wheels and what they ask for."""
    folder = tmp_path_factory.mktemp("wheels")
    sources = [str(ROOT / name) for name in (".", "client", "examples")]
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder / "dist")]
    subprocess.run([*pip, *sources], check=True, timeout=PATIENCE_SECONDS)
    wheels = [str(one) for one in sorted((folder / "dist").glob("*.whl"))]
    assert len(wheels) == 3
    venv.create(folder / "environment", with_pip=True)
    install = [str(folder / "environment/bin/pip"), "install", "--quiet", *wheels]
    subprocess.run(install, check=True, timeout=PATIENCE_SECONDS, cwd=folder)
    return folder / "environment/bin/recsysops"


@pytest.fixture
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    var = tmp_path_factory.mktemp("var")
    for folder in (var, *var.parents[:2]):
        folder.chmod(0o755)  # PostgreSQL does not run as root, and has to reach its folder
    around = {name: value for name, value in os.environ.items() if not name.endswith(OURS)}
    return {**around, "RECSYSOPS_VAR": str(var)}


def free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


@pytest.fixture
def address(program: Path, environment: dict[str, str], tmp_path: Path) -> Iterator[str]:
    """The one that `recsysops demo` prints, in an empty folder."""
    names = ("--port", "--workspace-port", "--cinema-port")
    options = [word for name in names for word in (name, free_port())]
    process = subprocess.Popen(
        [program, "demo", *options], cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    printed = (line.strip() for line in process.stdout)
    try:
        yield next(line for line in printed if line.startswith("http://127.0.0.1:"))
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def test_from_the_wheels_alone_the_demo_comes_to_its_first_incident(
    program: Path, environment: dict[str, str], address: str, tmp_path: Path
) -> None:
    assert httpx.get(address, follow_redirects=True).is_success  # whoever looks begins the story
    status, until = [str(program), "status", "--json"], time.monotonic() + PATIENCE_SECONDS
    while True:
        asked = subprocess.run(
            status, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True, timeout=120
        )
        if found := json.loads(asked.stdout)["incidents"]:
            break
        assert time.monotonic() < until, "the demo came to no incident"
        time.sleep(2)
    assert found[0]["status"] == "open"
    assert "country = France" in found[0]["title"]  # whichever of impressions and candidates showed it first
