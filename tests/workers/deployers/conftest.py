"""A registry of models for the tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.workers.deployers.mlflow_server import Registry, running


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """One server for all tests: use models of your own."""
    with running(tmp_path_factory.mktemp("mlflow")) as started:
        yield started
