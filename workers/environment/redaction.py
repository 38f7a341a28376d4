"""
What this process must not reveal: values that came from its environment.

Secrets and values that declarations expand are noted here when they are read
(`workers.environment.settings`, `workers.declaration.declare`), and every output asks here: the event log,
what jobs remember, logs, pages, messages, the terminal. A value is shown as its variable,
`${WAREHOUSE_PASSWORD}`.

There are three levels. A *secret* (by its variable's name, by `secret_env`, or an address's password) is
shown nowhere. A *value that a declaration expanded* may be a word that also occurs in data: it is removed
from prose (our errors, logs), but not from data. Words that are common in text (`eu`, `prod`, `postgres`) are
left alone; within an address or after `password=` a secret is hidden whatever it is.

*Foreign text* is what a driver, a library or a team's code says (`domain.errors.sanitized`): it stays in the
log of its process, and loses every piece of a secret, as whoever misreads an address quotes a part of it.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from threading import Lock
from urllib.parse import quote, unquote

SECRET_NAME = re.compile(r"TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|CREDENTIAL|APIKEY", re.IGNORECASE)
KEY_NAME = re.compile(r"(?:^|_)KEY$", re.IGNORECASE)
"""Names of secrets whose value has to look like one, too: PARTITION_KEY may be `member_id`."""
KEY_VALUE = re.compile(r"(?=.*\d)(?=.*[A-Za-z])[^\s/\\]{16,}")

SECRET_LEAST, EXPANDED_LEAST = 6, 4
PIECE_LEAST, ALIKE_LEAST = 4, 8
"""Characters from which a piece of a secret is hidden in foreign text; and anywhere, unless it is a word."""
COMMON = frozenset({"postgres", "password", "secret", "changeme", "recsysops", "example", "localhost"})
_YEAR = re.compile(r"\d{4}")
_WORD = re.compile(r"[A-Za-z]{1,15}|\d{1,7}")
_ADDRESS = re.compile(r"(?<=://)[^\s/@\"'\\]+@")
_LOOSE_ADDRESS = re.compile(r"(?<=://)[^\s\"'\\]*:[^\s\"'\\]*@")
_USER_INFO = re.compile(r"://(.*?)@(?=[^@]*$)|://([^\s@\"']*?)@", re.DOTALL)
"""All before the last `@`, as a password may hold one, or a delimiter; and all before the first."""
_QUERY = re.compile(r"[?&;\s]\w*(?:token|secret|passw|pwd|key|sig|auth)\w*=([^&;\s]+)", re.IGNORECASE)
_CUT_SHORT = re.compile(rf"(?<=\.\.\.)\w{{{PIECE_LEAST},}}|\w{{{PIECE_LEAST},}}(?=\.\.\.)")
"""What a driver leaves of a word where it shows only a part of a statement."""
_DELIMITERS = re.compile(r"[^\w.~-]+")
_BESIDE = re.compile(
    r"((?:password|passwd|pwd|secret|token|api_?key)(?:=|[\"']\s*:\s*)|\b(?:bearer|basic)\s+)(?!\$\{)"
    r"('[^']*'|\"[^\"]*\"|[^\s&,;\"')]+)",
    re.IGNORECASE,
)
HIDDEN = "***"


class Redaction:
    """The values noted so far; removes them from texts."""

    def __init__(self) -> None:
        self._secrets: dict[str, str] = {}
        self._expanded: dict[str, str] = {}
        self._pieces: frozenset[str] = frozenset()
        self._patterns: tuple[re.Pattern[str] | None, ...] = (None, None, None)
        self._lock = Lock()

    def note_environment(self, environment: Mapping[str, str]) -> None:
        """Note its variables that are named like secrets, and the passwords of the addresses in it."""
        noted: dict[str, str] = {}
        for name, value in environment.items():
            if SECRET_NAME.search(name) or (KEY_NAME.search(name) and KEY_VALUE.fullmatch(value)):
                noted |= dict.fromkeys(_spellings(value), f"${{{name}}}")
            noted |= dict.fromkeys(_passwords(value), HIDDEN)
        self._note(noted, {})

    def note_declared(self, text: str) -> None:
        """Note the passwords of addresses in a text of a declaration, whose variables are filled in."""
        self._note(dict.fromkeys(_passwords(text), HIDDEN), {})

    def note_secret(self, name: str, value: str | None) -> None:
        """Note a variable that a declaration names as a secret."""
        self._note(dict.fromkeys(_spellings(value or ""), f"${{{name}}}"), {})

    def note_expanded(self, name: str, value: str | None) -> None:
        """Note a variable whose value a declaration contains."""
        if value:
            self._note(
                dict.fromkeys(_passwords(value), HIDDEN),
                {one: f"${{{name}}}" for one in (value, value.rstrip("/")) if _is_distinctive(one)},
            )

    def prose(self, text: str) -> str:
        """A text for people, without any value from the environment."""
        return _BESIDE.sub(rf"\1{HIDDEN}", self._without(self.data(text), self._patterns[1], self._expanded))

    def foreign(self, text: str) -> str:
        """The same for a log, which holds what drivers and libraries say: without any piece of a secret."""
        clean = self._without(self.prose(text), self._patterns[2], {})
        return _LOOSE_ADDRESS.sub(f"{HIDDEN}@", _CUT_SHORT.sub(self._cut_short, clean))

    def _cut_short(self, found: re.Match[str]) -> str:
        left = found[0].lower()
        cut = any(left in piece.lower() for piece in self._pieces)
        return HIDDEN if cut else found[0]

    def data(self, text: str) -> str:
        """The same for data, or data as JSON: without secrets."""
        # Tested first: most texts hold none, and searching for all at once takes longer than one by one.
        found = any(one in text for one in self._secrets)
        clean = self._without(text, self._patterns[0], self._secrets) if found else text
        return _ADDRESS.sub(f"{HIDDEN}@", clean) if "://" in clean and "@" in clean else clean

    def _note(self, secrets: Mapping[str, str], expanded: Mapping[str, str]) -> None:
        pieces = frozenset[str]().union(*map(_pieces, secrets))
        secrets = {**dict.fromkeys(filter(_is_a_secret_by_itself, pieces), HIDDEN), **secrets}
        secrets = {one: name for one, name in secrets.items() if len(one) >= SECRET_LEAST}
        secrets = {one: name for one, name in secrets.items() if one.lower() not in COMMON}
        known = pieces <= self._pieces and secrets.items() <= self._secrets.items()
        if known and expanded.items() <= self._expanded.items():
            return
        with self._lock:  # a reader sees either the old values or the new ones, complete
            self._secrets = {**self._secrets, **secrets}
            self._expanded = {**self._expanded, **expanded}
            self._pieces = self._pieces | pieces
            apart = _pattern(self._expanded, r"(?<![\w-])", r"(?![\w-])")
            encoded = (one for secret in self._secrets for one in _encoded(secret.encode()))
            cut = _pattern({*self._pieces, *encoded}, "(?i:", ")")
            self._patterns = (_pattern(self._secrets), apart, cut)

    @staticmethod
    def _without(text: str, pattern: re.Pattern[str] | None, names: Mapping[str, str]) -> str:
        if pattern is None:
            return text
        return pattern.sub(lambda found: names.get(found[0], HIDDEN), text)


def _pattern(values: Iterable[str], before: str = "", after: str = "") -> re.Pattern[str] | None:
    longest_first = sorted(map(re.escape, values), key=len, reverse=True)
    return re.compile(f"{before}(?:{'|'.join(longest_first)}){after}") if longest_first else None


def _passwords(text: str) -> set[str]:
    """
    The passwords in an address, or in a text that holds some, both as written there and decoded; and what
    stands for a password: a token instead of a user, or in the query.
    """
    found = set(_QUERY.findall(text))
    for info in ("".join(one) for one in _USER_INFO.findall(text)):
        user, separator, password = info.partition(":")
        found |= {password} if separator else {user} if KEY_VALUE.fullmatch(user) else set()
    return {spelled for one in found for spelled in _spellings(unquote(one), one)}


@lru_cache(maxsize=512)
def _pieces(secret: str) -> frozenset[str]:
    """What is left of a secret in the text of somebody who cuts it at a delimiter of addresses."""
    cut = {piece for one in (secret, unquote(secret)) for piece in _DELIMITERS.split(one)}
    return frozenset(
        one
        for one in cut
        if len(one) >= PIECE_LEAST and one.lower() not in COMMON and not _YEAR.fullmatch(one)
    )


def _encoded(secret: bytes) -> Iterator[str]:
    """Its base64 after any text before it, as within `user:password` of a request's header."""
    for before in range(3):
        whole = b64encode(b"0" * before + secret).decode().rstrip("=")
        yield whole[-(-before * 8 // 6) : len(whole) - bool((before + len(secret)) % 3)]


def _spellings(*values: str) -> set[str]:
    """How texts may spell a value: as it is, within an address, within JSON, within Python's quotes."""
    spelled = set(values)
    for value in values:
        quoted = (json.dumps(value), json.dumps(value, ensure_ascii=False), repr(value))
        spelled |= {quote(value, safe=""), value.strip(), *(one[1:-1] for one in quoted)}
    return spelled - {""}


def _is_a_secret_by_itself(piece: str) -> bool:
    return len(piece) >= ALIKE_LEAST and not _WORD.fullmatch(piece) and not piece.isdigit()


def _is_distinctive(value: str) -> bool:
    return len(value) >= EXPANDED_LEAST and not _WORD.fullmatch(value)


_of_this_process = Redaction()
note_environment = _of_this_process.note_environment
note_secret = _of_this_process.note_secret
note_expanded = _of_this_process.note_expanded
note_declared = _of_this_process.note_declared
prose = _of_this_process.prose
foreign = _of_this_process.foreign
data = _of_this_process.data
