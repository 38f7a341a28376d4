from __future__ import annotations

import subprocess
import sys
from pathlib import Path

FAILS = """
import structlog
from workers.store.connection import engine

try:
    engine("postgresql://me:hunter2@127.0.0.1:1/incidents").connect()
except Exception:
    structlog.get_logger().exception("follower_failed", follower="debts")
"""


def test_an_error_is_told_with_where_it_came_from_and_without_the_password_in_an_address(root: Path) -> None:
    said = subprocess.run([sys.executable, "-c", FAILS], cwd=root, capture_output=True, text=True, check=True)
    told = said.stdout + said.stderr
    assert "follower_failed" in told
    assert "OperationalError" in told
    assert "hunter2" not in told
    assert "locals" not in told
