"""
Requests that nobody should send, drawn from a seed: each has a kind, its bytes, and a way of being sent.

None of them may change the log. Those signed with Slack's secret are what somebody could send who stole one
request, or who lacks the right.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from benchmarks.press.slack import button
from benchmarks.stack import SECRET

EVENTS = "/slack/events"
FORM = "application/x-www-form-urlencoded"
TOO_LARGE = 1024 * 1024 + 1
Headers = Sequence[tuple[str, str]]
CHUNK = b"8000\r\n" + b"x" * 0x8000 + b"\r\n"


@dataclass(frozen=True)
class Sent:
    """
    One request.

    Attributes:
        kind: the kind it is counted under in the table.
        parts: its bytes, sent one part after the other.
        pause_seconds: between two parts; for half a request, no more ever comes.
        of_metrics: it goes to the port of `/metrics`.
    """

    kind: str
    parts: tuple[bytes, ...]
    pause_seconds: float = 0.0
    of_metrics: bool = False


@dataclass
class Drawn:
    """Draws requests. `genuine` are requests sent and acknowledged earlier: (headers, body)."""

    chance: random.Random
    values: Sequence[str]
    answer_url: str
    genuine: list[bytes]

    def next(self) -> Sent:
        kind = self.chance.choices(list(KINDS), [share for share, _ in KINDS.values()])[0]
        return KINDS[kind][1](self)

    def body(self, action: str = "acknowledge") -> bytes:
        trigger = f"stolen-{self.chance.getrandbits(64)}"
        pressed = button(action, self.chance.choice(self.values), trigger, self.answer_url)
        return urlencode({"payload": json.dumps(pressed)}).encode()

    def noise(self, least: int, most: int) -> bytes:
        return self.chance.randbytes(self.chance.randint(least, most))


def request(
    body: bytes, headers: Sequence[tuple[str, str]], path: str = EVENTS, method: str = "POST"
) -> bytes:
    """A request as it goes over the wire."""
    lines = [f"{method} {path} HTTP/1.1", "host: 127.0.0.1", f"content-length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def signed(
    body: bytes, at: float | None = None, secret: str = SECRET, kind: str = FORM
) -> list[tuple[str, str]]:
    """Slack's headers for a body."""
    stamp = str(int(time.time() if at is None else at))
    mac = hmac.new(secret.encode(), b"v0:" + stamp.encode() + b":" + body, hashlib.sha256).hexdigest()
    return [
        ("content-type", kind),
        ("x-slack-request-timestamp", stamp),
        ("x-slack-signature", f"v0={mac}"),
    ]


def forged(drawn: Drawn) -> Sent:
    """A press that Slack did not sign, or not with this signature."""
    body = drawn.body()
    kind, stamp, mac = signed(body)
    made: list[list[tuple[str, str]]] = [
        [],
        [kind, stamp],
        [kind, mac],
        signed(body, secret="another"),
        signed(body + b"&a=b"),
        [kind, stamp, (mac[0], mac[1][:-2])],
        [kind, stamp, (mac[0], mac[1].upper())],
        [kind, stamp, mac, mac],
        [kind, stamp, ("x-slack-request-timestamp", "0"), mac],
        [kind, ("x-slack-request-timestamp", "１２３".encode().decode("latin-1")), mac],
        [kind, stamp, ("x-slack-signature", "v0=\xff\xfe")],
    ]
    return Sent("forged", (request(body, drawn.chance.choice(made)),))


def late(drawn: Drawn) -> Sent:
    """A press that is well signed, but for another time than now."""
    body = drawn.body()
    away = drawn.chance.choice((-86_400, -3_600, -400, 600, 3_600, 10**9))
    return Sent("signed for another time", (request(body, signed(body, time.time() + away)),))


def replayed(drawn: Drawn) -> Sent:
    """A genuine press, sent again byte for byte."""
    return Sent("replayed", (drawn.chance.choice(drawn.genuine),))


def out_of_order(drawn: Drawn) -> Sent:
    """Signed, but wrong for the incident's stage: approved before it was chosen, closed while it is open."""
    body = drawn.body(
        drawn.chance.choice(("approve", "revert", "close", "follow_up_accept", "reopen", "none"))
    )
    return Sent("out of order", (request(body, signed(body)),))


EARLY = ("approve", "revert", "close", "follow_up_accept", "reopen", "none")
"""Actions of a later stage, or of none."""


def misshapen(drawn: Drawn) -> Sent:
    """Signed, and readable, but not as Slack speaks: no user, no actions, no fields, another kind."""
    trigger = f"stolen-{drawn.chance.getrandbits(64)}"
    press = button("acknowledge", drawn.chance.choice(drawn.values), trigger, drawn.answer_url)
    changed: Sequence[Mapping[str, object]] = (
        {"user": None},
        {"user": "U-oncall"},
        {"user": {"id": 7}},
        {"actions": None},
        {"actions": []},
        {"actions": [None]},
        {"actions": [{"action_id": ["acknowledge"]}]},
        {"trigger_id": None},
        {"team": [], "view": 7},
        {"team": None, "user": {"id": "U-oncall"}},
        {"type": "view_submission", "view": {"callback_id": "declare"}},
        {"type": "message_action", "callback_id": "x"},
        {"type": ["block_actions"]},
        {"type": "event_callback", "event": None},
    )
    payload = json.dumps({**press, **drawn.chance.choice(changed)})
    forms: Sequence[Mapping[str, str]] = (
        {"payload": payload},
        {"payload": "[[]]"},
        {"payload": "7"},
        {"text": "status"},
        {},
    )
    body = urlencode(drawn.chance.choices(forms, (8, 1, 1, 1, 1))[0]).encode()
    return Sent("misshapen", (request(body, signed(body)),))


def rebound(drawn: Drawn) -> Sent:
    """`/metrics` on loopback, under the name of a page that led a browser there."""
    name = drawn.chance.choice(("evil.example", "127.0.0.1.evil.example", "localhost.", "0.0.0.0", "[::2]"))
    more = drawn.chance.choice(([], [("x-forwarded-host", "127.0.0.1")], [("forwarded", "host=127.0.0.1")]))
    lines = ["GET /metrics HTTP/1.1", f"host: {name}", *(f"{key}: {value}" for key, value in more)]
    return Sent("rebound", ("\r\n".join(lines).encode() + b"\r\n\r\n",), of_metrics=True)


def unreadable(drawn: Drawn) -> Sent:
    """A body that cannot be read, signed by nobody or (a fault of Slack's) by Slack."""
    made = (
        drawn.noise(1, 2_000),
        b"payload=" + drawn.noise(1, 200),
        b"payload=%7B%22type%22",
        b"payload=" + b"[" * 10_000,
        b'{"type": ',
        b"&".join(b"a=1" for _ in range(1_000)),
        b"",
    )
    body = drawn.chance.choice(made)
    kind = drawn.chance.choice(
        (FORM, "application/json", "text/plain; charset=utf-16", "multipart/form-data", "")
    )
    headers = signed(body, kind=kind) if drawn.chance.random() < 0.5 else [("content-type", kind)]
    return Sent("unreadable", (request(body, headers),))


TYPES = (FORM, "application/json", "text/plain; charset=utf-16", "multipart/form-data", "")


def malformed(drawn: Drawn) -> Sent:
    """A press with some of its bytes changed, or something that is no HTTP at all."""
    body = drawn.body()
    whole = bytearray(request(body, signed(body, secret="another")))
    how = drawn.chance.randrange(4)
    if how == 0:
        return Sent("malformed", (drawn.noise(1, 600) + b"\r\n\r\n",))
    if how == 1:
        return Sent("malformed", (drawn.chance.choice(LINES),))
    for _ in range(drawn.chance.randint(1, 12)):
        whole[drawn.chance.randrange(min(len(whole), 300))] = drawn.chance.randrange(256)
    return Sent("malformed", (bytes(whole),))


LINES = (
    b"GET /\r\n\r\n",
    b"GET / HTTP/9.9\r\n\r\n",
    b"BREW / HTTP/1.1\r\nhost: x\r\n\r\n",
    b"GET / HTTP/1.1\r\n: x\r\n\r\n",
    b"GET /\x00 HTTP/1.1\r\nhost: x\r\n\r\n",
    b"POST /slack/events HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
    b"POST /slack/events HTTP/1.1\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\nGET / ",
    b"POST /slack/events HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
    b"POST /slack/events HTTP/1.1\r\ncontent-length: -1\r\n\r\n",
    b"GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"CONNECT x:1 HTTP/1.1\r\nhost: x\r\n\r\n",
)


def oversized(drawn: Drawn) -> Sent:
    """More than anybody needs: announced, sent in chunks of undeclared total size, or before the body."""
    how = drawn.chance.randrange(5)
    head = b"POST /slack/events HTTP/1.1\r\nhost: 127.0.0.1\r\n"
    if how == 0:
        return Sent("oversized", (head + b"content-length: %d\r\n\r\n" % (TOO_LARGE * 200),))
    if how == 1:
        whole = head + b"content-length: %d\r\n\r\n" % TOO_LARGE
        return Sent("oversized", (whole, b"x" * 400_000))
    if how == 2:
        return Sent("oversized", (head + b"transfer-encoding: chunked\r\n\r\n", *[CHUNK] * 40))
    if how == 3:
        return Sent("oversized", (head + b"x-more: " + b"x" * 60_000, b"y" * 20_000 + b"\r\n\r\n"))
    return Sent("oversized", (b"GET /" + b"a" * 60_000 + b" HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n",))


def slow(drawn: Drawn) -> Sent:
    """Half a request, or one that trickles in."""
    body = drawn.body()
    whole = request(body, signed(body, secret="another"))
    half = whole[: drawn.chance.randint(1, len(whole) - 1)]
    if drawn.chance.random() < 0.5:
        return Sent("slow", (half,))
    return Sent("slow", tuple(half[at : at + 1] for at in range(min(len(half), 30))), pause_seconds=1.0)


def astray(drawn: Drawn) -> Sent:
    """Requests for pages without the right to them: strange paths, methods, hosts, links and cookies."""
    path = drawn.chance.choice(
        (
            "/",
            "/audit",
            f"/reports/{drawn.chance.getrandbits(90)}",
            "/reports/" + "9" * 5_000,
            "/reports/%00.md",
            f"/pictures/{drawn.chance.getrandbits(256):x}.png",
            f"/?below={drawn.chance.getrandbits(90)}&status=open",
            f"/reports/1?link={drawn.noise(1, 60).hex()}.{drawn.noise(4, 20).hex()}",
            "/reports/1?link=WyJ0ZXJtaW5hbDpyb290IiwiLyIsOTk5OTk5OTk5OV0.AAAA",
            "/../../etc/passwd",
            "//evil.example/%2e%2e",
            "/metrics",
            "/login/done?code=x&state=y",
            "/static/x",
        )
    )
    method = drawn.chance.choice(("GET", "GET", "GET", "HEAD", "PUT", "DELETE", "OPTIONS", "POST"))
    more = drawn.chance.choice(
        (
            [],
            [("host", "evil.example")],
            [("cookie", "recsysops=" + "e30=." * 20)],
            [("x-forwarded-host", "e")],
        )
    )
    return Sent("astray", (request(b"", more, path, method),))


STRANGE: tuple[Headers, ...] = (
    [],
    [("host", "evil.example")],
    [("cookie", "recsysops=" + "e30=." * 20)],
    [("x-forwarded-host", "evil.example")],
)

KINDS: dict[str, tuple[float, Callable[[Drawn], Sent]]] = {
    "forged": (24, forged),
    "malformed": (25, malformed),
    "misshapen": (8, misshapen),
    "unreadable": (8, unreadable),
    "astray": (10, astray),
    "rebound": (4, rebound),
    "signed for another time": (8, late),
    "replayed": (5, replayed),
    "oversized": (4, oversized),
    "slow": (2, slow),
    "out of order": (2, out_of_order),
}
"""Kind → how often (per hundred), and the function that draws it."""
