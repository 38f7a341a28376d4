"""Who is in the workspace when it starts, and where they talk: roles, not real people."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

TEAM_ID = "T-local"
TEAM_NAME = "Local workspace"
APP_ID = "A-recsysops"
BOT_USER = "U-bot"
BOT_ID = "B-bot"
BOT_NAME = "recsysops"

ROLES = {
    "U-oncall": ("oncall", "On call", "Recommendations on-call", "🧯"),
    "U-ml": ("ml", "ML engineer", "Ranking", "🧪"),
    "U-lead": ("lead", "Lead", "Personalisation", "🧭"),
    "U-content": ("content", "Content team", "Launches and catalogue", "🎬"),
}
GROUPS = {
    "S-oncall": ("oncall", ["U-oncall"]),
    "S-ml": ("ml", ["U-ml", "U-oncall"]),
    "S-leads": ("leads", ["U-lead"]),
    "S-content": ("content", ["U-content"]),
}
CHANNELS = {
    "C-recsysops": ("recsysops", "Incidents of the recommender"),
    "C-content": ("content", "Launches, catalogue, languages"),
    "C-data": ("data", "Feeds and tables"),
}


def users() -> dict[str, Json]:
    """The people and the app's own user, in the shape of `users.info`."""
    everyone = {**ROLES, BOT_USER: (BOT_NAME, BOT_NAME, "App", "🛟")}
    return {
        user_id: {
            "id": user_id,
            "team_id": TEAM_ID,
            "name": name,
            "real_name": real_name,
            "is_bot": user_id == BOT_USER,
            "profile": {"real_name": real_name, "title": title, "avatar_emoji": emoji},
        }
        for user_id, (name, real_name, title, emoji) in everyone.items()
    }


def groups() -> dict[str, Json]:
    """User groups, in the shape of `usergroups.list`."""
    return {
        group_id: {"id": group_id, "handle": handle, "users": members}
        for group_id, (handle, members) in GROUPS.items()
    }


def channels() -> dict[str, Json]:
    """Public channels, and for each person one direct conversation with the app."""
    public = {
        channel_id: {
            "id": channel_id,
            "name": name,
            "is_im": False,
            "is_member": True,
            "is_archived": False,
            "topic": {"value": topic},
        }
        for channel_id, (name, topic) in CHANNELS.items()
    }
    direct = {direct_id(user): {"id": direct_id(user), "is_im": True, "user": user} for user in ROLES}
    return {**public, **direct}


def direct_id(user: str) -> str:
    """The channel in which a person and the app talk alone."""
    return "D" + user.removeprefix("U")
