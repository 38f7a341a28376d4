"""
A local, Slack-like workspace: to try the bot in without a Slack account, and what its tests talk to.

    from bot.workspace import Workspace, WorkspaceSettings

    with Workspace(WorkspaceSettings(port=0)) as workspace:
        client = AsyncWebClient(base_url=workspace.api_url, token="xoxb-local")
"""

from bot.workspace.app import create_app
from bot.workspace.server import Workspace
from bot.workspace.settings import WorkspaceSettings, settings_from_environment

__all__ = ["Workspace", "WorkspaceSettings", "create_app", "settings_from_environment"]
