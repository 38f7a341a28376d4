"""What a person does, one function per action: the payload Slack would send, and what follows the answer."""

from __future__ import annotations

from typing import Any

from bot.workspace import people
from bot.workspace.act import fields
from bot.workspace.delivery.deliver import TIMEOUT, Answer, deliver
from bot.workspace.errors import Refusal
from bot.workspace.methods import views
from bot.workspace.methods.respond import say, url_of
from bot.workspace.render import message_json, view_json
from bot.workspace.state import Message, View
from bot.workspace.world import World

Json = dict[str, Any]


class NotThere(LookupError):
    """What the person wanted to act on is not there (any more)."""


async def command(world: World, user: str, channel: str, name: str, text: str) -> Answer:
    """Sends a slash command; the app's answer is shown to the person, or to everyone if it says so."""
    key = world.state.new_response_url(user, channel, None)
    payload = {
        "token": "not-used",
        "team_id": people.TEAM_ID,
        "team_domain": "local",
        "channel_id": channel,
        "channel_name": world.state.channels[channel].get("name", "directmessage"),
        "user_id": user,
        "user_name": world.state.users[user]["name"],
        "command": name,
        "text": text,
        "api_app_id": people.APP_ID,
        "is_enterprise_install": "false",
        "response_url": url_of(world, key),
        "trigger_id": world.state.new_trigger(user),
    }
    answer = await deliver(world, "command", payload)
    if answer.error:
        world.notice(user, f"{name} failed with the error “{answer.error}”.")
    elif answer.body.get("text") or answer.body.get("blocks"):
        try:
            say(world, world.state.response_urls[key], answer.body)
        except Refusal as refusal:
            answer.error = refusal.code
            world.notice(user, f"{name} answered what cannot be shown ({refusal.code}).")
    return answer


async def press(
    world: World,
    user: str,
    place: Message | View,
    action_id: str,
    block_id: str,
    value: Any,
    shown: str | None = None,
) -> Answer:
    """
    A click or a choice in a message, a modal or a Home.

    Args:
        shown: the `edited.ts` of the message as the person saw it, empty if it had not been edited, since an
            edit may cross with a click; None: as it is now.

    Raises:
        NotThere: there is no such action at that place.
        fields.BadValue: an option that is not offered.
    """
    blocks = _blocks_shown(place, shown) if isinstance(place, Message) else place.body["blocks"]
    block, element = _find(blocks, action_id, block_id)
    entry = fields.entered(element, value)
    if element["type"] not in fields.KEEPS_NOTHING:
        place.values.setdefault(block["block_id"], {})[element["action_id"]] = entry
    action = {"action_id": element["action_id"], "block_id": block["block_id"], **entry}
    action["action_ts"] = f"{world.state.now():.6f}"
    if "text" in element:
        action["text"] = element["text"]
    payload = {**_about(world, "block_actions", user, place), "actions": [action]}
    if isinstance(place, Message):
        payload |= _message_place(world, user, place)
    else:
        payload |= {"view": view_json(place), "container": {"type": "view", "view_id": place.id}}
    answer = await deliver(world, "block_actions", payload)
    if answer.error:
        world.notice(user, _trouble(answer))
    return answer


def _blocks_shown(message: Message, edited_ts: str | None) -> list[Json]:
    if edited_ts is None or edited_ts == (message.edited_ts or ""):
        return message.blocks or []
    begun = ["", *(version["until_ts"] for version in message.versions)]
    if edited_ts not in begun:
        raise NotThere(f"The message was never edited at {edited_ts}.")
    return message.versions[begun.index(edited_ts)]["blocks"] or []


def _find(blocks: list[Json], action_id: str, block_id: str) -> tuple[Json, Json]:
    for block, element in fields.elements(blocks):
        if element["action_id"] == action_id and block_id in {"", block["block_id"]}:
            return block, element
    known = ", ".join(element["action_id"] for _, element in fields.elements(blocks)) or "none"
    raise NotThere(f"There is no action {action_id!r} here. Actions here: {known}.")


def _about(world: World, kind: str, user: str, place: Message | View) -> Json:
    person = world.state.users[user]
    view_id = place.id if isinstance(place, View) else None
    return {
        "type": kind,
        "user": {"id": user, "username": person["name"], "name": person["name"], "team_id": people.TEAM_ID},
        "api_app_id": people.APP_ID,
        "token": "not-used",
        "team": {"id": people.TEAM_ID, "domain": "local"},
        "enterprise": None,
        "is_enterprise_install": False,
        "trigger_id": world.state.new_trigger(user, view_id),
    }


def _message_place(world: World, user: str, message: Message) -> Json:
    key = world.state.new_response_url(user, message.channel, message.ts)
    container: Json = {
        "type": "message",
        "message_ts": message.ts,
        "channel_id": message.channel,
        "is_ephemeral": message.only_for is not None,
    }
    if message.thread_ts:
        container["thread_ts"] = message.thread_ts
    name = world.state.channels[message.channel].get("name", "directmessage")
    place: Json = {
        "container": container,
        "channel": {"id": message.channel, "name": name},
        "state": {"values": fields.kept_values(message.blocks or [], message.values)},
        "response_url": url_of(world, key),
    }
    if message.only_for is None:
        place["message"] = message_json(world.state, message, metadata=True)
    return place


async def submit(world: World, user: str, view: View, values: Json) -> Answer:
    """
    Submits a modal. What the form itself would reject is not delivered (`error` is then `form_errors`);
    the app's `response_action` is obeyed.
    """
    fill(view, values)
    view.errors = fields.missing(view.body["blocks"], view.values)
    if view.errors:
        world.show_views(user)
        return Answer(0.0, body={"response_action": "errors", "errors": view.errors}, error="form_errors")
    payload = {**_about(world, "view_submission", user, view), "view": view_json(view), "response_urls": []}
    answer = await deliver(world, "view_submission", payload)
    if answer.error:
        view.errors = {"": _trouble(answer)}
    else:
        try:
            _obey(world, view, answer.body)
        except Refusal as refusal:
            answer.error = refusal.code
            view.errors = {"": f"The app answered with a view that cannot be shown ({refusal.code})."}
    world.show_views(user)
    return answer


def fill(view: View, values: Json) -> None:
    """
    Types `values` ({block id: {action id: value}}, or {block id: value}) into a modal.

    Raises:
        NotThere: there is no such field.
        fields.BadValue: an option that is not offered.
    """
    for block_id, given in values.items():
        inside = [e for block, e in fields.elements(view.body["blocks"]) if block["block_id"] == block_id]
        if not inside:
            raise NotThere(f"The view has no field {block_id!r}.")
        typed = given if isinstance(given, dict) else {inside[0]["action_id"]: given}
        for action_id, value in typed.items():
            _, element = _find(view.body["blocks"], action_id, block_id)
            view.values.setdefault(block_id, {})[action_id] = fields.entered(element, value)


def _obey(world: World, view: View, answer: Json) -> None:
    match answer.get("response_action"):
        case "errors":
            view.errors = dict(answer.get("errors") or {})
        case "update":
            views.change(world, view, views.wanted_view(world, answer, "modal", itself=view))
        case "push":
            views.put_on_top(world, view.user, views.wanted_view(world, answer, "modal"))
        case "clear":
            for open_view in world.state.stack_of(view.user):
                del world.state.views[open_view.id]
        case _:
            world.state.views.pop(view.id, None)


async def close(world: World, user: str, view: View, *, all_of_them: bool) -> Answer:
    """Closes a modal, or the whole stack, and tells the app if the view asked for it."""
    clears = all_of_them or bool(view.body.get("clear_on_close"))
    closing = world.state.stack_of(user) if clears else [view]
    for closed in closing:
        world.state.views.pop(closed.id, None)
    world.show_views(user)
    answer = Answer(0.0, 200)
    for closed in closing:
        if closed.body.get("notify_on_close"):
            payload = {**_about(world, "view_closed", user, closed), "view": view_json(closed)}
            answer = await deliver(world, "view_closed", {**payload, "is_cleared": clears})
    return answer


def _trouble(answer: Answer) -> str:
    if answer.error == TIMEOUT:
        return (
            "We had some trouble connecting: the app did not answer in time (operation_timeout). Try again?"
        )
    if answer.status is not None:
        return (
            f"We had some trouble connecting: this app responded with status code {answer.status}. Try again?"
        )
    return "We had some trouble connecting: the app is not listening (dispatch_failed). Try again?"
