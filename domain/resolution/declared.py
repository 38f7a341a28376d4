"""Whether a hotfix is still what was offered, by what is declared now."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from domain.recommender.duration import name_duration
from domain.recommender.hotfix import DeclaredHotfix
from domain.values import Option


def against_offering(
    option: Option, hotfixes: Iterable[DeclaredHotfix], *, predicted: bool = False
) -> str | None:
    """
    Why an option that was offered would not be offered so now, in words; None where nothing of it changed.

    Args:
        hotfixes: those that are declared now.
        predicted: it is about a launch to come, for which a hotfix may have been made to last longer.
    """
    named = [hotfix for hotfix in hotfixes if _called(hotfix) == option.hotfix]
    if not named:
        return f"[hotfixes.{option.hotfix}] is not declared any more"
    found = [list(_changes(hotfix, option, predicted)) for hotfix in named]
    least = min(found, key=len)  # several may share a hook
    return (
        f"[hotfixes.{named[found.index(least)].name}] was changed since: {'; '.join(least)}"
        if least
        else None
    )


def _called(hotfix: DeclaredHotfix) -> str:
    return hotfix.hook or hotfix.name if hotfix.kind == "webhook" else hotfix.name


def _changes(hotfix: DeclaredHotfix, option: Option, predicted: bool) -> Iterator[str]:
    given = option.parameters
    if given.get("kind") != hotfix.kind:
        yield f"its kind is {hotfix.kind}"
    if hotfix.deployer != option.deployer:
        yield f"its deployer is {hotfix.deployer}, not {option.deployer}"
    if not (option.label == hotfix.label or option.label.startswith(f"{hotfix.label}: ")):
        yield f"it is called “{hotfix.label}”"
    if (hotfix.does or hotfix.label) != option.does:
        yield f"it does: {hotfix.does or hotfix.label}"
    if hotfix.kind == "fill_feature" and hotfix.feature not in (None, given.get("feature")):
        yield f"it fills {hotfix.feature}, not {given.get('feature')}"
    if hotfix.kind == "boost_items" and hotfix.amount not in (None, given.get("amount")):
        yield f"its amount is {hotfix.amount}, not {given.get('amount')}"
    if not predicted and hotfix.expires != option.expires_after:
        yield "it expires " + (f"after {name_duration(hotfix.expires)}" if hotfix.expires else "never")
    if hotfix.watch != option.watch:
        yield f"it is watched for {name_duration(hotfix.watch)}"
    if hotfix.undo != option.undo:
        yield f"undo: {hotfix.undo}"
    if (option.blast_share > hotfix.second_person_above) != option.needs_second_person:
        yield f"a second person has to approve it above {hotfix.second_person_above:.0%} of requests"
