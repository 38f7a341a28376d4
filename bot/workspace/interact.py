"""What a person does, one function per action: the payload Slack would send, and what follows the answer."""

from __future__ import annotations

from html import escape
from typing import Any

from bot.workspace import form, people
from bot.workspace.deliver import TIMEOUT, Answer, deliver
from bot.workspace.messages import thread_of
from bot.workspace.render import message_json, view_json
from bot.workspace.state import CannotBeDone, Message, View
from bot.workspace.world import World

Json = dict[str, Any]


async def command(world: World, user: str, channel: str, name: str, text: str) -> Answer:
    """Sends a slash command."""
    payload = {
        "team_id": people.TEAM_ID,
        "channel_id": channel,
        "user_id": user,
        "command": name,
        "text": text,
        "api_app_id": people.APP_ID,
        **_ways_back(world, user, channel),
    }
    answer = await deliver(world, "command", payload)
    if answer.error:
        world.live.tell("notice", user=user, text=f"{name} failed with the error “{answer.error}”.")
    return answer


async def press(
    world: World, user: str, message: Message, action_id: str, block_id: str, value: Any, shown: str | None
) -> Answer:
    """
    A click on a button, or on an entry of a menu.

    Args:
        shown: the `edited.ts` of the message as the person saw it, empty if it had not been edited, since an
            edit may cross with a click; None: as it is now.

    Raises:
        CannotBeDone: there is no such action, or no such entry.
    """
    blocks = _blocks_shown(message, shown)
    block, element = _find(blocks, action_id, block_id)
    action = {"action_id": action_id, "block_id": block["block_id"], **form.entered(element, value)}
    payload = {
        **_about(world, "block_actions", user),
        **_ways_back(world, user, message.channel),
        "container": {"type": "message", "message_ts": message.ts, "channel_id": message.channel},
        "channel": {"id": message.channel},
        "message": message_json(world.state, message, metadata=True),
        "actions": [action],
    }
    answer = await deliver(world, "block_actions", payload)
    if answer.error:
        world.live.tell("notice", user=user, text=_trouble(answer))
    return answer


def _blocks_shown(message: Message, edited_ts: str | None) -> list[Json]:
    if edited_ts is None or edited_ts == (message.edited_ts or ""):
        return message.blocks or []
    begun = ["", *(version["until_ts"] for version in message.versions)]
    if edited_ts not in begun:
        raise CannotBeDone(f"The message was never edited at {edited_ts}.")
    return message.versions[begun.index(edited_ts)]["blocks"] or []


def _find(blocks: list[Json], action_id: str, block_id: str) -> tuple[Json, Json]:
    for block, element in form.elements(blocks):
        if element["action_id"] == action_id and block_id in {"", block["block_id"]}:
            return block, element
    known = ", ".join(element["action_id"] for _, element in form.elements(blocks)) or "none"
    raise CannotBeDone(f"There is no action {action_id!r} here. Actions here: {known}.")


def _about(world: World, kind: str, user: str) -> Json:
    return {
        "type": kind,
        "user": {"id": user, "name": world.state.users[user]["name"], "team_id": people.TEAM_ID},
        "api_app_id": people.APP_ID,
        "team": {"id": people.TEAM_ID},
        "trigger_id": world.state.new_trigger(user),
    }


def _ways_back(world: World, user: str, channel: str) -> Json:
    key = world.state.new_response_url(user, channel)
    return {"response_url": f"{world.url}/respond/{key}", "trigger_id": world.state.new_trigger(user)}


async def submit(world: World, user: str, view: View, values: Json) -> Answer:
    """
    Submits a modal filled in with `values` ({block id: {action id: value}}, or {block id: value}). What the
    form itself would reject is not delivered (`error` is then `form_errors`).

    Raises:
        CannotBeDone: there is no such field, or an option is not offered.
    """
    _fill(view, values)
    view.errors = form.rejected(view.body["blocks"], view.values)
    if view.errors:
        world.show_modal(user)
        return Answer(answer={"response_action": "errors", "errors": view.errors}, error="form_errors")
    payload = {**_about(world, "view_submission", user), "view": view_json(view)}
    answer = await deliver(world, "view_submission", payload)
    view.errors = {"": _trouble(answer)} if answer.error else dict(answer.answer.get("errors") or {})
    if not view.errors and world.state.modals.get(user) is view:
        del world.state.modals[user]
    world.show_modal(user)
    return answer


def _fill(view: View, values: Json) -> None:
    fields = {block["block_id"]: element for block, element in form.elements(view.body["blocks"])}
    for block_id, given in values.items():
        if block_id not in fields:
            raise CannotBeDone(f"The view has no field {block_id!r}.")
        element = fields[block_id]
        typed = given[element["action_id"]] if isinstance(given, dict) else given
        view.values[block_id] = {element["action_id"]: form.entered(element, typed)}


def say(world: World, user: str, channel: str, text: str, thread_ts: str | None) -> None:
    """A person writes something, for others to read: the app listens to commands and presses alone."""
    thread = thread_of(world, channel, thread_ts)
    world.show(Message(channel, world.state.next_ts(), user, escape(text, quote=False), thread_ts=thread))


def _trouble(answer: Answer) -> str:
    why = f"this app responded with status code {answer.status}"
    if answer.status is None:
        why = "the app did not answer in time" if answer.error == TIMEOUT else "the app is not listening"
    return f"We had some trouble connecting: {why} ({answer.error}). Try again?"
