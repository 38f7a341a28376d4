"""The checks' record at the terminal."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from sqlalchemy import Engine

from tests.bot.terminal import Terminal
from tests.workers.detect.test_record import TOML
from workers.declaration.declare import load
from workers.detect.record import begin_records
from workers.environment import clock


def test_the_ledger_says_what_a_record_lacks_to_leave_shadow_mode(
    terminal: Terminal, tmp_path: Path, log: Engine
) -> None:
    file = tmp_path / "recsysops.toml"
    file.write_text(TOML)
    begin_records(log, load(file).checks.values(), clock.now() - timedelta(days=2))
    ledger = terminal("check", "ledger", "--json").json["checks"]
    assert [(one["check"], one["shadow"], one["alarms"], one["earned"]) for one in ledger] == [
        ("total", False, 0, False),
        ("trial", True, 0, False),
    ]
    assert "2 of 14 days on record" in terminal("check", "ledger").out
