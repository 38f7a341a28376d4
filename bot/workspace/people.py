"""Who is in the workspace when it starts, and where they talk: roles, not real people."""

from __future__ import annotations

from typing import Any

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
    "S-oncall": ("oncall", "On call", ["U-oncall"]),
    "S-ml": ("ml", "ML engineers", ["U-ml", "U-oncall"]),
    "S-leads": ("leads", "Leads", ["U-lead"]),
    "S-content": ("content", "Content team", ["U-content"]),
}
CHANNELS = {
    "C-recsysops": ("recsysops", "Incidents of the recommender"),
    "C-content": ("content", "Launches, catalogue, languages"),
    "C-data": ("data", "Feeds and tables"),
}


def users() -> dict[str, dict[str, Any]]:
    """The people and the app's own user, in the shape of `users.info`."""
    people = {
        user_id: _user(user_id, name, real_name, title, emoji)
        for user_id, (name, real_name, title, emoji) in ROLES.items()
    }
    return {**people, BOT_USER: {**_user(BOT_USER, BOT_NAME, BOT_NAME, "App", "🛟"), "is_bot": True}}


def _user(user_id: str, name: str, real_name: str, title: str, emoji: str) -> dict[str, Any]:
    return {
        "id": user_id,
        "team_id": TEAM_ID,
        "name": name,
        "real_name": real_name,
        "deleted": False,
        "is_bot": False,
        "is_admin": user_id == "U-lead",
        "tz": "Etc/UTC",
        "tz_label": "UTC",
        "tz_offset": 0,
        "profile": {
            "real_name": real_name,
            "display_name": real_name,
            "title": title,
            "email": f"{name}@example.com",
            "avatar_emoji": emoji,
        },
    }


def groups() -> dict[str, dict[str, Any]]:
    """User groups, in the shape of `usergroups.list`."""
    return {
        group_id: group(group_id, handle, name, members)
        for group_id, (handle, name, members) in GROUPS.items()
    }


def group(group_id: str, handle: str, name: str, members: list[str]) -> dict[str, Any]:
    return {
        "id": group_id,
        "team_id": TEAM_ID,
        "is_usergroup": True,
        "handle": handle,
        "name": name,
        "users": list(members),
        "user_count": len(members),
        "date_delete": 0,
    }


def channels() -> dict[str, dict[str, Any]]:
    """Public channels, and for each person one direct conversation with the app."""
    public = {
        channel_id: {
            "id": channel_id,
            "name": name,
            "is_channel": True,
            "is_im": False,
            "is_private": False,
            "is_member": True,
            "is_archived": False,
            "num_members": len(ROLES) + 1,
            "topic": {"value": topic},
            "purpose": {"value": topic},
        }
        for channel_id, (name, topic) in CHANNELS.items()
    }
    direct = {
        direct_id(user): {
            "id": direct_id(user),
            "is_channel": False,
            "is_im": True,
            "user": user,
            "is_open": True,
        }
        for user in ROLES
    }
    return {**public, **direct}


def direct_id(user: str) -> str:
    """The channel in which a person and the app talk alone."""
    return "D" + user.removeprefix("U")
