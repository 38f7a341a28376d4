"""Serves an unset feature with the value that it had, or that comparable items have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from domain.answer import Advice
from domain.recommender.hotfix import DeclaredHotfix
from domain.recommender.keys.nearest import nearest
from domain.recommender.recommender import Recommender
from domain.resolution.circumstances import Circumstances
from domain.resolution.kind import NOTHING_NAMED, Kind
from domain.resolution.rehearsal import unset
from domain.resolution.replays.fill import FILL
from domain.resolution.way import Parameters, Unfit
from domain.values import Value


class Keys(Value):
    """`feature`: the one that it fills in; any if none is named."""

    feature: str | None = None
    """The feature that it fills in; any if none is named."""


def given(_hotfix: DeclaredHotfix, keys: Keys, around: Circumstances) -> dict[str, object] | Unfit:
    """
    Unfit where another feature is at fault. With several values there is also `values`: value → items;
    `value` is then the most common one.
    """
    found, items = around.diagnosis, around.items
    feature = keys.feature or found.feature
    if found.feature != feature or found.suggested_value is None or not items:
        return NOTHING_NAMED
    filled: dict[str, object] = {"items": items, "feature": feature, "value": found.suggested_value}
    values = _by_value(items, found.suggested_value, around.former)
    return {**filled, "values": values} if len(values) > 1 else filled


def _by_value(items: Sequence[str], usual: str, former: Mapping[str, str]) -> dict[str, list[str]]:
    """Items by the value that each of them had; `usual` where that is not known."""
    groups: dict[str, list[str]] = {}
    for item in items:
        groups.setdefault(former.get(item, usual), []).append(item)
    return dict(sorted(groups.items(), key=lambda group: (-len(group[1]), group[0])))


def label(declared: str, parameters: Parameters) -> str:
    """The line of the menu, naming what it fills in."""
    values = parameters.get("values")
    if isinstance(values, dict):
        return f"{declared}: {parameters['value']} and {len(values) - 1} more, as before"
    return f"{declared}: {parameters['value']}"


def changes(keys: Keys, parameters: Parameters) -> Iterator[str]:
    """Says that the feature is not the one that was offered."""
    if keys.feature not in (None, parameters.get("feature")):
        yield f"it fills {keys.feature}, not {parameters.get('feature')}"


def examine(hotfix: DeclaredHotfix, keys: Keys, recommender: Recommender) -> Iterator[Advice]:
    """Advise on a feature that items do not have."""
    where = f"hotfixes.{hotfix.name}"
    features = set(recommender.items.features) if recommender.items else set()
    if keys.feature is not None and features and keys.feature not in features:
        says = f'"{keys.feature}" is not among items.features'
        fix = nearest(keys.feature, features)
        yield Advice(level="error", where=f"{where}.feature", says=says, fix=fix)


KIND = Kind(
    name="fill_feature",
    purpose="serves the items concerned with a feature filled in that is unset",
    options=Keys,
    example={"feature": "language"},
    given=given,
    way=FILL,
    label=label,
    changes=changes,
    examine=examine,
    rehearse=lambda _hotfix, keys: unset.rehearsal_of(keys.feature),
)
