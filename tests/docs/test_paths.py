"""Where the documentation says that something stands in the code, it stands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from docs.generate.pages import ROOT

CODE = re.compile(r"`((?:bot|workers|domain|client|migrations|examples|tests|docs|benchmarks)/[\w./-]*)`")


def pages() -> list[Path]:
    return [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_every_file_that_a_page_names_is_there(page: Path) -> None:
    named = {path for path in CODE.findall(page.read_text(encoding="utf-8")) if "*" not in path}
    assert [path for path in sorted(named) if not (ROOT / path).exists()] == []
