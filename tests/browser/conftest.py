"""Everything up as a newcomer has it, and a headless browser on the address that was printed."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, sync_playwright

from tests.browser.steps import Installation

ROOT = Path(__file__).resolve().parents[2]
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]
START_SECONDS = 300


def free_port() -> int:
    """A loopback port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def everything(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installation]:
    """
    An installation for one test file: its `FAULT` is switched on as the page is first viewed; its `CINEMA`
    says what is unusual about the cinema, its `OPTIONS` are those of `recsysops up`.
    """
    fault = getattr(request.module, "FAULT", "language")
    var = tmp_path_factory.mktemp("var")
    for folder in (var, *var.parents[:2]):
        folder.chmod(0o755)  # PostgreSQL does not run as root, and has to reach its folder
    environment = {
        **{k: v for k, v in os.environ.items() if not k.endswith(("DATABASE_URL", "REDIS_URL"))},
        "RECSYSOPS_VAR": str(var),
        **getattr(request.module, "CINEMA", {}),
    }
    ports = [str(free_port()) for _ in range(3)]
    recsysops = [str(Path(sys.executable).with_name("recsysops"))]
    more = getattr(request.module, "OPTIONS", ())
    names = ("--port", "--workspace-port", "--cinema-port")
    options = [word for pair in zip(names, ports, strict=True) for word in pair]
    process = subprocess.Popen(
        [*recsysops, "up", "--example", "cinema", "--fault", fault, *options, *more],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield Installation(_address(process), environment, f"http://127.0.0.1:{ports[2]}")
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def _address(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    began = time.monotonic()
    while time.monotonic() - began < START_SECONDS:
        line = process.stdout.readline().strip()
        if line.startswith("http://127.0.0.1:"):
            return line
        assert process.poll() is None, "`recsysops up` ended before it printed its address"
    raise AssertionError("no address was printed")


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    """A headless page of the system's Chromium."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    assert found, f"none of {', '.join(BROWSERS)} is installed; with Debian: apt-get install chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=QUIET)
        yield browser.new_context(viewport={"width": 1280, "height": 1100}).new_page()
        browser.close()
