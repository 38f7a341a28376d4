"""Checks that could be added: what nothing watches yet, as TOML that can be used as is."""

from __future__ import annotations

import re
from pathlib import Path

from tests.workers.doctor.kiosk import DECLARATION, NOW
from workers.checks.run import State, run_checks
from workers.declaration.declare import load
from workers.doctor.doctor import check
from workers.doctor.unwatched import suggest


def _kinds(text: str) -> set[str]:
    return set(re.findall(r'^kind = "(\w+)"', text, re.MULTILINE))


def test_what_is_suggested_can_be_added_as_it_is_and_every_check_of_it_looks(kiosk: Path) -> None:
    file = kiosk / "recsysops.toml"
    suggested = suggest(file)
    assert {"item_parity", "score_parity", "versions", "sampling", "joins", "production_bias"} <= _kinds(
        suggested
    )
    file.write_text(DECLARATION + "\n" + suggested)
    assert [one for one in check(file, environment={}, at=NOW) if one.where.startswith("checks.")] == []
    looked = run_checks(load(file, {}), NOW, State())
    assert looked.findings == ()
    assert looked.unjudged <= {"ranked_versions"}  # its version has only just been released
    assert suggest(file) == ""


def test_all_that_is_suggested_begins_in_shadow_mode(kiosk: Path) -> None:
    suggested = suggest(kiosk)
    assert suggested.count("shadow = true") == suggested.count("[checks.")


def test_the_doctor_names_the_kinds_until_they_are_declared(kiosk: Path) -> None:
    def noted() -> str:
        return " ".join(one.says for one in check(kiosk, environment={}, at=NOW) if one.where == "checks")

    assert "item_parity" in noted()
    file = kiosk / "recsysops.toml"
    file.write_text(DECLARATION + '\n[checks.places]\nkind = "item_parity"\ntable = "offered"\n')
    assert "item_parity" not in noted()


def test_a_join_by_a_column_that_a_table_lacks_is_not_suggested(kiosk: Path) -> None:
    file = kiosk / "recsysops.toml"
    file.write_text(DECLARATION.replace('request = "visit"\nitem', 'request = "basket"\nitem'))
    assert "sampling" not in _kinds(suggest(file))
