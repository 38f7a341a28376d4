"""One workspace and its driver for each test that asks for them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from slack_sdk import WebClient

from bot.workspace import Workspace, WorkspaceSettings
from bot.workspace.settings import BOT_SCOPES
from tests.bot.workspace.driver import Driver


@pytest.fixture(scope="session")
def running() -> Iterator[tuple[Workspace, Driver]]:
    scopes = (*BOT_SCOPES, "im:write", "reactions:write")
    with Workspace(WorkspaceSettings(port=0, scopes=scopes)) as workspace:
        driver = Driver(workspace.url)
        yield workspace, driver
        driver.close()


@pytest.fixture
def workspace(running: tuple[Workspace, Driver]) -> Workspace:
    """An empty workspace: the running one, made to forget; starting one takes ten times as long."""
    workspace, driver = running
    driver.forget()
    return workspace


@pytest.fixture
def driver(running: tuple[Workspace, Driver], workspace: Workspace) -> Driver:
    return running[1]


@pytest.fixture
def client(workspace: Workspace) -> WebClient:
    """The app's client, without retries: a test wants to see the first answer."""
    return WebClient(token="xoxb-local", base_url=workspace.api_url, retry_handlers=[])
