"""Whether a hotfix, as declared now, is still what was offered."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from domain.errors import ConfigurationError
from domain.incident.numbers import percent
from domain.recommender.hotfix import DeclaredHotfix
from domain.recommender.keys.duration import name_duration
from domain.resolution.kind import Find, Kind
from domain.values import Option


def against_offering(
    option: Option, hotfixes: Iterable[DeclaredHotfix], find: Find, *, predicted: bool = False
) -> str | None:
    """
    Why an option that was offered would not be offered like that now, in words; None where nothing changed.

    Args:
        hotfixes: those that are declared now.
        find: gives the kind of a hotfix by name.
        predicted: it is for an upcoming launch, for which a hotfix may have been made to last longer.

    Raises:
        ConfigurationError: the kind of a hotfix of this name is not installed here.
    """
    found = {
        hotfix.name: list(_changes(hotfix, kind, option, predicted))
        for hotfix, kind in _called(option.hotfix, hotfixes, find)
    }
    if not found:
        return f"[hotfixes.{option.hotfix}] is not declared any more"
    name, least = min(found.items(), key=lambda one: len(one[1]))  # several may share a hook
    return f"[hotfixes.{name}] was changed since: {'; '.join(least)}" if least else None


def _called(
    name: str, hotfixes: Iterable[DeclaredHotfix], find: Find
) -> Iterator[tuple[DeclaredHotfix, Kind[Any]]]:
    """The hotfixes that a deployer knows by this name; if a kind is not installed, only the one so named."""
    for hotfix in hotfixes:
        try:
            kind = find(hotfix.kind)
        except ConfigurationError:
            if hotfix.name == name:
                raise
            continue
        if kind.called(hotfix, kind.read(hotfix)) == name:
            yield hotfix, kind


def _changes(hotfix: DeclaredHotfix, kind: Kind[Any], option: Option, predicted: bool) -> Iterator[str]:
    given = option.parameters
    if given.get("kind") != hotfix.kind:
        yield f"its kind is {hotfix.kind}"
    if hotfix.deployer != option.deployer:
        yield f"its deployer is {hotfix.deployer}, not {option.deployer}"
    if not (option.label == hotfix.label or option.label.startswith(f"{hotfix.label}: ")):
        yield f"it is called “{hotfix.label}”"
    if (hotfix.does or hotfix.label) != option.does:
        yield f"it does: {hotfix.does or hotfix.label}"
    yield from kind.changes(kind.read(hotfix), given)
    if not predicted and hotfix.expires != option.expires_after:
        yield "it expires " + (f"after {name_duration(hotfix.expires)}" if hotfix.expires else "never")
    if hotfix.watch != option.watch:
        yield f"it is watched for {name_duration(hotfix.watch)}"
    if hotfix.undo != option.undo:
        yield f"undo: {hotfix.undo}"
    if hotfix.stages != option.stages:
        yield "its stages are " + (", ".join(f"{one:.0%}" for one in hotfix.stages) or "gone")
    if hotfix.hold_out != option.hold_out:
        yield f"it holds out {percent(hotfix.hold_out)} of members"
    if hotfix.guards != option.guards:
        yield f"it is guarded by {', '.join(hotfix.guards) or 'no check'}"
    if (option.blast_share > hotfix.second_person_above) != option.needs_second_person:
        yield f"a second person has to approve it above {hotfix.second_person_above:.0%} of requests"
