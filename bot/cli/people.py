"""What people are called at a terminal: as Slack says it, where this terminal has the bot's token."""

from __future__ import annotations

from collections.abc import Iterable

from bot.directory import PatientDirectory
from bot.messages import words
from workers.door import environment


def names_of(people: Iterable[str | None]) -> words.Names:
    """Person (`slack:U123`) → name, without those whose name is not known here."""
    asked = {one for one in people if one is not None and one.startswith(words.PERSON_PREFIX)}
    given = environment()
    if not asked or not given.slack_bot_token:
        return words.NOBODY
    return PatientDirectory(given.slack_bot_token, given.slack_base_url).of(asked)
