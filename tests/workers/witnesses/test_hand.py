"""The clock hands checkpoints over: when the log grew, at most once in a while, exactly once per position."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Engine

from domain.errors import ConfigurationError, Tampered
from domain.incident.commands import AddNote
from domain.recommender.recommender import Recommender
from tests.workers.witnesses.conftest import Service, reply
from workers.declaration.declare import load
from workers.log.handle import Answer
from workers.process.schedule import WITNESS_SECONDS, Ticks
from workers.store.integrity.rebuild import rebuild
from workers.store.log.checkpoint import read_file
from workers.witnesses.hand import MEMORY, hand_over, known, to_post, took
from workers.witnesses.held import standings, vouched
from workers.witnesses.kind import Surroundings

Opened = Callable[..., Answer]
Pressed = Callable[..., Answer]
SHOP = '[recommender]\nname = "shop"\n[tables.views]\npath = "views.csv"\n'
FOLDER = '[witness.vault]\nkind = "folder"\npath = "vault"\n'


def declared(folder: Path, text: str) -> Recommender:
    file = folder / "recsysops.toml"
    file.write_text(SHOP + text)
    return load(file, {})


@pytest.fixture
def grown(opened: Opened, pressed: Pressed) -> Callable[[], None]:
    """Adds an event to the log."""
    stream = opened().stream
    count = iter(range(1000))

    def grow() -> None:
        pressed(stream, AddNote(text="more"), f"more-{next(count)}")

    return grow


def positions(folder: Path) -> list[int]:
    return [one.checkpoint.position for one in read_file(folder / "vault" / "main.jsonl")]


@pytest.fixture
def hand(
    log: Engine, key: Ed25519PrivateKey, around: Surroundings
) -> Callable[[Recommender, timedelta], int]:
    """One beat of the clock, so long from now."""

    def beat(recommender: Recommender, after: timedelta = timedelta(0)) -> int:
        return hand_over(log, recommender, lambda: key, around, datetime.now(UTC) + after)

    return beat


Hand = Callable[..., int]


def test_a_checkpoint_is_handed_over_when_the_log_has_grown_and_not_more_often_than_declared(
    log: Engine, grown: Callable[[], None], hand: Hand, tmp_path: Path
) -> None:
    shop = declared(tmp_path, FOLDER + 'every = "1h"')
    assert hand(shop) == 1
    grown()
    for minutes, handed in ((0, 0), (10, 0), (50, 0), (61, 1)):
        assert hand(shop, timedelta(minutes=minutes)) == handed
    assert positions(tmp_path) == [1, 2]
    assert hand(shop, timedelta(hours=9)) == 0  # nothing new
    assert positions(tmp_path) == [1, 2]


def test_an_empty_log_is_nothing_to_hand_over(log: Engine, hand: Hand, tmp_path: Path) -> None:
    assert hand(declared(tmp_path, FOLDER)) == 0
    assert not (tmp_path / "vault").exists()


def test_a_clock_that_was_set_back_does_not_stop_it(
    grown: Callable[[], None], hand: Hand, tmp_path: Path
) -> None:
    shop = declared(tmp_path, FOLDER)
    hand(shop)
    grown()
    assert hand(shop, timedelta(days=-9000)) == 1


def test_a_witness_that_fails_is_asked_again_with_the_same_and_its_trouble_is_shown(
    log: Engine, grown: Callable[[], None], hand: Hand, tmp_path: Path, service: Service
) -> None:
    text = f'[witness.hook]\nkind = "webhook"\nurl = "{service.url}"\nsecret_env = "WITNESS_SECRET"\n'
    shop = declared(tmp_path, text + FOLDER)
    service.answer = lambda request, _: reply(request, 503, b"later")
    assert hand(shop) == 1  # the folder is not held up by it
    (hook, vault) = standings(log, shop.witness)
    assert (hook.position, hook.behind, hook.waiting, vault.position) == (0, 1, True, 1)
    assert hook.trouble == "it answered 503: later"
    grown()
    assert hand(shop) == 0  # not before its pause is over
    service.answer = service.keep
    assert hand(shop, timedelta(minutes=11)) == 1
    first, second = (body for method, _, _, body in service.asked if method == "POST")
    assert first == second
    assert standings(log, shop.witness)[0].trouble is None


def test_a_witness_that_took_it_and_whose_answer_was_lost_is_asked_again_and_holds_it_once(
    log: Engine, opened: Opened, hand: Hand, tmp_path: Path, service: Service
) -> None:
    text = f'[witness.hook]\nkind = "webhook"\nurl = "{service.url}"\nsecret_env = "WITNESS_SECRET"\n'
    shop = declared(tmp_path, text)
    opened()

    def take_and_fail(request: object, body: bytes) -> None:
        service.lines.setdefault("checkpoint:main:1", body.decode())
        raise ConnectionError

    service.answer = take_and_fail
    hand(shop)
    service.answer = service.keep
    hand(shop, timedelta(days=900))
    assert list(service.lines) == ["checkpoint:main:1"]


CLOCK = """
import sys
from pathlib import Path
from workers.environment.settings import read_settings
from workers.declaration.declare import load
from workers.store.connection import engine
from workers.store.signature import signing_key
from workers.witnesses.hand import hand_over
from workers.witnesses.kind import Surroundings

url, folder = sys.argv[1], Path(sys.argv[2])
settings = read_settings({"RECSYSOPS_VAR": str(folder / "var")})
around = Surroundings({}, folder / "var")
while True:
    hand_over(engine(url), load(folder, {}), lambda: signing_key(settings), around)
"""


def test_killed_at_any_moment_each_position_is_held_once(
    log: Engine, grown: Callable[[], None], tmp_path: Path, database_url: str, root: Path
) -> None:
    text = '[witness.repository]\nkind = "git"\npath = "repository.git"\nevery = "0s"\n'
    shop = declared(tmp_path, FOLDER + 'every = "0s"\n' + text)
    for _ in range(6):
        clock = subprocess.Popen(
            [sys.executable, "-c", CLOCK, database_url, str(tmp_path)], cwd=root, start_new_session=True
        )
        for _ in range(4):
            grown()
            time.sleep(random.uniform(0.1, 0.5))
        os.killpg(clock.pid, signal.SIGKILL)
        clock.wait()
    clock = subprocess.Popen(
        [sys.executable, "-c", CLOCK, database_url, str(tmp_path)], cwd=root, start_new_session=True
    )
    until = time.monotonic() + 60
    while any(one.behind for one in standings(log, shop.witness)) and time.monotonic() < until:
        time.sleep(0.1)
    os.killpg(clock.pid, signal.SIGKILL)
    clock.wait()
    around = Surroundings({}, tmp_path / "var")
    said = vouched(log, shop.witness, around)
    assert said.compared is not None
    assert (said.behind, said.unread, said.compared.newest) == (0, {}, 25)
    held = positions(tmp_path)
    assert held == sorted(set(held))
    subjects = subprocess.run(
        ["git", "-C", str(tmp_path / "repository.git"), "log", "--format=%s", "recsysops-checkpoints"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.splitlines()
    assert len(subjects) == len(set(subjects))


def rewrite(owner: psycopg.Connection, statement: str) -> None:
    owner.execute("ALTER TABLE events DISABLE TRIGGER USER; ALTER TABLE log DISABLE TRIGGER USER")
    owner.execute(statement)
    owner.execute("ALTER TABLE events ENABLE TRIGGER USER; ALTER TABLE log ENABLE TRIGGER USER")


CUT = "DELETE FROM log WHERE position = 3; DELETE FROM events WHERE version = 3"
ANEW = "UPDATE log SET hash = sha256(hash)"


@pytest.mark.parametrize(
    ("change", "says"),
    [(CUT, "the log ends at 2: its end was cut off"), (ANEW, "another hash of position 3 than")],
)
def test_a_log_that_is_no_longer_the_one_it_knows_is_not_handed_over(  # noqa: PLR0917
    log: Engine,
    grown: Callable[[], None],
    hand: Hand,
    tmp_path: Path,
    owner: psycopg.Connection,
    around: Surroundings,
    change: str,
    says: str,
) -> None:
    shop = declared(tmp_path, FOLDER)
    grown()
    grown()
    hand(shop)
    rewrite(owner, change)
    rebuild(log)
    assert hand(shop, timedelta(days=900)) == 0
    trouble = standings(log, shop.witness)[0].trouble
    assert trouble is not None
    assert says in trouble
    with pytest.raises(Tampered, match="the witness “vault”"):
        vouched(log, shop.witness, around)
    # Whoever owns the tables can also make us forget what the witness took: it has not forgotten.
    owner.execute("DELETE FROM memory")
    log.dispose()  # and this process forgets where the incident stood
    grown()
    hand(shop, timedelta(days=900))
    assert positions(tmp_path) == [3]
    with pytest.raises(Tampered, match="the witness “vault”"):
        vouched(log, shop.witness, around)


def test_a_witness_that_lost_what_it_took_is_named(
    log: Engine, opened: Opened, hand: Hand, tmp_path: Path, around: Surroundings
) -> None:
    shop = declared(tmp_path, FOLDER)
    opened()
    hand(shop)
    (tmp_path / "vault" / "main.jsonl").unlink()
    with pytest.raises(Tampered, match=r"took the checkpoint of position 1 .* does not hold it any more"):
        vouched(log, shop.witness, around)


def test_without_a_witness_nobody_vouches(log: Engine, opened: Opened, around: Surroundings) -> None:
    opened()
    said = vouched(log, {}, around)
    assert (said.witnesses, said.compared, said.behind) == ((), None, 1)


def test_a_channel_is_left_for_the_chats_side(
    log: Engine, opened: Opened, hand: Hand, tmp_path: Path
) -> None:
    shop = declared(tmp_path, '[witness.channel]\nkind = "slack"\nchannel = "#record"\n')
    opened()
    assert to_post(log, shop.witness) == []
    assert hand(shop) == 0
    (post,) = to_post(log, shop.witness)
    assert (post.channel, post.position, post.key) == ("#record", 1, "checkpoint:main:1")
    took(log, "channel", 1)
    assert to_post(log, shop.witness) == []
    assert standings(log, shop.witness)[0].behind == 0
    with log.connect() as connection:
        assert known(connection, "channel").taken is not None


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('kind = "folders"\npath = "x"', "vault.kind: 'folders' is not known; did you mean \"folder\"?"),
        ('kind = "folder"\npaht = "x"', 'vault.paht: unknown key; did you mean "path"?'),
        ('kind = "folder"', "vault.path: missing"),
        ('path = "x"', "vault.kind: missing"),
        ('kind = "folder"\npath = "x"\nevery = "often"', "vault.every: 'often' is not a length of time"),
        ('kind = "webhook"\nurl = "http://h/"\nsecret_env = "S"', "needs https"),
        ('kind = "git"\npath = "x"\nurl = "y"', "either path or url"),
        ('kind = "git"\nurl = "--upload-pack=x"', "does not name a repository"),
        ('kind = "git"\nurl = "x"\nbranch = "-f"', "is not the name of a branch"),
        ('kind = "slack"\nchanel = "#x"', 'vault.chanel: unknown key; did you mean "channel"?'),
    ],
)
def test_what_is_wrong_in_a_declaration_is_said_with_the_right_name(
    tmp_path: Path, text: str, says: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        declared(tmp_path, f"[witness.vault]\n{text}\n")
    assert says in str(caught.value)
    with pytest.raises(ConfigurationError, match='did you mean "witness"'):
        declared(tmp_path, '[witnes.vault]\nkind = "folder"\npath = "x"\n')


def test_the_clock_has_a_beat_for_it_where_a_witness_is_declared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from workers.process import schedule

    def ticks(text: str) -> Ticks:
        shop = declared(tmp_path, text)
        monkeypatch.setattr(schedule, "recommender", lambda: shop)
        return schedule.declared_ticks()

    assert "recsysops.witness" not in ticks("").every
    assert ticks(FOLDER).every["recsysops.witness"] == WITNESS_SECONDS
    assert ticks(FOLDER + 'every = "5s"').every["recsysops.witness"] == 5.0
    assert ticks(FOLDER + 'every = "0s"').every["recsysops.witness"] == 1.0
    assert MEMORY == "witness:"
