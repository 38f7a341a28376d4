"""Which checks need data that are missing, so that nobody has to wait for them to fail."""

from __future__ import annotations

from pathlib import Path

from tests.workers.shop import DECLARED, write_shop
from workers.declaration.declare import load
from workers.doctor.checks import unfit

ADDED = {
    "rows": 'kind = "volume"\ntable = "shown"',
    "of_candidates": 'kind = "misses"\ntable = "candidates"',
    "of_what_is_shown": 'kind = "misses"\ntable = "shown"',
    "scores_of_what_is_shown": 'kind = "scores"\ntable = "shown"',
    "no_such_column": 'kind = "missing"\ntable = "shown"\ncolumns = ["shelf_mark"]',
}


def test_checks_that_ask_for_what_is_not_there_are_unfit_and_no_others(tmp_path: Path) -> None:
    write_shop(tmp_path)
    added = "\n".join(f"[checks.{name}]\n{keys}\n" for name, keys in ADDED.items())
    (tmp_path / "recsysops.toml").write_text(f"{DECLARED}\n{added}")
    shop = load(tmp_path, {})
    assert unfit(shop, ADDED) == {"of_what_is_shown", "scores_of_what_is_shown", "no_such_column"}
    (tmp_path / "shown.parquet").unlink()
    assert unfit(shop, ADDED) == frozenset(), "nobody knows what a table has that is gone"
