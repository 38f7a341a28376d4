"""`views.*`: modals and Homes, opened with a trigger that lives three seconds and works once."""

from __future__ import annotations

from typing import Any

from bot.workspace.act.fields import kept_values
from bot.workspace.block_kit import limits, validate
from bot.workspace.errors import Refusal, refuse_shapes
from bot.workspace.methods.checks import Arguments, unseen_pictures
from bot.workspace.render import view_json, with_ids
from bot.workspace.state import Trigger, View
from bot.workspace.world import World


def open_view(world: World, args: Arguments) -> dict[str, Any]:
    body = wanted_view(world, args, "modal")
    trigger = _exchange(world, args)
    for view in world.state.stack_of(trigger.user):
        del world.state.views[view.id]
    return _shown(put_on_top(world, trigger.user, body))


def push(world: World, args: Arguments) -> dict[str, Any]:
    body = wanted_view(world, args, "modal")
    trigger = _exchange(world, args)
    if trigger.view not in world.state.views:
        raise Refusal("not_found")
    if len(world.state.stack_of(trigger.user)) >= limits.VIEW_STACK_MAX:
        raise Refusal("push_limit_reached")
    return _shown(put_on_top(world, trigger.user, body))


def update(world: World, args: Arguments) -> dict[str, Any]:
    view_id, external_id = args.get("view_id"), args.get("external_id")
    views = [*world.state.views.values(), *world.state.homes.values()]
    found = [
        v for v in views if v.id == view_id or (external_id and v.body.get("external_id") == external_id)
    ]
    if not found:
        raise Refusal("not_found")
    view = found[0]
    _check_hash(args, view)
    change(world, view, wanted_view(world, args, view.body["type"], itself=view))
    return _shown(view)


def publish(world: World, args: Arguments) -> dict[str, Any]:
    user = args.get("user_id")
    if not world.is_person(user):
        raise Refusal("user_not_found")
    view = world.state.homes.get(str(user))
    body = wanted_view(world, args, "home", itself=view)
    if view is None:
        new_id = world.state.next_id("V")
        view = View(new_id, str(user), {}, "", new_id)
    else:
        _check_hash(args, view)
    change(world, view, body)
    return _shown(view)


def put_on_top(world: World, user: str, body: dict[str, Any]) -> View:
    """Opens a modal on top of those that the person has open."""
    below = world.state.stack_of(user)
    new_id = world.state.next_id("V")
    root = below[0].stack if below else new_id
    view = View(new_id, user, {}, "", root, previous=below[-1].id if below else None)
    world.state.views[new_id] = view
    change(world, view, body)
    return view


def change(world: World, view: View, body: dict[str, Any]) -> None:
    """Replaces a view's content; what the person has typed into remaining fields is kept."""
    view.body = {**body, "blocks": with_ids(body["blocks"], view.id)}
    view.hash = f"{int(world.state.now())}.{world.state.next_id('').lower()}"
    view.values = kept_values(view.body["blocks"], view.values)
    view.errors = {}
    if view.body["type"] == "home":
        world.show_home(view)
    else:
        world.show_views(view.user)


def wanted_view(world: World, args: Arguments, kind: str, itself: View | None = None) -> dict[str, Any]:
    """
    The view that the app sent, checked.

    Raises:
        Refusal: `view_too_large`, `invalid_arguments` with every problem's place, `duplicate_external_id`.
    """
    body = args.get("view")
    if not isinstance(body, dict):
        raise refuse_shapes("invalid_arguments", ["must be an object [json-pointer:/view]"])
    if validate.view_bytes(body) > limits.VIEW_BYTES_MAX:
        raise Refusal("view_too_large")
    problems = validate.problems_of_view(body) + unseen_pictures(world, body.get("blocks"), "/view/blocks")
    if not problems and body["type"] != kind:
        problems = [f"must be a {kind} view [json-pointer:/view/type]"]
    if problems:
        raise refuse_shapes("invalid_arguments", problems)
    external = body.get("external_id")
    others = [*world.state.views.values(), *world.state.homes.values()]
    if external and any(v is not itself and v.body.get("external_id") == external for v in others):
        raise Refusal("duplicate_external_id")
    return body


def _exchange(world: World, args: Arguments) -> Trigger:
    trigger = world.state.triggers.get(str(args.get("trigger_id")))
    if trigger is None:
        raise Refusal("invalid_trigger_id")
    if trigger.used:
        raise Refusal("exchanged_trigger_id")
    if world.state.now() > trigger.until:
        raise Refusal("expired_trigger_id")
    trigger.used = True
    return trigger


def _check_hash(args: Arguments, view: View) -> None:
    if args.get("hash") and args["hash"] != view.hash:
        raise Refusal("hash_conflict")


def _shown(view: View) -> dict[str, Any]:
    return {"view": view_json(view)}
