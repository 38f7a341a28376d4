"""Whether two hotfixes would act on the same thing, so that neither would do what it was priced for."""

from __future__ import annotations

from collections.abc import Mapping

from domain.values import Option, Slice, share_rows, slice_of

Parameters = Mapping[str, object]


def shared_target(option: Option, other: Option) -> str | None:
    """
    What both would do, in words; None where they leave each other alone.

    Hotfixes that name items conflict where they share some and change the same feature or none. Others
    conflict where their deployer knows both by the same name, or both name a version to serve; except those
    that keep to their slices where no row is in both, and those whose receiver alone knows what they do.
    """
    if option.deployer != other.deployer or not option.deployable:
        return None
    mine, theirs = option.parameters, other.parameters
    if _items(mine) or _items(theirs):
        return _on_items(mine, theirs)
    versions = "version" in mine and "version" in theirs
    if not versions and (option.hotfix != other.hotfix or option.own or other.own):
        return None
    if option.by_slice and other.by_slice and not share_rows(_slice(mine), _slice(theirs)):
        return None
    return (
        "both change the version that serves"
        if versions
        else f"both call {option.hotfix} of {option.deployer}"
    )


def _on_items(mine: Parameters, theirs: Parameters) -> str | None:
    shared = len(_items(mine) & _items(theirs))
    feature = mine.get("feature")
    if not shared or feature != theirs.get("feature"):
        return None
    items = f"{shared:,} of the same items" if shared > 1 else "the same item"
    return f"both set `{feature}` of {items}" if feature else f"both act on {items}"


def _items(given: Parameters) -> frozenset[str]:
    found = given.get("items")
    return frozenset(map(str, found)) if isinstance(found, list | tuple) else frozenset()


def _slice(given: Parameters) -> Slice:
    found = given.get("slice")
    return slice_of(**found) if isinstance(found, dict) else ()
