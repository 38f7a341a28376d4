"""A real recommender behind HTTP: the client's receiver, what it serves, and how it misbehaves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import orjson
from recsysops_client import HotfixCall, WebhookReceiver

from tests.listening import Quiet, listening_as

SECRET = "between the two of us"


@dataclass
class Target:
    """
    Attributes:
        done: how often it really acted, by (id, action).
        asked: how often it was asked what is in force.
        lies: it says that it did what it did not do.
        late: how many more questions are answered as if what was done had not arrived yet.
        confirms: what is sent instead of the right answer to such a question: (status, bytes, all of them).
    """

    journal: Path
    url: str = ""
    done: Counter[tuple[str, str]] = field(default_factory=Counter)
    asked: int = 0
    lies: bool = False
    late: int = 0
    confirms: tuple[int, bytes, bool] | None = None
    serving: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.receiver = WebhookReceiver(SECRET, self.journal)
        self.receiver.register("fill_language", self._act)
        self.receiver.confirm_by(self._serving)
        self._before = frozenset[str]()

    def _act(self, call: HotfixCall) -> str:
        self.done[call.id, call.action] += 1
        self._before = frozenset(self.serving)
        if not self.lies:
            (self.serving.add if call.action == "apply" else self.serving.discard)(call.id)
        return f"{call.action} done"

    def _serving(self) -> frozenset[str]:
        self.late -= 1
        return self._before if self.late >= 0 else frozenset(self.serving)

    def answer(self, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes, bool]:
        """Status, body, and whether all of the body is sent."""
        if orjson.loads(body).get("action") == "confirm":
            self.asked += 1
            if self.confirms is not None:
                return self.confirms
        status, document = self.receiver.receive(headers, body)
        return status, orjson.dumps(document), True


@contextmanager
def listening(target: Target) -> Iterator[Target]:
    """The target behind HTTP while the block lasts."""

    class Called(Quiet):
        def answer(self) -> None:
            status, said, whole = target.answer(dict(self.headers), self.body())
            self.send_response(status)
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said if whole else said[: len(said) // 2])
            self.close_connection = True

    with listening_as(Called) as address:
        target.url = f"{address}/hotfixes"
        yield target
