"""Whose accounts are one person's, as a team declares it."""

from __future__ import annotations

from pathlib import Path

import pytest

from domain.errors import ConfigurationError
from domain.recommender.person import Person, person_of, same_person
from workers.declaration.declare import load

TOML = '[recommender]\nname = "shop"\n[tables.a]\npath = "a.csv"\n'
ADA = Person(name="ada", slack="U0ADA", terminal=("ada", "ada.l"))
BEN = Person(name="ben", terminal=("ben",))
PEOPLE = {"ada": ADA, "ben": BEN}


def declare(folder: Path, text: str) -> Path:
    file = folder / "recsysops.toml"
    file.write_text(TOML + text)
    return file


def test_the_accounts_of_one_person_are_one_and_the_log_knows_them_by_that_in_slack(tmp_path: Path) -> None:
    text = (
        '[people]\nada = { slack = "U0ADA", terminal = ["ada", "ada.l"] }\n[people.ben]\nterminal = "ben"\n'
    )
    assert load(declare(tmp_path, text)).people == PEOPLE
    assert ADA.ids == ("slack:U0ADA", "terminal:ada", "terminal:ada.l")
    assert BEN.ids == ("terminal:ben",)


def test_who_is_behind_an_account() -> None:
    assert person_of(PEOPLE, "terminal:ada.l") is ADA
    assert person_of(PEOPLE, "slack:U0ADA") is ADA
    assert person_of(PEOPLE, "terminal:root") is None
    assert same_person(PEOPLE, "terminal:ada", "slack:U0ADA")
    assert same_person(PEOPLE, "terminal:root", "terminal:root")
    assert not same_person(PEOPLE, "terminal:ada", "terminal:ben")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[people.ada]\n", r":5: people.ada: needs slack = "),
        ('[people.ada]\nslack = "ada"\n', r'people.ada: slack = "ada" is no member id'),
        ('[people.ada]\nslak = "U0ADA"\n', r':6: people.ada.slak: unknown key; did you mean "slack"'),
        ("[people.ada]\nterminal = 7\n", r"people.ada.terminal"),
        (
            '[people.ada]\nterminal = "root"\n[people.ben]\nterminal = ["ben", "root"]\n',
            r':8: people.ben.terminal: "root" is ada already; an account is one person\'s',
        ),
        ('[peple.ada]\nterminal = "root"\n', r'unknown section; did you mean "people"'),
    ],
)
def test_what_names_nobody_or_two_is_said_with_its_line(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        load(declare(tmp_path, text))


def test_a_name_under_people_may_stand_under_permissions(tmp_path: Path) -> None:
    text = '[people.ada]\nslack = "U0ADA"\n[permissions]\napprove = ["ada", "leads"]\n'
    declared = load(declare(tmp_path, text))
    assert declared.permitted("approve") == {"ada", "U0ADA", "leads"}
    assert declared.permitted_in_slack("approve") == ("U0ADA", "leads")
    assert declared.permitted("deploy") == frozenset()
