"""
Makes text that comes from data inert: whatever a title, a slice or a person's note holds, Slack shows it
and does nothing with it.

Slack's markup has no escape except for `&`, `<` and `>`. Anything that could begin or end emphasis, code or
an emoji is replaced by a character that looks the same, and invisible characters are written out: two values
that differ only by a zero-width space may be the very cause of an incident.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from datetime import datetime

from domain.inert import END_ISOLATE, ISOLATE, JOINERS, clean, lines

LOOKS_LIKE = {"*": "∗", "_": "ˍ", "~": "∼", "`": "ˋ"}
COLON, QUOTE = "∶", "›"

_EMPHASIS = re.compile(r"[*_~`]")
_EMOJI = re.compile(r":(?=[^\s:]{1,100}:)")
_CLOCK = re.compile(r"(?<=\d):(?=\d\d(?!\d))")
_CODE = re.compile(r"(`[A-Za-z0-9_./:…=\"#-]+(?: [A-Za-z0-9_./:…=\"#-]+){0,6}`)")
_MINUTE = re.compile(r"\b(?:at )?(\d{4}-\d\d-\d\d \d\d:\d\d UTC)\b")
_ENTITY = re.compile(r"&(?:amp|lt|gt);|<[^<>]*>")


def escape(text: str) -> str:
    """
    The same for Slack's markup: it cannot become a mention, link, emphasis, code or emoji.

    A mark between two letters or digits begins nothing and is kept, so that names can be copied.

    >>> escape("<!channel> *now* feed_failover :fire: at 09:30:12")
    '&lt;!channel&gt; ∗now∗ feed_failover ∶fire: at 09:30:12'
    """
    return escape_within(clean(text))


def escape_within(line: str) -> str:
    """The same for a part of a line that is already clean."""
    line = _EMPHASIS.sub(lambda found: _unless_within(line, found), line)
    line = _EMOJI.sub(lambda found: ":" if _CLOCK.match(line, found.start()) else COLON, line)
    line = QUOTE + line[1:] if line.startswith(">") else line
    return line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def sentence(text: str) -> str:
    """
    A sentence that this program wrote about data, escaped; a plain name or command that it put between
    backticks stays code.

    >>> sentence("`language` is not set for *212* films; see `recsysops doctor`")
    '`language` is not set for ∗212∗ films; see `recsysops doctor`'
    """
    return _with_code(text, lambda part: with_times(escape_within(part)))


def _with_code(text: str, other: Callable[[str], str]) -> str:
    """One line in which plain names and commands between backticks stay code."""
    parts = _CODE.split(clean(text))
    return "".join(part if _CODE.fullmatch(part) else other(part) for part in parts)


def code_block(text: str) -> str:
    """
    Lines of a file as they are, to be read and copied: with their indentation and marks.

    >>> code_block("+[checks.a]\\n+  every = '<5m>'")
    "```+[checks.a]\\n+  every = '&lt;5m&gt;'```"
    """
    shown = lines(text.rstrip("\n")).replace("`", LOOKS_LIKE["`"])
    return f"```{shown.replace('&', '&amp;').replace('<', '&lt;').replace('>', '&gt;')}```"


def with_times(line: str) -> str:
    """
    A line of Slack's markup with each time shown in the reader's zone. Slack says "today 14:40", so an "at"
    before it goes.

    >>> with_times("it began at 2026-03-01 02:41 UTC")
    'it began <!date^1772332860^{date_short_pretty} {time}|2026-03-01 02:41 UTC>'
    """
    return _MINUTE.sub(_local, line)


def _local(found: re.Match[str]) -> str:
    minute = found[1]
    try:
        at = datetime.fromisoformat(minute.replace(" UTC", "+00:00"))
    except ValueError:
        return found[0]
    return f"<!date^{int(at.timestamp())}^{{date_short_pretty}} {{time}}|{minute}>"


class Marked(str):
    """Text that is already Slack's markup, with its data escaped."""

    __slots__ = ()


def paragraphs(text: str) -> str:
    """
    Somebody's own words, escaped, with their line breaks: everything after the first line is quoted, so that
    it cannot pass for a line of ours.

    >>> paragraphs("It is down.\\n*Resolved* by me")
    'It is down.\\n> ∗Resolved∗ by me'
    """
    lines = [_with_code(line, escape_within) for line in str(text).splitlines() if line.strip()]
    return "\n> ".join(lines)


def length(text: str) -> int:
    """The length that Slack may count: in UTF-16 units, since an emoji counts twice in some places."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def cut(text: str, most: int) -> str:
    """
    `text` in at most `most` units; the dots show that there was more. No entity, mention or link is split,
    no letter is separated from its accents, and what was opened is closed.

    >>> cut("abcdef", 4), cut("ab &amp; cd", 6), cut("*bold words*", 8)
    ('abc…', 'ab …', '*bold …*')
    """
    if length(text) <= most:
        return text
    closing = ""
    while True:
        end = _whole(text, _units(text, most - 1 - length(closing)))
        needed = _left_open(text[:end])
        if len(needed) <= len(closing):
            return text[:end] + "…" + needed
        closing = needed


def _units(text: str, most: int) -> int:
    """How many characters of `text` fit into this many UTF-16 units."""
    count = 0
    for index, one in enumerate(text):
        count += 2 if ord(one) > 0xFFFF else 1
        if count > most:
            return index
    return len(text)


def _whole(text: str, end: int) -> int:
    """The end, moved back to a place where nothing is split."""
    for found in _ENTITY.finditer(text):
        if found.start() < end < found.end():
            end = found.start()
            break
    while end > 0 and end < len(text) and (unicodedata.combining(text[end]) or text[end] in JOINERS):
        end -= 1
    return max(end, 0)


def _left_open(text: str) -> str:
    """The marks that close the emphasis and isolates left open at the end of a text."""
    closing = END_ISOLATE if text.count(ISOLATE) > text.count(END_ISOLATE) else ""
    if text.count("```") % 2:
        return closing + "```"
    line = text.rpartition("\n")[2]
    outside = _ENTITY.sub("", line)
    opened = [mark for mark in "`~_*" if len(_marks(outside, mark)) % 2]
    return closing + "".join(sorted(opened, key=lambda mark: -outside.rfind(mark)))


def _marks(line: str, mark: str) -> list[int]:
    """The positions of a mark that is not inside a word."""
    return [found.start() for found in re.finditer(re.escape(mark), line) if not _within(line, found.start())]


def _within(line: str, at: int) -> bool:
    return 0 < at < len(line) - 1 and line[at - 1].isalnum() and line[at + 1].isalnum()


def _unless_within(line: str, found: re.Match[str]) -> str:
    mark = found[0]
    return mark if mark != "`" and _within(line, found.start()) else LOOKS_LIKE[mark]
