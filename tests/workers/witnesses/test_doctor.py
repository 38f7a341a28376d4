"""The doctor advises a witness, and says what troubles one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Engine

from domain.answer import Advice
from tests.workers.witnesses.conftest import Service, reply
from tests.workers.witnesses.test_hand import FOLDER, declared
from workers.doctor.witnesses import examine_witnesses
from workers.log.handle import Answer
from workers.store.memory import recall, recall_beginning, remember
from workers.witnesses.hand import MEMORY, database_clock, hand_over
from workers.witnesses.kind import Surroundings

HOOK = '[witness.hook]\nkind = "webhook"\nurl = "{url}"\nsecret_env = "WITNESS_SECRET"\n'
Says = Callable[[str], list[Advice]]


@pytest.fixture
def says(database_url: str, tmp_path: Path) -> Says:
    environment = {
        "DATABASE_URL": database_url,
        "RECSYSOPS_VAR": str(tmp_path / "var"),
        "RECSYSOPS_SIGNING_KEY": "key.pem",
        "WITNESS_SECRET": "a shared secret",
    }
    return lambda text: list(examine_witnesses(declared(tmp_path, text), environment))


def test_where_there_is_none_one_is_advised(says: Says) -> None:
    (advice,) = says("")
    assert (advice.level, advice.where) == ("note", "witness")
    assert "its owner could cut the log's end off unseen" in advice.says
    assert advice.fix is not None
    assert "add [witness.NAME]" in advice.fix


def test_one_that_shows_what_it_took_is_well(
    says: Says, log: Engine, opened: Callable[..., Answer], key: Ed25519PrivateKey, tmp_path: Path
) -> None:
    opened()
    assert [one.level for one in says(FOLDER)] == ["ok"]
    hand_over(log, declared(tmp_path, FOLDER), lambda: key, Surroundings({}, tmp_path))
    assert [one.level for one in says(FOLDER)] == ["ok"]
    file = tmp_path / "vault" / "main.jsonl"
    file.write_text(file.read_text().replace('"position":1', '"position":9'))
    (advice,) = says(FOLDER)
    assert "line 1: the checkpoint is not what was signed" in advice.says


def test_one_that_does_not_take_its_checkpoint_is_an_error(
    says: Says,
    log: Engine,
    opened: Callable[..., Answer],
    key: Ed25519PrivateKey,
    tmp_path: Path,
    service: Service,
    around: Surroundings,
) -> None:
    opened()
    text = HOOK.format(url=service.url)
    service.answer = lambda request, _: reply(request, 500, b"no space left")
    hand_over(log, declared(tmp_path, text), lambda: key, around)
    note, error = says(text)
    assert (note.level, error.level) == ("note", "error")
    assert error.says == "did not take a checkpoint: it answered 500: no space left"


def test_one_that_waits_for_long_is_a_warning(
    says: Says, log: Engine, opened: Callable[..., Answer], key: Ed25519PrivateKey, tmp_path: Path
) -> None:
    opened()
    hand_over(log, declared(tmp_path, FOLDER), lambda: key, Surroundings({}, tmp_path))
    opened("Comedy", "another")
    assert [one.level for one in says(FOLDER)] == ["ok"]
    with log.begin() as connection:
        (name,) = recall_beginning(connection, MEMORY)
        long_ago = database_clock(connection) - timedelta(hours=3)
        remember(connection, name, recall(connection, name) | {"taken_at": long_ago})
    (advice,) = says(FOLDER)
    assert advice.level == "warning"
    assert "1 events came since position 1" in advice.says
