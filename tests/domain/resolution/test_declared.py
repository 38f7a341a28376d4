"""A hotfix that is no longer declared as it was offered is not the one that somebody approved."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from domain.errors import ConfigurationError
from domain.recommender.hotfix import DeclaredHotfix
from domain.resolution.declared import against_offering
from tests.workers.conftest import declared_fill, make_option
from workers.declaration.hotfix_kinds import find

WEBHOOK = {
    "kind": "webhook",
    "label": "Switch over",
    "does": "",
    "hook": "standby",
    "deployer": "ops",
}


def boosts(**changes: Any) -> DeclaredHotfix:
    return declared_fill(kind="boost_items", **changes)


def test_what_is_declared_as_it_was_offered_stands() -> None:
    assert against_offering(make_option(), [declared_fill()], find) is None
    assert against_offering(make_option(label="Fill language in: Danish"), [declared_fill()], find) is None


def test_what_was_taken_out_of_the_file_does_not() -> None:
    gone = "[hotfixes.fill_language] is not declared any more"
    assert against_offering(make_option(), [], find) == gone
    assert against_offering(make_option(), [declared_fill(name="other")], find) == gone


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"deployer": "ops"}, "its deployer is ops, not overrides"),
        ({"label": "Fill it"}, "it is called “Fill it”"),
        ({"does": "hides it"}, "it does: hides it"),
        ({"feature": "genre"}, "it fills genre, not language"),
        ({"expires": timedelta(days=2)}, "it expires after 2d"),
        ({"expires": None}, "it expires never"),
        ({"watch": timedelta(hours=1)}, "it is watched for 1h"),
        ({"undo": "by hand"}, "undo: by hand"),
        ({"second_person_above": 0.05}, "a second person has to approve it above 5% of requests"),
        ({"kind": "boost_items"}, "its kind is boost_items"),
    ],
)
def test_what_was_changed_in_the_file_is_named(changes: dict[str, Any], words: str) -> None:
    said = against_offering(make_option(), [declared_fill(**changes)], find)
    assert said == f"[hotfixes.fill_language] was changed since: {words}"


def test_a_boost_is_held_by_its_amount_and_a_webhook_by_its_hook() -> None:
    boost = {"kind": "boost_items", "items": ["7"], "amount": 2.0}
    option = make_option(parameters=boost)
    declared = boosts(amount=3.0)
    assert "its amount is 3.0, not 2.0" in str(against_offering(option, [declared], find))
    assert against_offering(option, [boosts(amount=2.0)], find) is None
    assert against_offering(option, [boosts()], find) is None
    hooked = make_option(
        hotfix="standby",
        label="Switch over",
        does="Switch over",
        deployer="ops",
        parameters={"kind": "webhook", "hook": "standby"},
    )
    assert against_offering(hooked, [declared_fill(name="switch", **WEBHOOK)], find) is None
    other = declared_fill(name="more", **{**WEBHOOK, "label": "Another"})
    assert against_offering(hooked, [other, declared_fill(name="switch", **WEBHOOK)], find) is None
    assert "[hotfixes.more] was changed since" in str(against_offering(hooked, [other], find))


def test_for_a_launch_it_may_have_been_made_to_last_longer() -> None:
    longer = make_option(expires_after=timedelta(days=9))
    assert against_offering(longer, [declared_fill()], find, predicted=True) is None
    assert against_offering(longer, [declared_fill()], find) is not None


def test_what_is_declared_of_another_kind_of_hotfix_changes_nothing_of_this_one() -> None:
    assert against_offering(make_option(), [declared_fill(feature="language")], find) is None
    assert against_offering(make_option(), [declared_fill(), boosts(name="boost", amount=3.0)], find) is None
    boost = make_option(parameters={"kind": "boost_items", "items": ["7"], "amount": 2.0})
    assert against_offering(boost, [boosts(amount=2.0)], find) is None


def test_of_a_kind_that_cannot_be_had_only_the_hotfix_called_so_is_in_the_way() -> None:
    """Nobody can say by which name a deployer knows one of such a kind, and others are what they were."""
    lost = declared_fill(name="lost", kind="of_another_house")
    assert against_offering(make_option(), [lost, declared_fill()], find) is None
    with pytest.raises(ConfigurationError, match="of_another_house"):
        against_offering(make_option(), [declared_fill(kind="of_another_house")], find)


def test_one_person_deploys_up_to_the_share_that_is_declared_itself_included() -> None:
    assert (
        against_offering(make_option(blast_share=0.1), [declared_fill(second_person_above=0.1)], find) is None
    )
    by_two = make_option(blast_share=0.1, needs_second_person=True)
    assert "a second person" in str(against_offering(by_two, [declared_fill(second_person_above=0.1)], find))
