"""A key of a real Valkey, and a way to it that can be cut."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from redis import Redis

from tests.proxy import Proxy


@pytest.fixture
def client(redis_url: str) -> Iterator[Redis]:
    with Redis.from_url(redis_url) as connected:
        yield connected


@pytest.fixture
def key(client: Redis) -> Iterator[str]:
    name = f"test:overrides:{uuid.uuid4().hex}"
    yield name
    client.delete(name)


@pytest.fixture
def way(redis_url: str) -> Iterator[Proxy]:
    target = urlsplit(redis_url)
    with Proxy(target.hostname or "127.0.0.1", target.port or 6379) as proxy:
        yield proxy
