"""
A press in Slack → a person's command. What matters is written down before Slack is answered.

Nothing here remembers anything between two presses: over Socket Mode each may come to another process.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import structlog
from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot import actions, commands
from bot.audit import said_in
from bot.groups import Groups
from bot.messages import audit, modals
from bot.messages.blocks import escape, section
from bot.messages.card import card, headline
from bot.messages.home import home
from bot.messages.item import blocks as item_blocks
from bot.messages.miss import blocks as miss_blocks
from bot.messages.miss import lowest, slice_asked
from bot.messages.status import line, status
from bot.messages.value import parse
from bot.permission import authorise
from domain.errors import ConfigurationError, Refused
from domain.incident import commands as c
from domain.incident.state import Incident
from domain.values import Actor
from workers.door import Door

Body = Mapping[str, Any]
ANYTHING = re.compile(".*")
UNRESOLVED = ("open", "acknowledged")
BROKEN = "This could not be written down, so nothing has happened. Try again in a moment."
ITEM_SECONDS, ITEM_PAUSE_SECONDS = 600.0, 0.5  # a response_url is good for half an hour
DONE_BEFORE = "Nothing to do: that had been done already."

_log = structlog.get_logger(__name__)


class Listeners:
    """What the bot does when Slack calls."""

    def __init__(self, door: Door, groups: Groups, public_url: str) -> None:
        self._door = door
        self._groups = groups
        self._public_url = public_url

    def register(self, app: AsyncApp) -> None:
        """Hang them all on a Bolt app."""
        app.action(ANYTHING)(self.pressed)
        app.view(ANYTHING)(self.submitted)
        app.command("/recsysops")(self.commanded)
        app.event("app_home_opened")(self.home_opened)

    async def pressed(
        self, ack: AsyncAck, body: Body, action: Body, respond: AsyncRespond, client: AsyncWebClient
    ) -> None:
        """A button, or an entry of the More menu."""
        name, value = str(action["action_id"]), str(action.get("value", ""))
        if name == "more":
            name, value = actions.split_more(str(action["selected_option"]["value"]))

        async def act() -> str | None:
            if name == "report":
                return None
            if actions.press_of(name).modal:
                await self._open_modal(body, name, value, client, ack)
                return None
            return await self._do(body, name, value, {})

        said = await _answered(act)
        await ack()
        if said:
            await respond(said, response_type="ephemeral", replace_original=False)

    async def submitted(self, ack: AsyncAck, body: Body, view: Body) -> None:
        """A modal was filled in: everything is authorised again, since time has passed."""
        fields = actions.fields_of(view["state"]["values"])

        async def act() -> str | None:
            if view["callback_id"] == "declare":
                return await self._declare(body, fields)
            return await self._do(body, str(view["callback_id"]), str(view["private_metadata"]), fields)

        said = await _answered(act)
        if said and said != DONE_BEFORE:
            await ack(response_action="errors", errors={next(iter(fields)): said[:2000]})
        else:
            await ack()

    async def commanded(
        self, ack: AsyncAck, body: Body, respond: AsyncRespond, client: AsyncWebClient
    ) -> None:
        """`/recsysops …`"""
        answer: dict[str, Any] = {}

        async def act() -> str | None:
            asked = commands.read(str(body.get("text", "")))
            if asked.word == "declare":
                await self._actor(body, "respond")
                await ack()
                await client.views_open(
                    trigger_id=body["trigger_id"], view=modals.declare(asked.rest, body["channel_id"])
                )
                return None
            if asked.word == "item":
                await ack()
                await self._item(body, asked.rest, respond)
                return None
            if asked.word == "audit":
                answer.update(await self._audit(body, asked.rest, ack))
            else:
                answer.update(await self._shown(asked))
            return None

        said = await _answered(act)
        await ack()
        if said:
            answer = {"text": said}
        if answer:
            await respond(**answer, response_type="ephemeral")

    async def _item(self, body: Body, item: str, respond: AsyncRespond) -> None:
        """A worker looks; the person hears at once that it does, and the answer as soon as it is there."""
        if not item:
            raise Refused("Which item? Write its key or its title, for instance `/recsysops item tt0104454`.")
        question = _key(body)
        if not await asyncio.to_thread(self._door.ask_item, item, question):
            raise Refused("The workers cannot be reached just now. Try again in a minute.")
        await respond(f"Looking at {escape(item)} …", response_type="ephemeral")
        until = time.monotonic() + ITEM_SECONDS
        while (found := await asyncio.to_thread(self._door.answer, question)) is None:
            if time.monotonic() > until:
                raise Refused(f"{escape(item)}: no answer yet; the workers are busy. Ask again in a while.")
            await asyncio.sleep(ITEM_PAUSE_SECONDS)
        if isinstance(found, str):
            raise Refused(escape(found))
        drawn = item_blocks(found, self._public_url)
        await respond(found.headline, blocks=drawn, response_type="ephemeral", replace_original=False)

    async def _audit(self, body: Body, rest: str, ack: AsyncAck) -> dict[str, Any]:
        """The score, after what somebody says here that they vouch for is written down."""
        if (said := said_in(rest)) is not None:
            actor = await self._actor(body, "approve")
            await asyncio.to_thread(self._door.attest, said, actor, _key(body))
        await ack()  # it goes through half a year of incidents
        try:
            found = await asyncio.to_thread(self._door.audit)
        except ConfigurationError as error:
            raise Refused(escape(str(error).partition("\n")[0])) from error
        return {"text": audit.headline(found), "blocks": audit.blocks(found, self._public_url)}

    async def home_opened(self, event: Body, client: AsyncWebClient) -> None:
        """The App Home is drawn each time somebody looks."""
        if event.get("tab", "home") != "home":
            return
        incidents = await asyncio.to_thread(self._door.incidents)
        await client.views_publish(user_id=event["user"], view=home(incidents, self._public_url))

    async def _shown(self, asked: commands.Asked) -> dict[str, Any]:
        if asked.word == "help":
            return {"text": commands.help_text()}
        if asked.word == "status":
            found = await asyncio.to_thread(self._door.incidents, UNRESOLVED)
            return {"text": f"{len(found)} open", "blocks": status(found, self._public_url)}
        if asked.word == "misses":
            wanted = slice_asked(filter(None, asked.rest.split(",")))
            misses = lowest(await asyncio.to_thread(self._door.kept_misses), wanted)
            return {"text": f"{len(misses)} low-ranked choices", "blocks": miss_blocks(misses)}
        incident = await self._incident(commands.number_in(asked.rest))
        if asked.word == "report":
            shown = [section(f"{line(incident, self._public_url)}\n{self._report_link(incident)}")]
            return {"text": headline(incident), "blocks": shown}
        return {"text": headline(incident), "blocks": card(incident, self._public_url)}

    def _report_link(self, incident: Incident) -> str:
        address = f"{self._public_url}/reports/{incident.number}"
        return f"<{address}|The whole report>, or <{address}.md|as Markdown>"

    async def _do(self, body: Body, name: str, value: str, fields: actions.Fields) -> str | None:
        actor = await self._actor(body, actions.press_of(name).needs)
        target, command = actions.command_of(name, value, fields, datetime.now(UTC))
        return await self._submit(body, target.stream, command, actor)

    async def _declare(self, body: Body, fields: actions.Fields) -> str | None:
        actor = await self._actor(body, "respond")
        return await self._submit(body, None, actions.declare(fields), actor)

    async def _submit(self, body: Body, stream: str | None, command: c.Command, actor: Actor) -> str | None:
        answer = await asyncio.to_thread(self._door.submit, stream, command, actor, _key(body))
        return None if answer.events else DONE_BEFORE

    async def _open_modal(
        self, body: Body, name: str, value: str, client: AsyncWebClient, ack: AsyncAck
    ) -> None:
        press = actions.press_of(name)
        await self._actor(body, press.needs)
        incident = await self._incident(parse(value).stream, whole=True)
        await ack()
        if press.modal:
            await client.views_open(trigger_id=body["trigger_id"], view=press.modal(incident, value))

    async def _incident(self, stream_or_number: str, *, whole: bool = False) -> Incident:
        found = await asyncio.to_thread(self._door.incident, stream_or_number, whole=whole)
        if found is None:
            raise Refused(
                f"There is no incident {stream_or_number}. `/recsysops status` lists those that are open."
            )
        return found

    async def _actor(self, body: Body, needs: actions.Need) -> Actor:
        user = body["user"]["id"] if isinstance(body.get("user"), Mapping) else str(body["user_id"])
        groups, fresh = self._groups.of(user)
        permissions = await asyncio.to_thread(self._door.permissions)
        return authorise(user, groups, needs, permissions, fresh=fresh)


async def _answered(act: Callable[[], Awaitable[str | None]]) -> str | None:
    """What the person is told, None where the message itself will show it."""
    try:
        return await act()
    except Refused as refusal:
        return str(refusal)
    except SlackApiError as error:
        _log.warning("slack_refused", error=str(error))
        return f"Slack did not open the form ({error.response['error']}). Press again."
    except Exception:  # noqa: BLE001 - whatever it was, the person has to hear that nothing happened
        _log.exception("press_failed")
        return BROKEN


def _key(body: Body) -> str:
    """The idempotency key of a request that Slack may deliver twice."""
    team = (body.get("team") or {}).get("id") or body.get("team_id") or "team"
    return f"{team}:{body['trigger_id']}"
