"""What `recsysops doctor` says about what bundles leave out, and where they are kept."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from domain.answer import Advice
from domain.recommender.keys.nearest import nearest
from domain.recommender.recommender import Recommender
from workers.sources.engines.source import Source


def examine_bundle(recommender: Recommender, opened: Mapping[str, Source]) -> Iterator[Advice]:
    """
    What is wrong: a misspelled column would be kept as it is, with the personal data in it.

    Args:
        opened: the tables that could be opened.
    """
    declared, where = recommender.bundle, "bundle.leave_out"
    known = {column for source in opened.values() for column in source.columns}
    every_table = set(recommender.tables) == set(opened)
    for name in declared.leave_out:
        if name not in known and every_table:
            says = f'no table has a column "{name}", so nothing is left out'
            yield Advice(level="error", where=where, says=says, fix=nearest(name, known))
        if recommender.items is not None and name == recommender.items.key:
            says = f'"{name}" is the items\' key, by which a diagnosis names them: no bundle can be kept'
            yield Advice(level="error", where=where, says=says, fix=f'take "{name}" out')
        taken = [one.name for one in recommender.models.values() if name in one.features]
        if taken:
            says = f'the model {", ".join(taken)} takes "{name}", and is not asked again without it'
            yield Advice(level="note", where=where, says=says)
    folder = Path(declared.path) if declared.path else None
    if folder is not None and folder.exists() and not os.access(folder, os.W_OK):
        says = f"{folder} cannot be written by this user, so no bundle is kept"
        yield Advice(level="error", where="bundle.path", says=says, fix="let the workers' user write there")
