"""One row that breaks a promise, in words: what a person looks for first."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from domain.detection.data.check_run import CheckRun
from domain.recommender.options import Domains
from domain.values import Finding
from workers.environment import redaction
from workers.sources.aggregate.sliced import windowed
from workers.sources.engines.source import TIME, Source, open_source
from workers.sources.flagged.flags import JOINED, KEY, Flag, FlagRequest

LONGEST = 40  # letters of a value that are shown, at most


def example_of(run: CheckRun, flag: Flag, finding: Finding) -> str | None:
    """
    The first row in the window of `finding` that breaks what its column promises: key, values and time, but
    never who the member is. None if it is no longer there.

    Raises:
        SourceError: the table cannot be read as declared.
    """
    recommender, grid, check = run.recommender, run.grid, run.check
    declared = {name: value for name, value in check.options.items() if name != "columns"}
    if Domains.of(check) != Domains():
        check = check.model_copy(update={"options": declared})  # so that nothing has to be learned
    with open_source(recommender, str(check.table)) as source:
        rows = source.between(finding.window_start, finding.window_end)
        rows, _kept = windowed(recommender, source, rows, grid, ())
        asked = FlagRequest(
            check=check,
            dimensions=(),
            learn_until=grid.count - 1,
            start=grid.start,
            judged=finding.window_start,
            end=finding.window_end,
        )
        found = flag(recommender, source, rows, asked)
        if finding.subject not in found.promised or finding.subject not in found.names:
            return None
        column = found.columns[found.names.index(finding.subject)]
        shown = _shown(source, found.rows, found.promised[finding.subject], finding.subject)
        wrong = found.rows.filter(found.rows[column] > 0).select(**shown)
        held = source.fetch(wrong.order_by(next(iter(shown))).limit(1))
    if held.empty:
        return None
    row = held.iloc[0].to_dict()
    return redaction.prose(", ".join(f"{name} = {_value(row[name])}" for name in shown))


def _shown(source: Source, rows: Any, columns: tuple[str, ...], subject: str) -> dict[str, Any]:
    """Name → column: the time first, the key, the item, and the columns that show what is wrong."""
    table = source.table
    if columns and columns[0].startswith(KEY):  # rows that were counted by their key
        return {name: rows[column] for name, column in zip(subject.split(JOINED), columns, strict=True)}
    names = (table.key, *columns, table.item)
    held = {"at": rows[TIME]} if TIME in rows.columns else {}
    for name in names:
        if name is not None and name in rows.columns and name != table.member:
            held[name] = rows[name]
    return held


def _value(value: Any) -> str:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    if value is None or value != value:  # noqa: PLR0124 - NaN
        return "nothing"
    said = repr(value) if value == "" else str(value)
    return said if len(said) <= LONGEST else f"{said[:LONGEST]}…"
