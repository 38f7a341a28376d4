"""Who may press what: the same answer from the declaration, the press and the doctor."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from bot.slack.permission import authorise
from domain.errors import NotAllowed
from domain.incident.permitted import DANGEROUS
from domain.recommender.route import Need, Permissions
from workers.doctor.doctor import check
from workers.door import Door
from workers.environment.settings import Settings

NEEDS: tuple[Need, ...] = get_args(Need)
NAMED = Permissions(respond=("oncall", "ml"), deploy=("oncall",), approve=("leads", "U0LEAD777"))


SLACK = {"SLACK_BOT_TOKEN": "xoxb-1"}  # without it there are no buttons that somebody could press


def declare(folder: Path, permissions: str) -> Path:
    file = folder / "recsysops.toml"
    file.write_text(f'[recommender]\nname = "shop"\n[tables.a]\npath = "a.csv"\n{permissions}')
    return file


@pytest.mark.parametrize("need", NEEDS)
@pytest.mark.parametrize("text", ["", "[permissions]\n", "[permissions]\nrespond = []\n", "[permission]\n"])
def test_where_nobody_is_named_nobody_may_and_the_doctor_says_so(
    tmp_path: Path, need: Need, text: str, database_url: str
) -> None:
    file = declare(tmp_path, text)
    declared = Door(Settings(database_url=database_url, config=file)).permissions()
    missing = "deploy" if need == "break_glass" else need  # which it takes as well
    with pytest.raises(NotAllowed, match=rf"\[permissions\] {missing}.*recsysops doctor"):
        authorise("U0ANYBODY", ("oncall",), need, declared, fresh=True)
    said = [(one.where, one.says) for one in check(file, environment=SLACK) if one.level == "error"]
    broken = text == "[permission]\n"
    assert (
        any("unknown section" in says for _, says in said)
        if broken
        else ((f"permissions.{need}", f"nobody may {need} in Slack") in said) == (need != "break_glass")
    )


@pytest.mark.parametrize("need", NEEDS)
def test_whoever_is_in_no_named_group_may_not(need: Need) -> None:
    with pytest.raises(NotAllowed, match="members of @"):
        authorise("U0STRANGER", ("content",), need, NAMED, fresh=True)


@pytest.mark.parametrize(
    ("allowed", "words"),
    [
        (
            ("oncall", "ml"),
            "Only members of @oncall or @ml may do this. Ask one of them, or be added to the group.",
        ),
        (("U0LEAD777",), "Only <@U0LEAD777> may do this. Ask one of them."),
        (
            ("U-lead", "ml"),
            "Only <@U-lead> or members of @ml may do this. Ask one of them, or be added to the group.",
        ),
    ],
)
def test_whoever_may_not_reads_who_may(allowed: tuple[str, ...], words: str) -> None:
    with pytest.raises(NotAllowed) as refused:
        authorise("U0STRANGER", ("content",), "respond", Permissions(respond=allowed), fresh=True)
    assert str(refused.value) == words


@pytest.mark.parametrize(
    ("groups", "may"),
    [(("oncall",), {"respond", "deploy"}), (("ml",), {"respond"}), (("leads",), {"approve"}), ((), set())],
)
def test_a_group_may_what_it_is_named_for(groups: tuple[str, ...], may: set[str]) -> None:
    for need in NEEDS:
        if need in may:
            assert authorise("U0ML", groups, need, NAMED, fresh=True).groups == groups
        else:
            with pytest.raises(NotAllowed):
                authorise("U0ML", groups, need, NAMED, fresh=True)


def test_a_person_can_be_named_by_id_where_a_workspace_has_no_groups() -> None:
    assert authorise("U0LEAD777", (), "approve", NAMED, fresh=False).id == "slack:U0LEAD777"
    with pytest.raises(NotAllowed, match="<@U0LEAD777>"):
        authorise("U0OTHER777", ("content",), "approve", NAMED, fresh=True)


@pytest.mark.parametrize("need", NEEDS)
def test_what_was_known_last_lets_people_respond_and_nothing_more(need: Need) -> None:
    everything = Permissions(**dict.fromkeys(NEEDS, ("oncall",)))
    if need in DANGEROUS:
        with pytest.raises(NotAllowed, match="without that this is not done"):
            authorise("U0ONCALL", ("oncall",), need, everything, fresh=False)
    else:
        assert authorise("U0ONCALL", ("oncall",), need, everything, fresh=False)


@pytest.mark.parametrize("need", NEEDS)
def test_nobody_is_sent_to_a_terminal_to_approve(need: Need) -> None:
    deployer = dict.fromkeys(NEEDS, ("a",)) | {"deploy": ("U0ONCALL1",)}
    nobody = {"deploy": ("U0ONCALL1",)} if need == "break_glass" else {}
    for declared in (Permissions(**nobody), Permissions(**deployer)):
        with pytest.raises(NotAllowed) as refused:
            authorise("U0ONCALL1" if need == "break_glass" else "U0ONCALL", (), need, declared, fresh=False)
        assert ("in a terminal" in str(refused.value)) == (need not in ("approve", "break_glass"))


def test_where_slack_never_said_who_is_who_a_person_is_told_that_and_not_that_they_may_not() -> None:
    with pytest.raises(NotAllowed, match="Slack does not say"):
        authorise("U0ONCALL", (), "respond", NAMED, fresh=False)


def test_what_changes_the_recommender_is_told_apart_from_what_does_not() -> None:
    assert {need for need in NEEDS if need not in DANGEROUS} == {"respond"}


@pytest.mark.parametrize(
    ("groups", "words"),
    [
        (("leads",), r"Only members of @oncall may"),
        (("oncall",), r"Only members of @leads may"),
        ((), r"Only members of @oncall may"),
    ],
)
def test_break_glass_takes_the_right_to_deploy_and_to_be_named_for_it(
    groups: tuple[str, ...], words: str
) -> None:
    named = Permissions(deploy=("oncall",), break_glass=("leads",))
    assert authorise("U0BOTH", ("oncall", "leads"), "break_glass", named, fresh=True).id == "slack:U0BOTH"
    with pytest.raises(NotAllowed, match=words):
        authorise("U0ONE", groups, "break_glass", named, fresh=True)


def test_where_nobody_is_named_for_break_glass_nobody_may() -> None:
    named = Permissions(deploy=("oncall",))
    with pytest.raises(NotAllowed, match=r"\[permissions\] break_glass in recsysops.toml names nobody"):
        authorise("U0ONE", ("oncall",), "break_glass", named, fresh=True)
