"""
Kills aimed between an effect in the world and its record.

Whoever the effect arrives at pulls the trigger: the receiver of deployments, the workspace, the database. The
project's own code knows nothing of it.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import psycopg
import pytest

from bot.workspace import messages
from bot.workspace.web_api import METHODS, Json, Method
from bot.workspace.world import World
from tests.crash.killer import Killer
from workers.store.connection import driver_address

PLACES: Mapping[str, str] = {
    "repaired": "worker",  # the receiver did it; its answer is not on the way yet
    "answered": "worker",  # the answer has left
    "posted": "announce",  # the workspace shows the message; its answer is not on the way yet
    "post_answered": "announce",  # the answer has left
    "diagnosed": "worker",  # all is computed, the picture kept, nothing recorded
    "clicked": "web",  # committed; the person has not been told
}
"""Where a shot is fired → who dies."""

ANSWERED_SECONDS = 0.004
"""After an answer has left: about as long as it takes to arrive, and not yet to be written down."""

TRIGGERS = """
CREATE FUNCTION crash_notify() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN PERFORM pg_notify('crash', TG_ARGV[0]); RETURN NULL; END $$;
CREATE TRIGGER crash_diagnosed AFTER INSERT ON attachments
    FOR EACH ROW EXECUTE FUNCTION crash_notify('diagnosed');
CREATE TRIGGER crash_clicked AFTER INSERT ON events
    FOR EACH ROW WHEN (NEW.actor_kind = 'person') EXECUTE FUNCTION crash_notify('clicked');
"""

LEAVE = "DROP FUNCTION crash_notify() CASCADE"


class Aims:
    """
    Attributes:
        shots: how often somebody was killed, by place; at most `each` times.
    """

    def __init__(self, each: int) -> None:
        self.shots = Counter[str]()
        self.address = ""
        self._each = each
        self._killer: Killer | None = None
        self._lock = threading.Lock()

    def load(self, killer: Killer) -> None:
        """From here on shots are fired."""
        self._killer = killer

    def leave(self) -> None:
        """Take the triggers out of the store: one that is verified has none but its own."""
        with psycopg.connect(self.address, autocommit=True) as connection:
            connection.execute(LEAVE)

    def fire(self, place: str) -> bool:
        """
        Kill who is at this place now, unless that was done often enough; True where somebody was killed.

        Comes back when that is dead.
        """
        if self._killer is None:
            return False
        with self._lock:
            if self.shots[place] >= self._each:
                return False
            self.shots[place] += 1
        self._killer.strike(PLACES[place])
        return True

    def fire_soon(self, place: str) -> None:
        """As `fire`, when an answer that leaves now has just arrived."""
        timer = threading.Timer(ANSWERED_SECONDS, self.fire, (place,))
        timer.daemon = True
        timer.start()

    @property
    def all_fired(self) -> bool:
        """True where every place had all of its shots."""
        return all(self.shots[place] >= self._each for place in PLACES)


def watch_posts(aims: Aims, patch: pytest.MonkeyPatch) -> None:
    """Every post that the workspace accepts reaches `aims`."""

    def post(world: World, args: Json) -> Json:
        answer = messages.post(world, args)
        if not aims.fire("posted"):  # else nobody is there any more to hear the answer
            aims.fire_soon("post_answered")
        return answer

    patch.setitem(METHODS, "chat.postMessage", Method(post, "chat:write"))


@contextmanager
def watched_store(aims: Aims, owner_url: str) -> Iterator[None]:
    """Every picture kept and every press committed reaches `aims`, also after the database was killed."""
    aims.address = address = driver_address(owner_url)
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(TRIGGERS)
    over = threading.Event()

    def listen() -> None:
        while not over.is_set():
            try:
                with psycopg.connect(address, autocommit=True, connect_timeout=5) as connection:
                    connection.execute("LISTEN crash")
                    while not over.is_set():
                        for notice in connection.notifies(timeout=0.5):
                            aims.fire(notice.payload)
            except psycopg.OperationalError:
                over.wait(0.1)  # killed; it comes back

    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(10)
