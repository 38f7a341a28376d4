"""All that is asked of a recommender's tables, answered, and where two of such answers differ."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from domain.errors import RecsysopsError
from domain.recommender.recommender import Recommender
from domain.values import Finding
from tests.engines.places import Where
from workers.checks.measure import measure
from workers.checks.run import State, run_checks
from workers.items.answer import answer_for
from workers.items.look import look_at_item
from workers.items.misses import read_misses
from workers.sources.aggregate.items import item_end
from workers.sources.aggregate.profile import profile
from workers.sources.engines.files import kept_open
from workers.sources.engines.source import open_source

TOLERANCE = 1e-9  # of a number, as a part of it: engines add up in different orders
Plain = Any


@kept_open()
def answers(recommender: Recommender, looks: Sequence[datetime]) -> dict[str, Plain]:
    """The results of all checks at `looks`, each of their findings measured again, and what tables hold."""
    state, results, measured, ended = State(), list[Plain](), list[Plain](), list[Plain]()
    for at in looks:
        result = run_checks(recommender, at, state)
        state = result.state
        results.append(result.model_dump(mode="json", exclude={"seconds"}))
        measured += [_measured(recommender, finding) for finding in result.findings]
        ended += [end for finding in result.findings if (end := _ended(recommender, finding))]
    held = {}
    for name, table in recommender.tables.items():
        if table.time:
            with open_source(recommender, name) as source:
                held[name] = vars(profile(source, looks[-1]))
    return {"looks": results, "measured": measured, "ended": ended, "census": held}


def _ended(recommender: Recommender, finding: Finding) -> Plain:
    try:
        end = item_end(recommender, finding)
    except RecsysopsError as error:
        return str(error)
    return vars(end) if end else None


def _measured(recommender: Recommender, finding: Finding) -> Plain:
    try:
        again = measure(recommender, finding, finding.window_start, finding.window_end)
    except RecsysopsError as error:  # that there is too little to measure is an answer too
        return str(error)
    return again.model_dump(mode="json")


def everything_of(recommender: Recommender, item: str, start: datetime, end: datetime) -> dict[str, Plain]:
    """What is answered of an item and of the choices of [start, end), and what checks of the model say."""
    seen = look_at_item(recommender, item, end)
    state, looks = State(), list[Plain]()
    for hours in (1, 2):
        result = run_checks(recommender, start + timedelta(hours=hours), state)
        state = result.state
        looks.append(result.model_dump(mode="json", exclude={"seconds"}))
    return {
        "item": answer_for(recommender, seen).model_dump(mode="json"),
        "misses": [one.model_dump(mode="json") for one in read_misses(recommender, end, start)],
        "looks": looks,
    }


def moved(recommender: Recommender, where: Where) -> Recommender:
    """The same tables elsewhere."""
    tables = {
        name: table.model_copy(update={"path": None, **where(name)})
        for name, table in recommender.tables.items()
    }
    return recommender.model_copy(update={"tables": tables})


def differences(one: Plain, other: Plain, at: str = "") -> Iterator[str]:
    """Yields each place in which two answers differ, with what both say there."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key in dict.fromkeys((*one, *other)):
            yield from differences(one.get(key), other.get(key), f"{at}.{key}")
    elif isinstance(one, list | tuple) and isinstance(other, list | tuple):
        if len(one) != len(other):
            yield f"{at}: {len(one)} and {len(other)}"
        for place, (left, right) in enumerate(zip(one, other, strict=False)):
            yield from differences(left, right, f"{at}[{place}]")
    elif isinstance(one, float) and isinstance(other, float | int):
        if not (math.isclose(one, other, rel_tol=TOLERANCE) or (math.isnan(one) and math.isnan(other))):
            yield f"{at}: {one!r} and {other!r}"
    elif one != other:
        yield f"{at}: {one!r} and {other!r}"
