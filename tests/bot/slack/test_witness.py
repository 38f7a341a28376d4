"""A channel as a witness: posted once each, read back, and compared."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bot.settings import BotSettings
from bot.slack.chat import Chat, Later
from bot.slack.witness import post_all
from tests.bot.slack.test_announce import submit
from tests.bot.stories import OPENED, WAY
from tests.bot.terminal import Terminal
from tests.bot.workspace.driver import Driver
from workers.declaration.declare import load
from workers.door import Door
from workers.environment.settings import settings
from workers.store.connection import driver_address
from workers.store.memory import recall, remember
from workers.witnesses.hand import hand_over
from workers.witnesses.kind import Surroundings

CHANNEL = '[witness.channel]\nkind = "slack"\nchannel = "#recsysops"\nevery = "0s"\n'


@pytest.fixture
def terminal(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    database_url: str,
    given: BotSettings,
    tmp_path: Path,
) -> Terminal:
    here = {
        "DATABASE_URL": database_url,
        "RECSYSOPS_VAR": str(tmp_path / "var"),
        "RECSYSOPS_CONFIG": str(tmp_path / "recsysops.toml"),
        "SLACK_BOT_TOKEN": given.bot_token,
        "SLACK_BASE_URL": given.slack_base_url,
    }
    return Terminal(monkeypatch, capsys, here)


@pytest.fixture
def declared(tmp_path: Path, door: Door) -> Path:
    file = tmp_path / "recsysops.toml"
    file.write_text(file.read_text() + CHANNEL)
    return file


@pytest.fixture
def announcing(monkeypatch: pytest.MonkeyPatch, terminal: Terminal, declared: Path) -> Iterator[None]:
    """The environment of the announcer, for what reads it by itself."""
    for name, value in terminal.environment.items():
        monkeypatch.setenv(name, value)
    settings.cache_clear()
    yield
    settings.cache_clear()


def beat(door: Door, declared: Path, key: Ed25519PrivateKey) -> None:
    hand_over(door.log, load(declared, {}), lambda: key, Surroundings({}, declared.parent))


@pytest.mark.usefixtures("announcing")
def test_a_checkpoint_is_posted_once_also_where_nobody_heard_that_it_was(
    door: Door, declared: Path, given: BotSettings, person: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = Ed25519PrivateKey.generate()
    submit(door, OPENED)
    beat(door, declared, key)
    chat = Chat(given.bot_token, given.slack_base_url)
    said = chat._say

    def say_and_fail(*asked: object) -> str:
        said(*asked)  # type: ignore[arg-type]
        raise Later("chat.postMessage", 0.0)

    with monkeypatch.context() as patch:
        patch.setattr(chat, "_say", say_and_fail)
        assert post_all(chat) == 0
    with door.log.begin() as connection:
        remember(connection, "witness:channel", recall(connection, "witness:channel") | {"again_at": None})
    assert post_all(Chat(given.bot_token, given.slack_base_url)) == 1
    assert post_all(Chat(given.bot_token, given.slack_base_url)) == 0
    texts = [message["text"] for message in person.messages() if "Checkpoint" in message["text"]]
    assert len(texts) == 1
    assert "position 1" in texts[0]


@pytest.mark.usefixtures("announcing")
def test_the_terminal_holds_the_log_against_the_channel(
    door: Door, declared: Path, given: BotSettings, terminal: Terminal, database_url: str
) -> None:
    key = Ed25519PrivateKey.generate()
    submit(door, *WAY[:3])
    chat = Chat(given.bot_token, given.slack_base_url)
    beat(door, declared, key)
    assert post_all(chat) == 1
    said = terminal("events", "verify").out
    found = re.search(r"1 checkpoints fit, the newest of position (\d+)", said)
    assert found is not None
    position = int(found[1])
    assert "cannot be seen from here" not in said
    assert "up to date" in terminal("events", "witnesses").out
    with psycopg.connect(driver_address(database_url), autocommit=True) as owner:
        owner.execute("ALTER TABLE log DISABLE TRIGGER USER")
        owner.execute("UPDATE log SET hash = sha256(hash)")
        owner.execute("ALTER TABLE log ENABLE TRIGGER USER")
    done = terminal("events", "verify", code=1)
    assert (
        f"the witness “channel” (its channel, line 1) vouches for another hash at position {position}"
        in done.err
    )


@pytest.mark.usefixtures("announcing")
def test_a_channel_that_is_not_there_is_its_trouble(
    door: Door, declared: Path, given: BotSettings, terminal: Terminal
) -> None:
    declared.write_text(declared.read_text().replace("#recsysops", "#nowhere"))
    submit(door, OPENED)
    beat(door, declared, Ed25519PrivateKey.generate())
    assert post_all(Chat(given.bot_token, given.slack_base_url)) == 0
    assert (
        "there is no channel #nowhere"
        in terminal("events", "witnesses", "--json").json["witnesses"][0]["trouble"]
    )
    assert "could not be read: #nowhere: there is no channel" in terminal("events", "verify").out
