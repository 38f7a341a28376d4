"""The columns that identify a row, in its own table and in another, according to the declaration."""

from __future__ import annotations

from collections.abc import Mapping

from domain.recommender.recommender import Recommender


def held_beside(recommender: Recommender, own: str) -> dict[str, dict[str, str]]:
    """Table → our column → its column, as declared by checks of either table."""
    found: dict[str, dict[str, str]] = {}
    for check in recommender.checks.values():
        on, beside = check.options.get("on"), check.options.get("beside")
        if not isinstance(on, dict) or beside is None or own not in (check.table, beside):
            continue
        ours = check.table == own
        columns = {str(a) if ours else str(b): str(b) if ours else str(a) for a, b in on.items()}
        found.setdefault(str(beside if ours else check.table), columns)
    return found


def shared_keys(recommender: Recommender, own: str, table: str, *, same_rows: bool) -> Mapping[str, str]:
    """
    Column → the other table's: as a check of the two declares, else the request and the item.

    Args:
        same_rows: whether the other table has a row for each of ours; else it shares requests but no items.
    """
    item = recommender.tables[own].item
    declared = held_beside(recommender, own).get(table)
    if declared is not None:
        return declared if same_rows else {k: v for k, v in declared.items() if k != item}
    requests = _requests_of(recommender)
    keys = [*requests[:1], *([item] if same_rows and item else [])]
    return {key: key for key in keys} if requests else {}


def own_keys(recommender: Recommender, own: str) -> tuple[str, ...]:
    """The columns of a unique key: as a check or the table declares it; else request and item, or who, what
    and when."""
    for check in recommender.checks.values():
        key = check.options.get("key")
        if check.table == own and key:
            return tuple(map(str, key)) if isinstance(key, list | tuple) else (str(key),)
    declared = recommender.tables[own].key
    if declared is not None and (recommender.items is None or declared != recommender.items.key):
        return (declared,)  # the item's key recurs with each delivery
    requests, table = _requests_of(recommender), recommender.tables[own]
    if table.item and requests:
        return (requests[0], table.item)
    # A member sees or buys a given thing only once at a given moment.
    return (table.member, table.item, table.time) if table.member and table.item and table.time else ()


def _requests_of(recommender: Recommender) -> list[str]:
    """The columns that identify a request, as declared for models and the exposure."""
    declared = [model.request for model in recommender.models.values()]
    declared += [recommender.exposure.request] if recommender.exposure is not None else []
    return [name for name in dict.fromkeys(declared) if name]
