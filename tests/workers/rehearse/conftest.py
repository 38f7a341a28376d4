"""One healthy recommender for all rehearsals, copied for each test that changes something in it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.workers.rehearse.small import write_small


@pytest.fixture(scope="session")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of one in which nothing is wrong, and in which nothing is changed."""
    folder: Path = tmp_path_factory.mktemp("healthy")
    write_small(folder)
    return folder


@pytest.fixture
def folder(healthy: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(healthy, tmp_path / "small"))
