"""A tracker over HTTP that can be told to go wrong; `github` and `jira` beside it give their own answers."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, TypeVar
from urllib.parse import parse_qs, urlsplit

import orjson

from tests.listening import Quiet, listening_as

Fault = Literal["late", "lost"] | int
"""Done but answered late; done but its answer is lost; not done, and refused with this status."""

Answer = tuple[int, Any]


@dataclass
class Site:
    """
    Attributes:
        requests: (method, path) in the order in which they came.
        faults: (method, path's end, what goes wrong), each of them once.
        refusal: what a refused request is answered.
    """

    authorization: str
    url: str = ""
    requests: list[tuple[str, str]] = field(default_factory=list)
    faults: list[tuple[str, str, Fault]] = field(default_factory=list)
    refusal: object = None
    late_seconds: ClassVar[float] = 1.5

    def __post_init__(self) -> None:
        self.lock = threading.Lock()

    def answer(self, method: str, path: str, asked: dict[str, str], document: Any) -> Answer:
        """What the tracker says; one request at a time."""
        raise NotImplementedError

    def count(self, method: str, end: str) -> int:
        """How many requests there were."""
        return sum(one == method and path.endswith(end) for one, path in self.requests)

    def fault(self, method: str, path: str) -> Fault | None:
        """What goes wrong with this request."""
        for one in self.faults:
            if one[0] == method and path.endswith(one[1]):
                self.faults.remove(one)
                return one[2]
        return None


AnySite = TypeVar("AnySite", bound=Site)


def _handler(site: Site) -> type[Quiet]:
    class Handler(Quiet):
        def answer(self) -> None:
            parts = urlsplit(self.path)
            body = self.body()
            with site.lock:
                site.requests.append((self.command, parts.path))
                fault = site.fault(self.command, parts.path)
                status, document = self.said(parts.path, parts.query, body, fault)
            if fault == "lost":
                self.close_connection = True
                return
            if fault == "late":
                time.sleep(site.late_seconds)
            text = b"" if document is None else orjson.dumps(document)
            with contextlib.suppress(ConnectionError):  # whoever asked does not wait for ever
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

        def said(self, path: str, query: str, body: bytes, fault: Fault | None) -> Answer:
            if self.headers["Authorization"] != site.authorization:
                return 401, {"message": "Bad credentials"}
            if isinstance(fault, int):
                return fault, site.refusal
            asked = {name: values[0] for name, values in parse_qs(query).items()}
            return site.answer(self.command, path, asked, orjson.loads(body) if body else None)

    return Handler


@contextmanager
def listening(site: AnySite) -> Iterator[AnySite]:
    """The tracker, answering at its `url` while the block lasts."""
    with listening_as(_handler(site)) as site.url:
        yield site
