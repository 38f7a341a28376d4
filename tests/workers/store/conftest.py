"""Incidents that were closed long ago, a key that signs, and an empty store to put things into."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Engine, make_url

from domain.incident import commands as c
from domain.values import Actor, Improvement
from tests.workers.conftest import NOON, make_finding
from workers.embedded import Servers
from workers.log.handle import handle
from workers.store.connection import driver_address, engine, owner_engine

NOTHING = Improvement(detect_faster="no", diagnose_faster="no", change="nothing", detail="a holiday")


@pytest.fixture
def closed(log: Engine, detector: Actor, on_call: Actor) -> Callable[..., str]:
    """Opens an incident and closes it an hour later: `closed("Drama", at=NOON)`; returns its stream."""

    def live(genre: str = "Drama", at: datetime = NOON, last: c.Command | None = None) -> str:
        opening = c.OpenIncident(number=0, finding=make_finding(genre))
        stream = handle(None, opening, actor=detector, key=f"open-{genre}", at=at, log=log).stream
        ending = (c.Dismiss(reason="a holiday"), c.AnswerFollowUp(improvement=NOTHING), c.Close())
        for n, command in enumerate((*ending, *([last] if last else ()))):
            key = f"{genre}-{n}"
            handle(stream, command, actor=on_call, key=key, at=at + timedelta(hours=1, seconds=n), log=log)
        return stream

    return live


@pytest.fixture
def key() -> Ed25519PrivateKey:
    """The key of this installation."""
    return Ed25519PrivateKey.generate()


@pytest.fixture
def other(servers: Servers, template: str) -> Iterator[Engine]:
    """A second store, empty."""
    name = f"other_{uuid.uuid4().hex}"
    with psycopg.connect(driver_address(servers.database_url), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
        url = make_url(servers.database_url).set(database=name).render_as_string(hide_password=False)
        yield engine(url)
        engine(url).dispose()
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def tables_owner(database_url: str) -> Iterator[Engine]:
    """The store as the login that owns its tables."""
    owning = owner_engine(database_url)
    yield owning
    owning.dispose()
