"""`recsysops docs`: built with its links checked, served on loopback, and clear about what is missing."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from bot.cli import docs
from domain.errors import ConfigurationError, Refused
from tests.bot.terminal import Terminal, lacks

ROOT = Path(__file__).parents[3]


@pytest.fixture
def heeded() -> Iterator[None]:
    """What runs in the background ignores Ctrl-C, and so does what it starts: here neither does."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("heeded")
def test_it_is_served_on_loopback_until_ctrl_c() -> None:
    command = [sys.executable, "-u", "-m", "bot.cli.main", "docs", "--port", "0"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = process.stdout.readline()
        address = said.partition(" at ")[2].split()[0]
        assert address.startswith("http://127.0.0.1:")
        assert "RecSysOps" in httpx.get(address).text
        assert "A hotfix in force" in httpx.get(f"{address}how-to/hotfix-in-force.html").text
        process.send_signal(signal.SIGINT)
        assert process.wait(300) == 0


def test_it_is_written_into_a_folder_and_no_page_loads_anything_from_elsewhere(
    terminal: Terminal, tmp_path: Path
) -> None:
    site = tmp_path / "site"
    assert str(site) in terminal("docs", "--build", site).out
    pages = {page.relative_to(site).with_suffix(".md"): page for page in site.rglob("*.html")}
    assert {page.relative_to(ROOT / "docs") for page in (ROOT / "docs").rglob("*.md")} <= set(pages)
    assert not list(site.rglob("*.py"))
    for page in pages.values():
        lacks(page.read_text(encoding="utf-8"), 'src="http', 'rel="stylesheet" href="http')


def test_a_port_that_is_taken_is_said_with_what_to_do(terminal: Terminal) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        said = terminal("docs", "--port", str(taken.getsockname()[1]), code=1).err
    assert "choose another with --port" in said


def test_without_mkdocs_or_pages_it_says_what_is_not_installed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with pytest.raises(ConfigurationError, match="not installed here"):
        docs.described(tmp_path)
    monkeypatch.setattr(docs, "NEEDED", ("mkdocs", "a_theme_that_nobody_has"))
    with pytest.raises(ConfigurationError, match=r"_nobody_has not installed; run `pip install 'recsys"):
        docs.described()


def test_a_link_that_leads_nowhere_stops_the_build(tmp_path: Path) -> None:
    settings = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").partition("\nnav:")[0]
    (tmp_path / "mkdocs.yml").write_text(settings, encoding="utf-8")
    (tmp_path / "docs").mkdir()
    page = tmp_path / "docs/index.md"
    page.write_text("# A\n\n[here](#a)\n", encoding="utf-8")
    docs.made(tmp_path / "mkdocs.yml", tmp_path / "site")
    for nowhere in ("gone.md", "#gone"):
        page.write_text(f"# A\n\n[there]({nowhere})\n", encoding="utf-8")
        with pytest.raises(Refused, match="gone"):
            docs.made(tmp_path / "mkdocs.yml", tmp_path / "site")
