"""
A local, Slack-like workspace: for trying the bot without a Slack account, and as the Slack of its tests.

    from bot.workspace import Workspace, WorkspaceSettings

    with Workspace(WorkspaceSettings(port=0)) as workspace:
        client = AsyncWebClient(base_url=workspace.api_url, token="xoxb-local")
"""

from bot.workspace.app import create_app
from bot.workspace.server import Workspace
from bot.workspace.settings import WorkspaceSettings, settings_from_environment

__all__ = ["Workspace", "WorkspaceSettings", "create_app", "settings_from_environment"]
