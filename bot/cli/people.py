"""The names of people for a terminal: as Slack has them, if this terminal has the bot's token."""

from __future__ import annotations

from collections.abc import Iterable

from bot.directory import PatientDirectory
from bot.messages import words
from workers.door import environment


def names_of(people: Iterable[str | None]) -> words.Names:
    """Person (`slack:U123`) → name; people whose name is not known here are left out."""
    asked = {one for one in people if one is not None and one.startswith(words.PERSON_PREFIX)}
    given = environment()
    if not asked or not given.slack_bot_token:
        return words.NOBODY
    return PatientDirectory(given.slack_bot_token, given.slack_base_url).of(asked)
