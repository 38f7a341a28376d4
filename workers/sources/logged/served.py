"""What became of served rows, as columns of 0 and 1: by stage, by version, and in other tables' logs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import ibis
from ibis import _

from domain.detection.data.tally import OTHERS
from domain.errors import SourceError
from domain.recommender.check import Check
from domain.recommender.keys.nearest import nearest
from domain.recommender.model import Model
from domain.recommender.options import Beside, Compared, Matched, OfColumns, Per, Serving, Staged
from domain.recommender.recommender import Recommender
from workers.sources.aggregate.sets import WINDOW
from workers.sources.engines.column_kinds import kind_of
from workers.sources.engines.source import Source
from workers.sources.flagged.flags import Flagged, FlagRequest, flagged
from workers.sources.logged.join import JoinedTable as Rows
from workers.sources.logged.join import joined

TOLERANCE = 0.001  # relative to the larger number, if nothing is declared
APART = timedelta(hours=1)  # how far apart in time rows of two tables may be, if nothing is declared
MOST_ITEMS = 500  # told apart, if a check is sliced by item
MOST_VERSIONS = 20  # told apart: the declared ones, then those that served most


def flag_stages(recommender: Recommender, source: Source, rows: Any, asked: FlagRequest) -> Flagged:
    """For each stage, the rows that got through it and all before: a boolean column, or a row elsewhere."""
    check, through = asked.check, ibis.literal(True)
    stages = Staged.of(check).stages
    most = most_items(source, rows, asked)
    for place, stage in enumerate(stages):
        if stage in source.columns:
            if (held := kind_of(rows[stage])) not in ("boolean", "integer", "number"):
                raise SourceError(
                    f'check "{check.name}": stage "{stage}" holds {held}, not whether a row got through; '
                    "name a column of true and false"
                )
            got = rows[stage].cast("boolean").fill_null(False)
        elif stage in recommender.tables:
            beside = _beside(asked, stage, str(place))
            rows = joined(recommender, source, rows, beside)
            got = rows[beside.found].notnull()
        else:
            right = (*source.columns, *recommender.tables)
            raise SourceError(
                f'check "{check.name}": stage "{stage}" is no column of "{source.table.name}" and no '
                f"declared table; {nearest(stage, right)}"
            )
        rows = rows.mutate(**{f"__through{place}": got & through})
        through = rows[f"__through{place}"]
    columns = {stage: rows[f"__through{place}"] for place, stage in enumerate(stages)}
    return group_rare_items(source, flagged(rows, columns), most)


def flag_items(recommender: Recommender, source: Source, rows: Any, asked: FlagRequest) -> Flagged:
    """
    Every row, by the item it shows.

    Raises:
        SourceError: as `require_item`.
    """
    require_item(asked.check, source)
    most = most_items(source, rows, asked)
    return group_rare_items(source, flagged(rows, {"shown": ibis.literal(True)}), most)


def require_item(check: Check, source: Source) -> None:
    """
    Check that rows can be told apart by their item.

    Raises:
        SourceError: the table has no item, or the check is not sliced by it.
    """
    name, item = source.table.name, source.table.item
    if item is None:
        raise SourceError(
            f'check "{check.name}": needs the item of each row; add item = "…" to [tables.{name}]'
        )
    if check.dimensions is not None and item not in check.dimensions:
        raise SourceError(f'check "{check.name}": needs the item of each row; add "{item}" to its dimensions')


def group_rare_items(source: Source, found: Flagged, most: list[str] | None) -> Flagged:
    """The rows with all items but `most` merged into one; unchanged if that is None."""
    if most is None:
        return found
    item = str(source.table.item)  # renamed only now: joins need a row's own item
    grouped = ibis.ifelse(found.rows[item].isin(most), found.rows[item], OTHERS)
    return Flagged(found.rows.mutate(**{item: grouped}), found.names)


def most_items(source: Source, rows: Any, asked: FlagRequest) -> list[str] | None:
    """If items are a dimension, those with most rows in the judged window; all others are merged."""
    item = source.table.item
    if item is None or item not in asked.dimensions:
        return None
    last = rows.filter(rows[WINDOW] == asked.learn_until)
    most = last.group_by(item).aggregate(n=_.count()).order_by(ibis.desc("n"), item).limit(MOST_ITEMS)
    return source.fetch(most)[item].dropna().astype(str).tolist()


def flag_joins(recommender: Recommender, source: Source, rows: Any, asked: FlagRequest) -> Flagged:
    """Rows that have no partner in the other table."""
    beside = _beside(asked, str(Beside.of(asked.check).beside))
    rows = joined(recommender, source, rows, beside)
    return flagged(rows, {f"in {beside.table}": rows[beside.found].isnull()})


def flag_sampling(recommender: Recommender, source: Source, rows: Any, asked: FlagRequest) -> Flagged:
    """Each combination of key values once, flagged if the other table has it as well."""
    beside = _beside(asked, str(Beside.of(asked.check).beside))
    source.require(*beside.on)
    once = rows.select(WINDOW, *dict.fromkeys((*asked.dimensions, *beside.on))).distinct()
    once = joined(recommender, source, once, beside)
    return flagged(once, {f"kept in {beside.table}": once[beside.found].notnull()})


def flag_disagreements(recommender: Recommender, source: Source, rows: Any, asked: FlagRequest) -> Flagged:
    """Rows that have a partner, flagged if the partner holds another value."""
    keys = Compared.of(asked.check)
    source.require(*keys.compare)
    theirs = {name: f"__theirs{place}" for place, name in enumerate(dict.fromkeys(keys.compare.values()))}
    beside = _beside(asked, str(keys.beside), values=theirs)
    rows = joined(recommender, source, rows, beside)
    rows = rows.filter(rows[beside.found].notnull())
    tolerance = TOLERANCE if keys.tolerance is None else keys.tolerance
    return flagged(
        rows, {own: _differs(rows[own], rows[theirs[name]], tolerance) for own, name in keys.compare.items()}
    )


def _differs(own: Any, other: Any, tolerance: float) -> Any:
    numeric = {"integer", "number"}
    if kind_of(own) in numeric and kind_of(other) in numeric:
        one, two = own.cast("float64"), other.cast("float64")
        alike = (one - two).abs() <= tolerance * ibis.greatest(one.abs(), two.abs())
    else:
        alike = own.cast("string") == other.cast("string")
    return ~(alike.fill_null(False) | (own.isnull() & other.isnull()))


def flag_versions(recommender: Recommender, source: Source, rows: Any, asked: FlagRequest) -> Flagged:
    """Requests, or whatever else counts once, flagged by the version that served them."""
    column = version_column(recommender, asked.check)
    source.require(column)
    rows = rows.mutate(__version=rows[column].cast("string"))
    last = rows.filter(rows[WINDOW] == asked.learn_until)
    seen = last.group_by("__version").aggregate(n=_.count()).order_by(ibis.desc("n"), "__version")
    held = source.fetch(seen.limit(MOST_VERSIONS))["__version"].dropna().astype(str)
    names = tuple(dict.fromkeys((*Serving.of(asked.check).versions, *held)))
    found = flagged(rows, {name: (rows["__version"] == name).fill_null(False) for name in names})
    return counted_once(recommender, source, found, asked)


def version_column(recommender: Recommender, check: Check) -> str:
    """
    The column that says which version served a row: the check's own, else its model's.

    Raises:
        SourceError: neither is declared.
    """
    model = served_by(recommender, check)
    named = OfColumns.of(check).columns
    column = named[0] if named else model.version if model else None
    if column is None:
        raise SourceError(
            f'check "{check.name}": says not which column holds the version; add columns = ["…"], or version '
            "to the model whose candidates they are"
        )
    return column


def served_by(recommender: Recommender, check: Check) -> Model | None:
    """The model whose candidates are the check's table."""
    return recommender.model_of(str(check.table))


def counted_once(recommender: Recommender, source: Source, found: Flagged, asked: FlagRequest) -> Flagged:
    """One row for a whole request, or whatever else the check counts `per`; one flagged row flags it all."""
    per = per_column(recommender, asked.check)
    if per is None:
        return found
    source.require(per)
    whole = found.rows
    once = whole.group_by(WINDOW, *asked.dimensions, __per=whole[per]).aggregate(
        **{name: whole[name].max() for name in found.columns}
    )
    return Flagged(once, found.names, found.labels)


def per_column(recommender: Recommender, check: Check) -> str | None:
    """The column whose values count once each: the check's own, else its model's request."""
    model = served_by(recommender, check)
    return Per.of(check).per or (model.request if model else None)


def _beside(asked: FlagRequest, table: str, mark: str = "0", values: Mapping[str, str] | None = None) -> Rows:
    check, on = asked.check, Matched.of(asked.check).on
    if not on:
        raise SourceError(
            f'check "{check.name}": says not how a row is found in "{table}"; add for instance '
            'on = {request_id = "request_id"}'
        )
    apart = APART if check.within is None else check.within
    return Rows(table, asked.start - apart, asked.end + apart, on, values or {}, mark)
