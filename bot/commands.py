"""`/recsysops …`: the words, the permission each needs, and the nearest right word for a wrong one."""

from __future__ import annotations

from difflib import get_close_matches
from typing import NamedTuple

from domain.errors import Refused

WORDS: dict[str, str] = {
    "status": "the incidents that are open, the worst first; `/recsysops status 2` for the next page",
    "incident": "one incident, with its buttons: `/recsysops incident 142`",
    "item": "does an item get its expected exposure: `/recsysops item tt0104454`, or its title",
    "misses": "choices that the model had ranked low: `/recsysops misses`, or `/recsysops misses device=tv`",
    "audit": "the ML Test Score: what is tested, and what lacks evidence",
    "scorecard": "is it getting better: times, shares and promises, lately beside before",
    "follow-ups": "what changes after incidents and is not done yet, what is overdue first",
    "declare": "declare an incident: `/recsysops declare films look wrong`",
    "report": "the report of an incident: `/recsysops report 142`",
    "why": "why a hotfix is not on the menu: `/recsysops why 142`, or `/recsysops why 142 NAME`",
    "help": "this list",
}


LAST_PAGE = 1_000_000


class SlashCommand(NamedTuple):
    """A known word and the text after it."""

    word: str
    rest: str


def read(text: str) -> SlashCommand:
    """
    What somebody typed after `/recsysops`; an empty text asks for help.

    Raises:
        Refused: there is no such word; the message names the nearest.

    >>> read("incident #142")
    SlashCommand(word='incident', rest='#142')
    """
    word, _, rest = text.strip().partition(" ")
    word = word.lower() or "help"
    if word in WORDS:
        return SlashCommand(word, rest.strip())
    near = get_close_matches(word, WORDS, n=1, cutoff=0.5)
    meant = f" Did you mean `/recsysops {near[0]}`?" if near else ""
    raise Refused(f"There is no `{word}`.{meant} `/recsysops help` lists what there is.")


def number_in(rest: str) -> str:
    """
    The incident's number in the text.

    Raises:
        Refused: there is no number.
    """
    number = rest.strip().removeprefix("#")
    if not number.isdecimal():
        raise Refused("Which incident? Write its number, for instance `/recsysops incident 142`.")
    return number


def number_and_name_in(rest: str) -> tuple[str, str | None]:
    """
    The incident's number and the hotfix's name in the text; None if there is no name.

    Raises:
        Refused: there is no number.

    >>> number_and_name_in("#142 feed_failover")
    ('142', 'feed_failover')
    """
    number, _, name = rest.partition(" ")
    return number_in(number), name.strip() or None


def page_in(rest: str) -> int:
    """
    The page that was asked for, counted from 1; the first page if none was given.

    Raises:
        Refused: the text is not a page number.
    """
    if rest and not (rest.isdecimal() and 0 < int(rest) <= LAST_PAGE):
        raise Refused("Which page? Write its number, for instance `/recsysops status 2`.")
    return int(rest or 1)


def help_text() -> str:
    """All words, one per line."""
    return "\n".join(f"`/recsysops {word}`  {what}" for word, what in WORDS.items())
