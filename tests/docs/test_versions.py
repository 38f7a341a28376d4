"""One version for all that is released together, and a section of the changelog for it."""

from __future__ import annotations

import tomllib
from typing import Any

from docs.generate.pages import ROOT


def project(folder: str) -> dict[str, Any]:
    declared = tomllib.loads((ROOT / folder / "pyproject.toml").read_text(encoding="utf-8"))
    return dict(declared["project"])


def test_the_project_its_client_and_its_example_have_one_version_which_the_changelog_lists() -> None:
    version = project("")["version"]
    assert {project(folder)["version"] for folder in ("client", "examples")} == {version}
    assert f"recsysops-client=={version}" in project("examples")["dependencies"]
    lines = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if line.startswith(f"## {version}")] != []


def test_the_example_needs_the_same_films_wherever_it_is_installed_from() -> None:
    (films,) = project("")["optional-dependencies"]["cinema"]
    assert films in project("examples")["dependencies"]
