"""A first declaration as text: each guess with its reason, and what was looked at but left out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from glob import escape
from pathlib import Path
from textwrap import wrap
from typing import Any

from domain.recommender.keys.duration import name_duration
from domain.recommender.several import LISTED
from workers.declaration.lines import lines_of, value_text
from workers.scaffold.guess import Guess, measures
from workers.scaffold.layout import plain
from workers.scaffold.relate import MATCHED, NOW, Reference, Related
from workers.scaffold.span import length

ABOUT = """\
# Guessed from the tables; each comment says what a guess rests on, or what was looked at and left out.
# Look it over; `recsysops doctor` holds it against the tables, `recsysops backtest` walks it over the past.
# A relative path is relative to this file.
"""
WIDTH = 110  # characters of a line
MOST_SLICED = 20  # measures of a table: if there are more, they are watched as a whole only
LEAST_OF_OUTCOMES = 0.1  # of how often something comes of a row: a tenth less deserves a person's attention


def written(root: Path, found: Related, unread: Mapping[str, str]) -> str:
    """The text of a declaration for the tables below `root`."""
    parts = ["\n".join((ABOUT.rstrip(), *(f"# Not read: {name}: {why}" for name, why in unread.items())))]
    parts.append(
        f"[recommender]\nname = {value_text(plain(root.name))}\n"
        'timezone = "UTC"  # write the zone in which your days begin: windows of a day begin at its midnight'
    )
    parts += ["\n".join(_table(root, one)) for one in found.tables]
    if found.items is not None:
        parts.append("\n".join(_items(found.items)))
    for table in found.tables:
        if table.time is not None:
            parts += list(_checks(table, found))
    parts.append('[routes]\ndefault = "#recsysops"')
    parts.append('[permissions]\nrespond = ["oncall"]\ndeploy = ["oncall"]\napprove = ["leads"]')
    return "\n\n".join(parts) + "\n"


def _table(root: Path, table: Guess) -> Iterator[str]:
    yield f"[tables.{table.name}]"
    yield f"# {_size(table)}"
    path = f"{escape(str(root))}/{table.layout.pattern}"
    select = table.layout.select or table.select
    if table.layout.select:
        yield f"files = [{value_text(path)}]"
        yield "# No column holds the day of a delivery; it is read from the names of the files."
        both = f"WITH rows AS ({select}) {table.select}" if table.select else select
        yield f"select = {value_text(str(both))}"
    else:
        yield f"path = {value_text(path)}"
        if select:
            yield f"select = {value_text(select)}"
    yield from _keys(table)
    if table.explode:
        yield f"explode = {value_text(table.explode)}  # several values in one row: each counts"
    if table.layout.csv is not None and not table.layout.select:
        yield from ("# " + said for said in table.layout.said)
        yield f"csv = {value_text(table.layout.csv.model_dump(exclude_defaults=True))}"
    yield from _left_out(table)


def _size(table: Guess) -> str:
    if table.select:
        return f"The newest delivery of {table.name.removesuffix(NOW)}: each item once."
    files = f"{table.layout.files:,} files, " if table.layout.files > 1 else ""
    span = f", {length(table.span)}" if table.span else ""
    future = table.profile.rows - table.span.rows if table.span else 0
    later = f"; {future:,} rows have no time, or one that is still to come" if future else ""
    return f"{files}{table.profile.rows:,} rows{span}{later}"


def _keys(table: Guess) -> Iterator[str]:
    values: dict[str, str | None] = {
        "time": table.time,
        "window": name_duration(table.window) if table.window else None,
        "item": table.item,
        "member": table.member,
        "key": table.key,
    }
    for key, value in values.items():
        if value is not None:
            yield from _commented(f"{key} = {value_text(value)}", table.why.get(key))
    if table.dimensions and table.time is not None:
        why = [table.why.get("dimensions", "")]
        if "of_items" in table.why:
            why.append(f"of the items: {table.why['of_items']}")
        yield from _commented(f"dimensions = {value_text(table.dimensions)}", "; ".join(filter(None, why)))
    if table.upstream:
        yield from _commented(f"upstream = {value_text(table.upstream)}", table.why.get("upstream"))
    if table.time is None and table.key is None:
        yield "# No column holds a time, so that nothing can be watched by the window here."


def _left_out(table: Guess) -> Iterator[str]:
    used = {table.time, table.item, table.member, table.key, table.title, table.launch, *table.features}
    left = {name: why for name, why in table.left_out.items() if name not in used}
    if left:
        yield "# Looked at and left out:"
    reasons: dict[str, list[str]] = {}
    for name, why in left.items():
        column = table.profile.columns[name]
        values = f" ({column.values:,})" if column.held == "integer" else ""
        reasons.setdefault(why, []).append(_plainly(name) + values)
    for why, names in reasons.items():
        yield from wrap(
            f"{', '.join(names)}: {why}", WIDTH, initial_indent="#   ", subsequent_indent="#     "
        )


def _items(items: Guess) -> Iterator[str]:
    yield "[items]"
    yield f"table = {value_text(items.name)}"
    yield from _commented(f"key = {value_text(str(items.key))}", items.why.get("key"))
    if items.title:
        yield f"title = {value_text(items.title)}"
    if items.launch:
        yield from _commented(f"launch = {value_text(items.launch)}", items.why.get("launch"))
    yield f"features = {value_text(items.features)}"


def _checks(table: Guess, found: Related) -> Iterator[str]:
    name = table.name
    yield check_text(f"{name}_volume", "volume", name)
    yield check_text(f"{name}_freshness", "freshness", name)
    if table.dimensions:
        yield check_text(f"{name}_slices", "slice_volume", name)
    yield from _outcomes(table, found.items)
    if watched := _watched(table):
        yield check_text(f"{name}_missing", "missing", name, columns=watched)
    if numbers := measures(table):
        sliced: dict[str, Any] = {"ways": 1} if len(numbers) <= MOST_SLICED else {"dimensions": ()}
        yield check_text(f"{name}_numbers", "numeric", name, columns=numbers, **sliced)
        yield check_text(f"{name}_numbers_missing", "missing", name, columns=numbers, **sliced)
    if features := _always_set(table, found.items):
        yield (
            "# No item that was looked at lacks one of these: one that does is reported at its first row.\n"
            + check_text(f"{name}_item_features", "missing", name, columns=features, least_rows=1)
        )
    if table.key is not None:
        yield check_text(f"{name}_duplicates", "duplicates", name, key=(table.key,))
    yield from _references(table, found.references.get(name, ()))


def _outcomes(table: Guess, items: Guess | None) -> Iterator[str]:
    """How often something comes of a row, by slice; a ratio cannot be split by a column of lists."""
    several = {*table.explode, *(items.explode if items is not None else ())}
    known = {**(items.profile.columns if items is not None else {}), **table.profile.columns}
    single = tuple(
        name for name in table.dimensions if name not in several and known[name].separator != LISTED
    )
    dimensions = {"dimensions": single} if single and single != table.dimensions else {}
    for column in table.outcomes:
        yield (
            f"# In how many of the rows {_plainly(column)} is set; where that comes later, say `settle`.\n"
            + (
                check_text(
                    f"{table.name}_{plain(column)}",
                    "slice_volume" if single else "volume",
                    table.name,
                    aggregate="mean",
                    measure=column,
                    least_change=LEAST_OF_OUTCOMES,
                    **dimensions,
                )
            )
        )


def _watched(table: Guess) -> tuple[str, ...]:
    """Columns in which a missing value does harm: ids, and the table's own dimensions."""
    columns = table.profile.columns
    names = (table.item, table.member, *table.dimensions)
    own = (columns[name] for name in names if name in columns)
    return tuple(dict.fromkeys(one.name for one in own if one.separator != LISTED))


def _always_set(table: Guess, items: Guess | None) -> tuple[str, ...]:
    """The features that every item has, if the table's rows name items; except columns of its own."""
    if items is None or table.name == items.name or "item" not in table.why:
        return ()
    own, described = table.profile.columns, items.profile.columns
    return tuple(name for name in items.features if name not in own and described[name].unset == 0.0)


def _references(table: Guess, references: tuple[Reference, ...]) -> Iterator[str]:
    found = {one.column: one for one in references if one.matched >= MATCHED}
    if found:
        said = ", ".join(f"{one.column} in {one.matched:.2%} of the rows" for one in found.values())
        targets = {one.column: f"{one.table}.{one.key}" for one in found.values()}
        yield f"# Found in the other table: {said}.\n" + check_text(
            f"{table.name}_references", "references", table.name, references=targets
        )


def check_text(name: str, kind: str, table: str, **keys: Any) -> str:
    """A check as TOML."""
    return lines_of(name, {"kind": kind, "table": table, **keys}).rstrip()


def _commented(line: str, why: str | None) -> Iterator[str]:
    """A line with its comment, which goes before it if both are too long."""
    said = f"{line}  # {_plainly(why)}" if why else line
    if why and len(said) > WIDTH:
        yield from wrap(_plainly(why), WIDTH, initial_indent="# ", subsequent_indent="# ")
        said = line
    yield said


def _plainly(text: str) -> str:
    """The text without anything that would end a comment."""
    return " ".join(text.split())
