"""What became of served rows, as columns of 0 and 1: by stage, by version, and in other tables' logs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
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
from workers.sources.aggregate.exposure import rank_by_score, ranking_model
from workers.sources.aggregate.sets import ROWS, WINDOW
from workers.sources.aggregate.sliced import equal
from workers.sources.engines.column_kinds import kind_of
from workers.sources.engines.source import Source, open_beside, rows_of
from workers.sources.flagged.flags import Flagged, FlagRequest, flagged, past_of

MOST_COPIED = 2_000_000  # rows copied from one place to another


@dataclass(frozen=True)
class JoinedTable:
    """
    What is wanted from another table: its rows of [start, end), or all rows of a current state (a table
    without time), by the columns `on` (own → its), each with `values` (name there → a name of ours). `mark`
    keeps the names of several such tables apart.
    """

    table: str
    start: datetime
    end: datetime
    on: Mapping[str, str]
    values: Mapping[str, str]
    mark: str = "0"

    @property
    def found(self) -> str:
        """The column that is set if a row found a partner."""
        return f"__found{self.mark}"

    def key(self, place: int) -> str:
        """The name that the other table's key column gets in the join."""
        return f"__key{self.mark}_{place}"


def joined(recommender: Recommender, source: Source, rows: Any, beside: JoinedTable) -> Any:
    """
    `rows` with `beside.found`, null if the other table has no row with that key, and its values: the largest
    among several rows with one key. A key that is not set matches nothing.

    Raises:
        SourceError: a column is missing on either side; no single query can see both tables, or more than two
            million rows would have to be copied.
    """
    source.require(*beside.on)
    other = _once(_rows_beside(recommender, source, beside), beside)
    return rows.left_join(
        other, [equal(rows[name], other[beside.key(place)]) for place, name in enumerate(beside.on)]
    )


def _once(other: Any, beside: JoinedTable) -> Any:
    keys = [beside.key(place) for place in range(len(beside.on))]
    return other.group_by(*keys).aggregate(
        **{beside.found: other.count()}, **{name: other[name].max() for name in beside.values.values()}
    )


def _rows_beside(recommender: Recommender, source: Source, beside: JoinedTable) -> Any:
    with open_beside(recommender, beside.table, source) as other:
        other.require(*beside.on.values(), *beside.values)
        rows = other.between(beside.start, beside.end) if other.table.time else other.rows
        wanted = _chosen(rows, beside)
        if other.borrowed:
            return wanted
        if source.connection.name != "duckdb":
            raise SourceError(
                f'tables "{source.table.name}" and "{beside.table}" are in two places; declare them where '
                "one question can see both, or the first of them as files"
            )
        copied = other.fetch(wanted.limit(MOST_COPIED + 1))
    if len(copied) > MOST_COPIED:
        raise SourceError(
            f'table "{beside.table}": more than {MOST_COPIED:,} rows to copy beside "{source.table.name}"; '
            "make the check's history shorter, or keep both tables in one place"
        )
    name = f"__beside{beside.mark}"
    source.connection.con.register(name, copied)
    return rows_of(source.connection, f'SELECT * FROM "{name}"')  # noqa: S608 - our own name


def _chosen(rows: Any, beside: JoinedTable) -> Any:
    keys = {beside.key(place): rows[theirs] for place, theirs in enumerate(beside.on.values())}
    return rows.select(**keys, **{ours: rows[theirs] for theirs, ours in beside.values.items()})


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


def _beside(
    asked: FlagRequest, table: str, mark: str = "0", values: Mapping[str, str] | None = None
) -> JoinedTable:
    check, on = asked.check, Matched.of(asked.check).on
    if not on:
        raise SourceError(
            f'check "{check.name}": says not how a row is found in "{table}"; add for instance '
            'on = {request_id = "request_id"}'
        )
    apart = APART if check.within is None else check.within
    return JoinedTable(table, asked.start - apart, asked.end + apart, on, values or {}, mark)


BIN, SHOWN, SHARE, AVERAGE = "__bin", "__shown", "__share", "__average"
ALONE = 20  # the best ranks, which have a bin each
OCTAVE = 4  # bins per doubling of the rank, further down


def flag_shown(recommender: Recommender, source: Source, rows: Any, asked: FlagRequest) -> Flagged:
    """
    Candidates weighted by how often their rank is shown, relative to all ranks; those shown are flagged.

    Raises:
        SourceError: the table is no model's log, or does not say what was shown.
    """
    model = shown_by(recommender, asked.check)
    source.require(*columns_of(model))
    most = most_items(source, rows, asked)
    was = rows[model.shown].cast("boolean").fill_null(False)
    rank = rank_by_score(rows, model)
    rows = rows.mutate(**{BIN: rank_bin(rank), SHOWN: was})
    rows = _weighted(rows, past_of(rows, asked))
    return group_rare_items(source, flagged(rows, {str(model.shown): rows[SHOWN]}), most)


def shown_by(recommender: Recommender, check: Check) -> Model:
    """
    The model whose candidates are the check's table, and which says what was shown.

    Raises:
        SourceError: there is none, or it does not declare both its score and what was shown.
    """
    model = ranking_model(recommender, check)
    if model.score is None or model.shown is None:
        lacks = "score" if model.score is None else "shown"
        raise SourceError(
            f'check "{check.name}": needs the score of each candidate and whether it was shown; add '
            f'{lacks} = "…" to [models.{model.name}]'
        )
    return model


def columns_of(model: Model) -> tuple[str, ...]:
    """The columns of its log that are read."""
    return str(model.request), str(model.item), str(model.score), str(model.shown)


def rank_bin(rank: Any) -> Any:
    """The bin of each rank, both counted from 1."""
    lower = (rank.cast("float64") / ALONE).log2() * OCTAVE
    return ibis.ifelse(rank <= ALONE, rank.cast("int64"), ALONE + lower.ceil().cast("int64"))


def _weighted(rows: Any, past: Any) -> Any:
    """`ROWS`: how often candidates in the row's bin are shown, relative to all; 0 if the bin is new."""
    share = ibis.ifelse(past[SHOWN], 1.0, 0.0).mean()
    each, every = past.group_by(BIN).aggregate(**{SHARE: share}), past.aggregate(**{AVERAGE: share})
    known = each.cross_join(every).select(
        __known=each[BIN], __weight=each[SHARE] / every[AVERAGE].nullif(0.0)
    )
    rows = rows.left_join(known, rows[BIN] == known["__known"])
    return rows.mutate(**{ROWS: rows["__weight"].fill_null(0.0)})
