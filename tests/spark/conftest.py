"""Without a Java that Spark runs on nothing here can run, and that is said once instead of by every test."""

from __future__ import annotations

import os

import pytest

from domain.errors import SourceError
from workers.sources.engines.spark import require_java


def pytest_sessionstart() -> None:
    """Ends the run with what to install."""
    try:
        require_java(os.environ.get("JAVA_HOME"))
    except SourceError as error:
        pytest.exit(f"make test-spark: {error}", returncode=2)
