"""
Text from outside, made inert: whatever a title, a slice, a column's name or a person's note holds, people see
it, and nothing acts on it.

`visible` is the one rule for every place where text is shown. A place that acts on more than hidden
characters has one function beside it: Slack's markup is in `bot.messages.inert`, HTML's in the pages'
environment, Markdown and trackers have `markup`, JSON has `in_json`.
"""

from __future__ import annotations

import json
import re
import unicodedata

ISOLATE, END_ISOLATE = "\u2068", "\u2069"
RIGHT_TO_LEFT = frozenset(("R", "AL", "AN"))
JOINERS = "\u200c\u200d"
"""Harmless within an emoji, or a word of a script that needs them."""

HIDDEN = frozenset(("Cc", "Cf", "Cs", "Zl", "Zp"))
FILLERS = "\u115f\u1160\u3164\uffa0"
TAB = 4

_NOT_PLAIN = re.compile(r"[^ -~]")

_ALIKE = str.maketrans("*~|\\^$@<>{}!", "∗∼¦∖ˆ＄＠‹›❴❵ǃ")
"""What emphasises, mentions, hides, embeds or links somewhere in Markdown or Jira, and what looks like it."""

_WHERE_ACTIVE = tuple(
    (re.compile(pattern), alike)
    for pattern, alike in (
        (r"(?<![^\W_])_|_(?![^\W_])", "ˍ"),  # within a word it begins nothing, and a name can be copied
        (r"^#|#(?=\w)", "＃"),  # a heading; the number of somebody else's issue
        (r"&(?=#?\w{1,32};|\d)", "＆"),  # an entity; an epic of GitLab
        (r"%(?=[\w\"])", "％"),  # a milestone of GitLab
        (r":(?=//|[()PD]|(?!\d\d(?!\d))[^\s:]{1,100}:)", "∶"),  # an address, an emoji
        (r"(?i:(?<=\bwww))\.|(?<=^bq)\.|(?<=^h[1-6])\.", "․"),
        (r"(?:(?i:(?<=\bGH))|(?<=[A-Z][A-Z0-9_]))-(?=\d)", "‐"),  # GH-1, REC-12
        (r"(?<![\w-])-(?!-)|^-(?=--)", "−"),  # a list, a line, text struck out
        (r"(?<!\w)\+(?!\d)", "＋"),
        (r"^=(?==*$)", "＝"),
        (r"^/", "∕"),  # GitLab's quick actions
        (r"\((?=(?:[/?xyni−＋ǃ∗]|on|off|∗[rgby])\))", "❨"),  # an icon of Jira
    )
)
_INTERVAL = re.compile(r"(\[[−+\d][\d.,–−+% to-]*\](?![(\[:]))|([\[\]])")
_NUMBERED = re.compile(r"^(\d+)[.)](?=\s|$)")
_CODE = re.compile(r"(`[A-Za-z0-9_./:…=\"-]+(?: [A-Za-z0-9_./:…=\"-]+){0,6}`)|`")


def visible(line: str) -> str:
    """
    One line in which every hidden character, and everything that would end or overwrite it, is written out.

    >>> visible("TV\\u200b\\x1b[2J\\rweb")
    'TV⟨U+200B⟩⟨U+001B⟩[2J⟨U+000D⟩web'
    """
    return _NOT_PLAIN.sub(_seen, line)


def lines(text: str) -> str:
    """The same for a text that is shown with its lines and their indentation."""
    return "\n".join(visible(line.expandtabs(TAB)) for line in text.split("\n"))


def clean(text: str) -> str:
    """
    The same for words within a line of ours: right-to-left text in them does not affect what is beside it.

    >>> clean("TV\\u200b\\n and\\u202e web")
    'TV⟨U+200B⟩ and⟨U+202E⟩ web'
    """
    seen = visible(" ".join(str(text).split()))
    if any(unicodedata.bidirectional(one) in RIGHT_TO_LEFT for one in seen):
        return f"{ISOLATE}{seen}{END_ISOLATE}"
    return seen


def markup(text: str) -> str:
    """
    The same for Markdown (CommonMark, GitHub, GitLab) and for Jira: one line that is only text, wherever
    in a line or a table's cell it stands. A plain name or command between backticks stays code.

    >>> markup("![x](http://evil.example) @all fixes #1 `feed_failover` is *off*\\n# [~admin]")
    'ǃ⁅x⁆(http∶//evil.example) ＠all fixes ＃1 `feed_failover` is ∗off∗ # ⁅∼admin⁆'
    """
    line = clean(text).translate(_ALIKE)
    for active, alike in _WHERE_ACTIVE:
        line = active.sub(alike, line)
    line = _INTERVAL.sub(lambda found: found[1] or ("⁅" if found[2] == "[" else "⁆"), line)
    line = _NUMBERED.sub(r"\1․", line)
    return _CODE.sub(lambda found: found[1] or "ˋ", line)


def in_json(document: str) -> str:
    """
    The same for JSON that is already written: hidden characters are escaped, so that its values stay.

    >>> in_json('{"a": "\\x9b2J\\u202e"}')
    '{"a": "\\\\u009b2J\\\\u202e"}'
    """

    def escaped(found: re.Match[str]) -> str:
        return found[0] if found[0] in ("\n", _seen(found)) else json.dumps(found[0])[1:-1]

    return _NOT_PLAIN.sub(escaped, document)


def _seen(found: re.Match[str]) -> str:
    one, line, at = found[0], found.string, found.start()
    if one in JOINERS and 0 < at < len(line) - 1 and min(line[at - 1], line[at + 1]) > "\x7f":
        return one
    return f"⟨U+{ord(one):04X}⟩" if unicodedata.category(one) in HIDDEN or one in FILLERS else one
