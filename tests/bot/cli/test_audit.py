"""The ML Test Score at the terminal."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from tests.bot.terminal import Terminal, holds
from tests.workers.detect.test_record import TOML
from workers.environment import clock

LINK = "https://ci.example.org/twice"
NEXT_MONTH = f"{clock.now() + timedelta(days=30):%Y-%m-%d}"


@pytest.fixture(autouse=True)
def declared(tmp_path: Path) -> None:
    (tmp_path / "recsysops.toml").write_text(TOML)


def test_the_table_says_what_speaks_for_each_test_and_where_the_gaps_are(terminal: Terminal) -> None:
    holds(
        terminal("audit").out,
        "ML Test Score 0 of 7: more of a research project than a production system.",
        "total (volume of views): no check run in the last 28 days",
        "Infrastructure: no evidence for infra-1, infra-2, infra-3",
    )


def test_what_is_attested_counts_and_the_newest_attestation_replaces_the_one_before(
    terminal: Terminal,
) -> None:
    attest = ("audit", "attest", "infra-1", "--link", LINK, "--until", NEXT_MONTH)
    assert terminal(*attest, "--manual").out == f"infra-1 is attested until {NEXT_MONTH}\n"
    found = terminal("audit", "--json").json["audit"]
    infra = next(part for part in found["parts"] if part["section"] == "infra")
    (proof,) = infra["tests"][0]["proofs"]
    assert (infra["points"], proof["how"], proof["link"]) == (0.5, "manual", LINK)
    assert proof["by"].startswith("terminal:")
    assert f"done by hand, attested until {NEXT_MONTH}" in terminal("audit").out
    assert terminal(*attest, "--json").json["said"]["how"] == "automatic"
    assert f"automated, attested until {NEXT_MONTH}" in terminal("audit").out


@pytest.mark.parametrize(
    ("test", "link", "until", "advice", "code"),
    [
        ("infra_1", LINK, NEXT_MONTH, "did you mean infra-1", 1),
        ("infra-1", "wiki", NEXT_MONTH, "http:// or https://", 1),
        ("infra-1", LINK, "2020-01-01", "2020-01-01 is over already", 1),
        ("infra-1", LINK, "tomorrow", "%Y-%m-%d", 2),
    ],
)
def test_what_cannot_be_attested_is_refused_with_what_would_do(
    terminal: Terminal, test: str, link: str, until: str, advice: str, code: int
) -> None:
    assert advice in terminal("audit", "attest", test, "--link", link, "--until", until, code=code).err


def test_a_declaration_with_a_test_that_there_is_not_is_refused_with_its_line(
    terminal: Terminal, tmp_path: Path
) -> None:
    wrong = tmp_path / "wrong.toml"
    wrong.write_text(TOML.replace("[checks.total]\n", '[checks.total]\nevidences = ["monitor_6"]\n'))
    holds(terminal("audit", "--file", wrong, code=2).err, "did you mean monitor-6", f"{wrong}:10")
