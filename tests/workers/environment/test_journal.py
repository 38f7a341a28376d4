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
    structlog.get_logger().exception("follower_failed", follower="obligations")
"""


def test_an_error_is_logged_with_its_origin_and_without_the_password_in_an_address(root: Path) -> None:
    said = subprocess.run([sys.executable, "-c", FAILS], cwd=root, capture_output=True, text=True, check=True)
    logged = said.stdout + said.stderr
    assert "follower_failed" in logged
    assert "OperationalError" in logged
    assert "hunter2" not in logged
    assert "locals" not in logged
