"""`auth.test`, `users.*`, `usergroups.*` and `apps.connections.open`: who is who, and who may connect."""

from __future__ import annotations

from typing import Any

from bot.workspace import people
from bot.workspace.errors import Refusal
from bot.workspace.methods.checks import Arguments, flag
from bot.workspace.world import World


def auth_test(world: World, args: Arguments) -> dict[str, Any]:
    return {
        "url": f"http://{world.address}/",
        "team": people.TEAM_NAME,
        "user": people.BOT_NAME,
        "team_id": people.TEAM_ID,
        "user_id": people.BOT_USER,
        "bot_id": people.BOT_ID,
        "is_enterprise_install": False,
    }


def user_info(world: World, args: Arguments) -> dict[str, Any]:
    user = world.state.users.get(str(args.get("user")))
    if user is None:
        raise Refusal("user_not_found")
    return {"user": user}


def users_list(world: World, args: Arguments) -> dict[str, Any]:
    members = list(world.state.users.values())
    return {"members": members, "response_metadata": {"next_cursor": ""}}


def groups_list(world: World, args: Arguments) -> dict[str, Any]:
    groups = world.state.groups.values()
    hidden = set() if flag(args, "include_users") else {"users"}
    return {"usergroups": [{k: v for k, v in group.items() if k not in hidden} for group in groups]}


def group_users(world: World, args: Arguments) -> dict[str, Any]:
    group = world.state.groups.get(str(args.get("usergroup")))
    if group is None:
        raise Refusal("no_such_subteam")
    return {"users": group["users"]}


def open_connection(world: World, args: Arguments) -> dict[str, Any]:
    ticket = world.sockets.new_ticket()
    return {"url": f"ws://{world.address}/link/?ticket={ticket}&app_id={people.APP_ID}"}
