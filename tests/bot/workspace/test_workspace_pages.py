"""The page: who may use it, what it is told while open, and what survives a restart."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from slack_sdk import WebClient

from bot.workspace import Workspace, WorkspaceSettings, settings_from_environment
from bot.workspace.pages import STATIC
from tests.bot.workspace.driver import Driver


def test_the_page_and_all_it_loads_are_served_from_here(workspace: Workspace) -> None:
    page = httpx.get(workspace.url + "/")
    assert page.status_code == 200
    assert "http" not in page.text.replace('charset="utf-8"', "")
    for file in STATIC.iterdir():
        assert httpx.get(f"{workspace.url}/static/{file.name}").status_code == 200
    assert "default-src 'self'" in page.headers["Content-Security-Policy"]


def test_a_page_sees_what_its_person_sees(workspace: Workspace, client: WebClient, driver: Driver) -> None:
    client.chat_postMessage(channel="C-data", text="for all")
    client.chat_postMessage(channel="U-lead", text="for the lead")

    def texts(user: str) -> list[str]:
        body = httpx.get(workspace.url + "/everything", params={"user": user}).json()
        return [message["text"] for message in body["messages"]]

    assert "for all" in texts("U-ml")
    assert texts("U-lead") == ["for all", "for the lead"]
    assert httpx.get(workspace.url + "/everything", params={"user": "U-none"}).status_code == 404


def test_an_open_page_is_told_of_each_change(workspace: Workspace, client: WebClient) -> None:
    with httpx.stream("GET", workspace.url + "/live", timeout=60) as stream:
        lines = stream.iter_lines()
        assert next(lines) == ": hello"
        client.chat_postMessage(channel="C-data", text="news")
        change = json.loads(next(line for line in lines if line.startswith("data: "))[6:])
    assert (change["kind"], change["message"]["text"]) == ("message", "news")


@pytest.mark.parametrize("path", ["/", "/everything", "/live", "/control/state", "/static/main.js"])
def test_another_host_name_is_refused(workspace: Workspace, path: str) -> None:
    assert httpx.get(workspace.url + path, headers={"Host": "evil.example"}).status_code == 400


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_what_another_page_can_send_without_asking_does_nothing(
    workspace: Workspace, driver: Driver, kind: str
) -> None:
    body = json.dumps({"user": "U-ml", "channel": "C-data", "text": "x"})
    sent = httpx.post(workspace.url + "/control/say", content=body, headers={"Content-Type": kind})
    assert sent.status_code == 415
    asked = {"Origin": "http://evil.example", "Access-Control-Request-Method": "POST"}
    preflight = httpx.options(workspace.url + "/control/say", headers=asked)
    assert "access-control-allow-origin" not in preflight.headers
    assert driver.messages("C-data") == []


@pytest.mark.parametrize(
    ("what", "body"),
    [
        ("say", {"user": "U-bot", "channel": "C-data", "text": "x"}),
        ("say", {"user": "U-ml", "channel": "C-none", "text": "x"}),
        ("say", {"user": "U-ml", "channel": "C-data"}),
        ("press", {"user": "U-ml", "channel": "C-data", "ts": "1.0", "action_id": "a"}),
        ("submit", {"user": "U-ml"}),
        ("faults", {"colour": "red"}),
        ("fly", {}),
    ],
)
def test_what_cannot_be_done_is_said_in_words(workspace: Workspace, what: str, body: dict[str, Any]) -> None:
    answer = httpx.post(f"{workspace.url}/control/{what}", json=body)
    assert answer.status_code == 400
    assert answer.json()["error"]


def test_a_restart_keeps_messages_homes_and_files(tmp_path: Path) -> None:
    settings = WorkspaceSettings(port=0, data_folder=tmp_path / "workspace")
    home = {"type": "home", "blocks": [{"type": "divider"}]}
    with Workspace(settings) as first:
        client = WebClient(token="xoxb-local", base_url=first.api_url)
        client.chat_postMessage(channel="C-data", text="one")
        client.views_publish(user_id="U-ml", view=home)
        file = client.files_upload_v2(filename="a.png", content=b"abc")["files"][0]["id"]
    with Workspace(settings) as second:
        client = WebClient(token="xoxb-local", base_url=second.api_url)
        client.chat_postMessage(channel="C-data", text="two")
        messages = client.conversations_history(channel="C-data")["messages"]
        assert [m["text"] for m in messages] == ["two", "one"]
        assert httpx.get(f"{second.url}/files/{file}").content == b"abc"
        driver = Driver(second.url)
        assert "U-ml" in driver.state()["homes"]
        driver.close()


@contextmanager
def listener() -> Iterator[tuple[str, list[str]]]:
    calls: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            calls.append(f"{self.path} {body.decode()}")
            self.send_response(503 if len(calls) == 1 else 204)  # it is still starting
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Quiet: a test says what it saw."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/begin", calls
    server.shutdown()
    server.server_close()


def test_the_first_view_of_the_page_is_reported_once_even_after_a_restart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.workspace.pages.FIRST_VIEW_PAUSE_SECONDS", 0.01)
    with listener() as (url, calls):
        settings = WorkspaceSettings(port=0, data_folder=tmp_path, on_first_view_url=url)
        for _ in range(2):
            with Workspace(settings) as workspace:
                driver = Driver(workspace.url)
                httpx.get(workspace.url + "/")
                httpx.get(workspace.url + "/")
                driver.wait(lambda: len(calls) == 2, "call of the first-view address")
                driver.close()
        assert calls == ['/begin {"on":true}'] * 2
        with Workspace(replace(settings, first_view="something else")) as workspace:
            driver = Driver(workspace.url)
            httpx.get(workspace.url + "/")
            driver.wait(lambda: len(calls) == 3, "call for what begins now")
            driver.close()


def test_settings_are_read_from_the_environment_and_misspellings_are_refused() -> None:
    given = {
        "WORKSPACE_PORT": "0",
        "WORKSPACE_DATA_FOLDER": "",
        "WORKSPACE_SCOPES": "chat:write",
        "PATH": "/",
    }
    read = settings_from_environment(given)
    assert (read.port, read.scopes, read.data_folder) == (0, "chat:write", None)
    with pytest.raises(ValueError, match="WORKSPACE_PROT: Unexpected"):
        settings_from_environment({"WORKSPACE_PROT": "1"})
    with pytest.raises(ValueError, match=r"WORKSPACE_PORT: .* valid integer"):
        settings_from_environment({"WORKSPACE_PORT": "web"})


def test_the_command_says_where_it_is_and_stops_when_told() -> None:
    environment = {**os.environ, "WORKSPACE_PORT": "0"}
    process = subprocess.Popen(
        [sys.executable, "-m", "bot.workspace"], env=environment, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        url = process.stdout.readline().split()[-1]
        assert httpx.get(url).status_code == 200
    finally:
        process.terminate()
        process.communicate(timeout=600)


def test_the_command_says_which_port_is_taken(workspace: Workspace) -> None:
    environment = {**os.environ, "WORKSPACE_PORT": workspace.url.rpartition(":")[2]}
    ended = subprocess.run(
        [sys.executable, "-m", "bot.workspace"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert ended.returncode == 1
    assert "cannot be used" in ended.stderr
