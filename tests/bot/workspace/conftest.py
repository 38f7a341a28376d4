"""A workspace and its driver for each test that asks for them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from slack_sdk import WebClient

from bot.workspace import Workspace, WorkspaceSettings
from tests.bot.workspace.driver import Driver


@pytest.fixture
def workspace() -> Iterator[Workspace]:
    with Workspace(WorkspaceSettings(port=0)) as running:
        yield running


@pytest.fixture
def driver(workspace: Workspace) -> Iterator[Driver]:
    driver = Driver(workspace.url)
    yield driver
    driver.close()


@pytest.fixture
def client(workspace: Workspace) -> WebClient:
    """The app's client, without retries: a test wants to see the first answer."""
    return WebClient(token="xoxb-local", base_url=workspace.api_url, retry_handlers=[])
