"""Every place where a declaration names another part of itself."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from domain.recommender.recommender import Recommender

Reference = tuple[tuple[str, ...], str, Collection[str]]


def references(recommender: Recommender) -> Iterator[Reference]:
    """Yields (key, the name written there, the names that would be right)."""
    tables = recommender.tables
    if recommender.items:
        yield ("items", "table"), recommender.items.table, tables
    if recommender.launches:
        yield ("launches", "table"), recommender.launches.table, tables
    for check in recommender.checks.values():
        if check.table is not None:
            yield ("checks", check.name, "table"), check.table, tables
            for dimension in check.dimensions or ():
                right = tables[check.table].dimensions if check.table in tables else ()
                yield ("checks", check.name, "dimensions"), dimension, right
    for model in recommender.models.values():
        if model.candidates:
            yield ("models", model.name, "candidates"), model.candidates, tables
    for hotfix in recommender.hotfixes.values():
        yield ("hotfixes", hotfix.name, "deployer"), hotfix.deployer, recommender.deployers
        if hotfix.replay and hotfix.replay.table:
            yield ("hotfixes", hotfix.name, "replay"), hotfix.replay.table, tables
    for stakeholder in recommender.stakeholders.values():
        for table in stakeholder.tables:
            yield ("stakeholders", stakeholder.name, "tables"), table, tables
