"""Links lead somewhere, every page is in the menu, and variables that are named exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.pages import PAGES, ROOT
from workers.environment.variables import VARIABLES

LINK = re.compile(r"\]\((?!https?://|mailto:)([^)#\s]*)(?:#([\w-]*))?\)")
TITLE = re.compile(r"^#+ (.+)$", re.MULTILINE)
OURS = re.compile(r"\b(?:RECSYSOPS|SLACK|OIDC|METRICS|DATABASE|BROKER)_[A-Z_]+\b")


def anchors(page: Path) -> set[str]:
    """What the titles of a page are called in links."""
    titles = TITLE.findall(page.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w -]", "", title.lower()).strip().replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])
def test_every_link_leads_to_a_file_and_to_a_title_in_it(page: Path) -> None:
    for target, anchor in LINK.findall(page.read_text(encoding="utf-8")):
        file = (page.parent / target).resolve() if target else page
        assert file.exists(), f"{page.name} links to {target}"
        assert not anchor or anchor in anchors(file), f"{page.name} links to {target}#{anchor}"


def test_every_page_is_in_the_menu_and_the_menu_has_no_other() -> None:
    menu = set(
        re.findall(r"- ([\w/-]+\.md)$", (ROOT / "mkdocs.yml").read_text(encoding="utf-8"), re.MULTILINE)
    )
    assert menu == {str(page.relative_to(ROOT / "docs")) for page in PAGES if page.name != "README.md"}


def test_every_variable_of_ours_that_a_page_names_exists() -> None:
    named = {name for page in PAGES for name in OURS.findall(page.read_text(encoding="utf-8"))}
    assert named <= set(VARIABLES)
