"""Separate rooms for tests, and one shared by the tests that only look."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from sqlalchemy import Engine

from domain.incident.state import Incident
from domain.recommender.recommender import Recommender
from tests.conftest import fresh_database
from tests.domain.conftest import AT
from tests.domain.conftest import world as world  # noqa: PLC0414 (a fixture)
from tests.workers.bundle.room import Room
from tests.workers.respond.diagnose.test_diagnose import recommender as recommender  # noqa: PLC0414 (a fixture)
from workers.bundle.keep import Looked
from workers.embedded import Servers
from workers.respond.diagnose.diagnose import look_into
from workers.store.connection import engine


@pytest.fixture(scope="module")
def shared(
    servers: Servers,
    template: str,
    recommender: Recommender,
    world: SimpleNamespace,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Room]:
    """A room of all tests here that only look, or put back what they changed."""
    with fresh_database(servers, template) as url:
        yield Room(engine(url), recommender, world, tmp_path_factory.mktemp("shared"))


@pytest.fixture(scope="module")
def kept(shared: Room) -> Incident:
    """An incident of it, diagnosed by the worker."""
    incident = shared.opens()
    shared.settles(incident)
    return shared.card(incident.stream)


@pytest.fixture(scope="module")
def looked(recommender: Recommender, world: SimpleNamespace) -> Looked:
    """A diagnosis with what it was made from."""
    return look_into(recommender, world.finding, AT)


@pytest.fixture
def room(log: Engine, recommender: Recommender, world: SimpleNamespace, tmp_path: Path) -> Room:
    return Room(log, recommender, world, tmp_path / "bundles")
