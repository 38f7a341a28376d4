"""The ML Test Score at the terminal."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from tests.bot.terminal import Terminal
from tests.workers.detect.test_record import TOML
from workers.environment import clock

LINK = "https://ci.example.org/twice"
NEXT_MONTH = f"{clock.now() + timedelta(days=30):%Y-%m-%d}"


@pytest.fixture
def terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], database_url: str, tmp_path: Path
) -> Terminal:
    file = tmp_path / "recsysops.toml"
    file.write_text(TOML)
    return Terminal(monkeypatch, capsys, {"DATABASE_URL": database_url, "RECSYSOPS_CONFIG": str(file)})


def test_the_table_says_what_speaks_for_each_test_the_gaps_and_the_next_step(terminal: Terminal) -> None:
    printed = terminal("audit").out
    assert printed.startswith("ML Test Score 0 of 7: more of a research project than a production system.")
    assert "total (volume of views): no check run in the last 28 days" in printed
    assert "Infrastructure: no evidence for infra-1, infra-2, infra-3" in printed
    assert 'Next: Declare a check of `kind = "schema"`.' in printed
    assert "so no single step raises the score" in printed


def test_what_is_vouched_for_counts_until_it_is_withdrawn(terminal: Terminal) -> None:
    said = terminal("audit", "attest", "infra-1", "--link", LINK, "--until", NEXT_MONTH, "--manual")
    assert said.out == f"infra-1 is attested until {NEXT_MONTH}\n"
    again = terminal("audit", "attest", "infra-1", "--link", LINK, "--until", NEXT_MONTH, "--manual")
    assert "was already recorded" in again.out
    found = terminal("audit", "--json").json["audit"]
    infra = next(part for part in found["parts"] if part["section"] == "infra")
    (proof,) = infra["tests"][0]["proofs"]
    assert (infra["points"], proof["how"], proof["link"]) == (0.5, "manual", LINK)
    assert proof["by"].startswith("terminal:")
    assert f"done by hand, attested until {NEXT_MONTH}" in terminal("audit").out
    written = terminal("audit", "withdraw", "infra-1", "--json").json
    assert written == {"said": {"test": "infra-1"}, "written": True}
    assert "attested until" not in terminal("audit").out


@pytest.mark.parametrize(
    ("words", "advice"),
    [
        (("attest", "infra_1", "--link", LINK, "--until", NEXT_MONTH), "did you mean infra-1"),
        (("attest", "infra-1", "--link", "wiki", "--until", NEXT_MONTH), "http:// or https://"),
        (("attest", "infra-1", "--link", LINK, "--until", "2020-01-01"), "2020-01-01 is over already"),
        (("attest", "infra-1", "--link", LINK, "--until", "2999-01-01"), "more than a year away"),
        (("attest", "infra-1", "--link", LINK, "--until", "tomorrow"), "'tomorrow' is not a day"),
        (("withdraw", "infra-1"), "infra-1 is not attested"),
    ],
)
def test_what_cannot_be_is_refused_with_what_would_do(
    terminal: Terminal, words: tuple[str, ...], advice: str
) -> None:
    assert advice in terminal("audit", *words, code=1).err


def test_a_declaration_with_a_test_that_there_is_not_is_refused_with_its_line(
    terminal: Terminal, tmp_path: Path
) -> None:
    wrong = tmp_path / "wrong.toml"
    wrong.write_text(TOML.replace("[checks.total]\n", '[checks.total]\nevidences = ["monitor_6"]\n'))
    refused = terminal("audit", "--file", wrong, code=2)
    assert "did you mean monitor-6" in refused.err
    assert f"{wrong}:10" in refused.err
