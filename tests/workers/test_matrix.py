"""One matrix for all checks: what each of them has to stand."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from workers.conformance import SITUATIONS, hold

CHECKS: Mapping[str, Mapping[str, Any]] = {
    "volume": {},
    "freshness": {},
    "slice_volume": {},
    "schema": {},
    "missing": {},
    "domain": {},
    "duplicates": {"key": ["id"]},
    "references": {},
    "drift": {},
    "series": {"measure": "minutes", "aggregate": "mean"},
}


@pytest.mark.parametrize("situation", SITUATIONS)
@pytest.mark.parametrize("kind", CHECKS)
def test_a_check_stands_what_every_check_has_to_stand(kind: str, situation: str, tmp_path: Path) -> None:
    hold({"kind": kind, **CHECKS[kind]}, situation, tmp_path)
