"""
Turns a press in Slack into a person's command. What matters is stored before Slack is answered.

Nothing is remembered here between two presses: over Socket Mode each may reach another process.
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
from bot.messages import modals, words
from bot.messages.blocks import SECTION_MAX, Block, cut, escape, section
from bot.messages.blocks import actions as blocks_of_actions
from bot.messages.follow_up import blocks as follow_up_blocks
from bot.messages.follow_up import standings
from bot.messages.home import TO_CLOSE, UNRESOLVED, Shown, closed_home, home, in_all
from bot.messages.in_force import MOST_SHOWN as MOST_LASTING
from bot.messages.in_force import in_force
from bot.messages.incident.card import card, fallback, pictures_of
from bot.messages.incident.menu import deploy_again
from bot.messages.incident.value import parse
from bot.messages.incident.why import why, why_blocks
from bot.messages.inert import Marked
from bot.messages.item import blocks as item_blocks
from bot.messages.link import Link, linked
from bot.messages.miss import blocks as miss_blocks
from bot.messages.miss import lowest, slice_asked
from bot.messages.practice import audit, scorecard
from bot.messages.route import unposted
from bot.messages.status import MOST_SHOWN, line, status
from bot.pages.links import Links
from bot.slack.groups import Groups
from bot.slack.permission import authorise
from bot.slack.pictures import Pictured
from domain.errors import ConfigurationError, Refused, Stale, Unanswered, sanitized
from domain.incident import commands as c
from domain.incident.state import Incident
from domain.inert import clean
from domain.recommender.route import Need
from domain.values import Actor
from workers.door import Door

Body = Mapping[str, Any]
Tell = Callable[[str], Awaitable[None]]
ANYTHING = re.compile(".*")
BROKEN = "This could not be written down, so nothing has happened. Try again in a moment."
LONG = ("item", "misses")
"""Answered by a worker: it takes longer than Slack waits, and needs scientific libraries."""
LOOK_SECONDS, LOOK_PAUSE_SECONDS = 600.0, 0.5  # a response_url is valid for half an hour
LOOK_UP_SECONDS, LOOK_UP_PAUSE_SECONDS = 1500.0, 1.0
LOOKED_UP = (
    "The store did not answer, so it is not known yet whether this was done. It is being looked up, and you "
    "will be told here; please do not press again before."
)
DONE = Marked("It is known now: what you pressed before the store stopped answering *was done*, once.")
NOT_DONE = Marked(
    "It is known now: what you pressed before the store stopped answering was *not done*. Press again if you "
    "still want it."
)
NEVER_KNOWN = (
    "The store has not come back, so it is still not known whether what you pressed was done. Look at the "
    "incident's message once it is back, before you press again."
)
DONE_BEFORE = "Nothing to do: that had been done already."

_log = structlog.get_logger(__name__)


class Listeners:
    """What the bot does when Slack calls."""

    def __init__(self, door: Door, groups: Groups, links: Links) -> None:
        self._door = door
        self._groups = groups
        self._links = links
        self._looking = set[asyncio.Task[None]]()

    def register(self, app: AsyncApp) -> None:
        """Register all of them with a Bolt app."""
        app.action(ANYTHING)(self.pressed)
        app.view(ANYTHING)(self.submitted)
        app.command("/recsysops")(self.commanded)
        app.event("app_home_opened")(self.home_opened)

    async def pressed(
        self, ack: AsyncAck, body: Body, action: Body, respond: AsyncRespond, client: AsyncWebClient
    ) -> None:
        """Handle a button, or an entry of the More menu."""
        chosen = action.get("selected_option") or action
        name, value = str(action["action_id"]), str(chosen.get("value", ""))
        if name == "more":
            name, value = actions.split_more(value)

        async def act() -> str | None:
            if name == "report":
                return await self._report(body, value)
            if actions.press_of(name).modal:
                await self._open_modal(body, name, value, client, ack)
                return None
            try:
                return await self._do(body, name, value, {})
            except Stale:
                again.extend(await self._again(name, value))
                raise

        async def tell(said: str) -> None:
            text = cut(words.answered(said), SECTION_MAX)
            drawn = [section(text), blocks_of_actions(again)] if again else None
            await respond(text, blocks=drawn, response_type="ephemeral", replace_original=False)

        again: list[Block] = []
        said = await self._answered(act, tell, _asked(body, name, value))
        await ack()
        if said:
            await tell(said)

    async def submitted(self, ack: AsyncAck, body: Body, view: Body, client: AsyncWebClient) -> None:
        """Handle a submitted modal: everything is authorised again, since time has passed."""
        fields = actions.fields_of(view["state"]["values"])
        name, value = str(view["callback_id"]), str(view["private_metadata"])

        async def act() -> str | None:
            if name == "declare":
                return await self._declare(body, fields)
            return await self._do(body, name, value, fields)

        async def tell(said: str) -> None:
            await client.chat_postMessage(channel=body["user"]["id"], text=words.answered(said))

        said = await self._answered(act, tell, _asked(body, name, value))
        if said == LOOKED_UP:
            await ack()  # sending the form again might do it twice
            await tell(said)
        elif said and said != DONE_BEFORE:
            await ack(response_action="errors", errors={next(iter(fields)): cut(clean(said), 2000)})
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
                await self._open_declaration(body, asked.rest, client, ack)
                return None
            if asked.word == "help":
                return Marked(commands.help_text())
            if asked.word == "audit":
                answer.update(await self._audit(body, asked.rest, ack))
                return None
            reader = await self._reader(body)
            if asked.word == "scorecard":
                await ack()  # its picture may have to be uploaded
                await self._scored(reader, Pictured(self._door, client, respond))
                return None
            if asked.word in LONG:
                await ack()
                await self._looked(body, asked, respond, client)
            else:
                answer.update(await self._shown(asked, reader))
            return None

        async def tell(said: str) -> None:
            await respond(words.answered(said), response_type="ephemeral")

        word = str(body.get("text", "")).partition(" ")[0]
        said = await self._answered(act, tell, _asked(body, "/recsysops", word))
        await ack()
        if said:
            answer = {"text": words.answered(said)}
        if answer:
            await respond(**answer, response_type="ephemeral")

    async def _looked(
        self, body: Body, asked: commands.SlashCommand, respond: AsyncRespond, client: AsyncWebClient
    ) -> None:
        """Have a worker look; the person is told so at once, and gets the answer as soon as it is there."""
        about, question = asked.rest or asked.word, _key(body)
        wanted = slice_asked(filter(None, asked.rest.split(","))) if asked.word == "misses" else ()
        if not await asyncio.to_thread(self._ask, asked, question):
            raise Refused("The workers cannot be reached just now. Try again in a minute.")
        await respond(f"Looking at {escape(about)} …", response_type="ephemeral")
        until = time.monotonic() + LOOK_SECONDS
        while (found := await asyncio.to_thread(self._door.answer, question)) is None:
            if time.monotonic() > until:
                raise Refused(f"{about}: no answer yet; the workers are busy. Ask again in a while.")
            await asyncio.sleep(LOOK_PAUSE_SECONDS)
        if isinstance(found, str):
            raise Refused(found)
        if not isinstance(found, tuple):
            shown = Pictured(self._door, client, respond)
            await shown.show(found.headline, lambda file: item_blocks(found, file), found.picture)
            return
        misses = lowest(found, wanted)
        text, drawn = f"{len(misses)} low-ranked choices", miss_blocks(misses)
        await respond(text, blocks=drawn, response_type="ephemeral", replace_original=False)

    def _ask(self, asked: commands.SlashCommand, question: str) -> bool:
        if asked.word == "misses":
            return self._door.ask_misses(question)
        if not asked.rest:
            raise Refused("Which item? Write its key or its title, for instance `/recsysops item tt0104454`.")
        return self._door.ask_item(asked.rest, question)

    async def _audit(self, body: Body, rest: str, ack: AsyncAck) -> dict[str, Any]:
        """The score, and what has no evidence yet."""
        actor = await self._actor(body, "respond")
        if rest:
            raise Refused("To attest a test, run `recsysops audit attest` in a terminal.")
        await ack()  # it goes through half a year of incidents
        try:
            found = await asyncio.to_thread(self._door.audit)
        except ConfigurationError as error:
            raise Refused(str(error).partition("\n")[0]) from error
        return {"text": audit.headline(found), "blocks": audit.blocks(found, self._links.to(actor.id))}

    async def _scored(self, reader: Link, shown: Pictured) -> None:
        """Show the newest scorecard with the picture of its times."""
        kept = await asyncio.to_thread(self._door.kept_scorecard)
        if kept is None:
            raise Refused(" ".join(scorecard.NONE_YET))
        card, picture = kept
        text = scorecard.headline(card)
        await shown.show(text, lambda file: scorecard.blocks(card, reader, file), picture)

    async def home_opened(self, event: Body, client: AsyncWebClient) -> None:
        """Draw the App Home each time somebody looks."""
        if event.get("tab", "home") != "home":
            return
        user = str(event["user"])
        try:
            reader = await self._reader({"user_id": user})
        except Refused as refusal:
            await client.views_publish(user_id=user, view=closed_home(words.answered(_said(refusal))))
            return
        shown = await asyncio.to_thread(self._at_home)
        await client.views_publish(user_id=user, view=home(shown, reader))

    def _at_home(self) -> Shown:
        door = self._door
        unresolved, to_close = (door.worst(of, 1, MOST_SHOWN) for of in (UNRESOLVED, TO_CLOSE))
        acting = in_force(door.in_force(MOST_LASTING), datetime.now(UTC))
        follow_ups = standings(door.followed(MOST_LASTING), door.now())
        return Shown(
            unresolved, to_close, door.counts(), door.mean_times(), acting, follow_ups, door.lasting()
        )

    async def _shown(self, asked: commands.SlashCommand, reader: Link) -> dict[str, Any]:
        if asked.word == "status":
            return await asyncio.to_thread(self._status, commands.page_in(asked.rest), reader)
        if asked.word == "follow-ups":
            return await asyncio.to_thread(self._follow_ups, reader)
        if asked.word == "why":
            number, name = commands.number_and_name_in(asked.rest)
            incident = await self._incident(number)
            return {"text": fallback(incident), "blocks": why_blocks(why(incident, name))}
        incident = await self._incident(commands.number_in(asked.rest))
        if asked.word == "report":
            return {"text": fallback(incident), "blocks": [section(self._report_of(incident, reader))]}
        return {"text": fallback(incident), "blocks": self._card(incident, reader)}

    def _card(self, incident: Incident, reader: Link) -> list[Block]:
        """The card, with only those of its pictures that Slack already has: nobody waits for an upload."""
        known = {digest: self._door.shown.file(digest) for digest in pictures_of(incident)}
        return card(incident, reader, files={digest: file for digest, file in known.items() if file})

    def _status(self, page: int, reader: Link) -> dict[str, Any]:
        found = self._door.worst(UNRESOLVED, page, MOST_SHOWN)
        count = in_all(self._door.counts(), UNRESOLVED)
        lost = unposted(self._door.shown.routes_in_trouble())
        blocks = [*(section(f"⚠️ {escape(one)}") for one in lost), *status(found, reader, count, page)]
        return {"text": f"{count} open", "blocks": blocks}

    def _follow_ups(self, reader: Link) -> dict[str, Any]:
        first = standings(self._door.followed(MOST_LASTING), self._door.now())
        count = self._door.lasting().followed
        return {"text": f"{count} open", "blocks": follow_up_blocks(first, count, reader)}

    async def _report(self, body: Body, value: str) -> str | None:
        """Answer a Report button with a personal address: a message that everybody reads holds none."""
        if self._links.expires_at() is None:
            return None  # the button opened the page, which asks who is visiting
        reader = await self._reader(body)
        return Marked(self._report_of(await self._incident(parse(value).stream), reader))

    async def _reader(self, body: Body) -> Link:
        """Links to the pages for the person who asks, if they may respond to incidents."""
        return self._links.to((await self._actor(body, "respond")).id)

    def _report_of(self, incident: Incident, reader: Link) -> str:
        page, text = (reader(f"/reports/{incident.number}{form}") for form in ("", ".md"))
        ways = f"*{linked(f'Report of #{incident.number}', page)}*, or {linked('as Markdown', text)}"
        until = self._links.expires_at()
        yours = f"\n_For you alone, until {words.moment(until)}._" if until else ""
        return f"{line(incident, reader)}\n{ways}{yours}"

    async def _do(self, body: Body, name: str, value: str, fields: actions.Fields) -> str | None:
        actor = await self._actor(body, actions.press_of(name).needs)
        target, command = actions.command_of(name, value, fields, self._door.now())
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

    async def _open_declaration(self, body: Body, title: str, client: AsyncWebClient, ack: AsyncAck) -> None:
        await self._actor(body, "respond")
        await ack()
        view = modals.declare(title, body["channel_id"])
        await client.views_open(trigger_id=body["trigger_id"], view=view)

    async def _again(self, name: str, value: str) -> list[Block]:
        """The current button for somebody who pressed one of an earlier menu, if there is one."""
        if name != "deploy":
            return []
        target = parse(value)
        incident = await asyncio.to_thread(self._door.incident, target.stream)
        return deploy_again(incident, target.option or "") if incident else []

    async def _incident(self, stream_or_number: str, *, whole: bool = False) -> Incident:
        found = await asyncio.to_thread(self._door.incident, stream_or_number, whole=whole)
        if found is None:
            raise Refused(
                f"There is no incident {stream_or_number}. `/recsysops status` lists those that are open."
            )
        return found

    async def _actor(self, body: Body, needs: Need) -> Actor:
        user = _user(body)
        groups, fresh = self._groups.of(user)
        permissions = await asyncio.to_thread(self._door.permissions)
        return authorise(user, groups, needs, permissions, fresh=fresh)

    async def _answered(
        self, act: Callable[[], Awaitable[str | None]], tell: Tell, asked: Mapping[str, str]
    ) -> str | None:
        """
        What to tell the person now, None if the message itself will show it. An outcome not known yet is
        looked up, and told once it is known. `asked`: who pressed what, for readers of the process's log.
        """
        try:
            return await act()
        except Refused as refusal:
            _log.info("press_refused", why=str(refusal), **asked)  # no event: the log holds what happened
            return _said(refusal)
        except SlackApiError as error:
            _log.warning("slack_refused", error=sanitized(error))
            return f"Slack did not open the form ({sanitized(error)}). Press again."
        except Unanswered as unknown:
            _log.warning("answer_lost", key=unknown.key)
            looking = asyncio.create_task(self._look_up(unknown, tell))
            self._looking.add(looking)
            looking.add_done_callback(self._looking.discard)
            return LOOKED_UP
        except Exception:  # noqa: BLE001 - whatever it was, the person has to be told that nothing happened
            _log.exception("press_failed")
            return BROKEN

    async def _look_up(self, unknown: Unanswered, tell: Tell) -> None:
        until = time.monotonic() + LOOK_UP_SECONDS
        while time.monotonic() < until:
            try:
                found = await asyncio.to_thread(self._door.look_up, unknown)
            except Unanswered:
                await asyncio.sleep(LOOK_UP_PAUSE_SECONDS)
                continue
            await tell(NOT_DONE if found is None else DONE)
            return
        await tell(NEVER_KNOWN)


def _user(body: Body) -> str:
    return str(body["user"]["id"] if isinstance(body.get("user"), Mapping) else body["user_id"])


def _asked(body: Body, pressed: str, value: str) -> dict[str, str]:
    """Who pressed what, on which incident, for a line of the log; not what they typed."""
    return {"by": _user(body), "pressed": pressed, "of": value}


def _said(refusal: Refused) -> str:
    """The refusal's words, marked as Slack's markup if that is what they are."""
    said = refusal.args[0] if refusal.args else ""
    return said if isinstance(said, Marked) else str(refusal)


def _key(body: Body) -> str:
    """The idempotency key of a request that Slack may deliver twice: a trigger is of one press."""
    return f"slack:{body['trigger_id']}"
