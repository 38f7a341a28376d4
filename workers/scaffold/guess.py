"""What each table seems to be: its time, ids and dimensions, each with its reason."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta

from domain.recommender.several import LISTED
from workers.scaffold.layout import Layout
from workers.scaffold.profile import LONG_TEXT, Column, Profile
from workers.scaffold.span import Span

FEWEST_VALUES, MOST_VALUES = 2, 200
NUMBERED = "the numbers of a data frame's rows"
MOST_DIMENSIONS = 6
EFFECTIVE = 1.05  # number of equally frequent values: below this, nearly all rows have one value
ID_SHARE = 0.02  # of the rows: a text with more distinct values than this is an id
MOST_UNSET = 0.2
FEW = 20  # distinct values up to which a column named like an item, `app`, is none: it may be a client

ITEM = re.compile(
    r"^(?:item|movie|film|product|produkt|article|artikel|track|song|video|imdb|sku|asin|isbn|show|title|book|"
    r"listing|ad|creative|content|recipe|game|app|poi|restaurant|hotel|job|course|sendung|titel)s?"
    r"[_-]?(?:id|nr|nummer|number|key|code|uuid)?$|^(?:iid|ean|gtin)$",
    re.IGNORECASE,
)
MEMBER = re.compile(
    r"^(?:member|user|customer|client|account|profile|visitor|viewer|listener|subscriber|kunde|kunden|nutzer|"
    r"benutzer|mitglied|konto|reader|player|device)s?[_-]?(?:id|nr|nummer|number|key|uuid)?$|^uid$|^mid$",
    re.IGNORECASE,
)
ID = re.compile(r"(?:^|[_-])(?:id|nr|uuid|guid|key|hash|token|nummer)$|[a-z](?:Id|ID|Nr)$|nr$", re.IGNORECASE)
TITLE = re.compile(r"title|titel|name|label|headline|beschreibung|url|link|synopsis", re.IGNORECASE)
TIME = re.compile(
    r"(?:^|_)(?:at|ts|time|timestamp|zeit|zeitpunkt|zeitstempel|date|datum|day|tag|dt)$|time|zeit|_at$|"
    r"timestamp|datum|date",
    re.IGNORECASE,
)
HAPPENED = re.compile(
    r"event|occur|happen|^ts$|^time(?:stamp)?$|^zeit|impress|view|seen|shown|click|play|rated|order|bestell|"
    r"logged|server|request|deliver|liefer|snapshot|stand|^dt$|^day$|^at$|watched|served",
    re.IGNORECASE,
)
BORN = re.compile(r"first|launch|releas|publi|premier|birth|geburt|erschein|joined|founded", re.IGNORECASE)
LATER = re.compile(r"updat|modif|load|ingest|process|expire|delet|import|valid", re.IGNORECASE)
LAUNCH = re.compile(
    r"launch|release|publi|premiere|start|avail|onair|live|erschein|veroeff|veröff|added|created|first|neu_seit",
    re.IGNORECASE,
)
OUTCOME = re.compile(
    r"click|klick|bought|purchas|gekauft|ordered|bestellt|conver|played|gespielt|watched|listened|streamed|"
    r"liked|love|heart|saved|skipp|finish|complet|success|fail|error|booked|gebucht|applied|subscribed|opened|"
    r"accept|engaged|responded|answered|reward|added",
    re.IGNORECASE,
)
YES_OR_NO = frozenset({"0", "1", "0.0", "1.0", "false", "true"})
INDEX = re.compile(r"^(?:__index_level_\d+__|Unnamed: ?\d+)$")
"""Row numbers of a data frame, written along with it."""
KNOWN = re.compile(
    r"country|land|region|market|markt|device|geraet|gerät|platform|plattform|os$|client|language|sprache|"
    r"locale|genre|categor|kategorie|type|typ|channel|kanal|surface|page|placement|source|quelle|variant|"
    r"segment|brand|marke|plan|tier",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Guess:
    """
    What one table seems to be: `why` gives the reason for a key, `left_out` why a column is not used;
    `outcomes` are columns that tell for each row whether something came of it.
    """

    layout: Layout
    profile: Profile
    time: str | None = None
    span: Span | None = None
    window: timedelta | None = None
    item: str | None = None
    member: str | None = None
    key: str | None = None
    dimensions: tuple[str, ...] = ()
    explode: dict[str, str] = field(default_factory=dict)
    launch: str | None = None
    title: str | None = None
    features: tuple[str, ...] = ()
    outcomes: tuple[str, ...] = ()
    select: str | None = None
    upstream: tuple[str, ...] = ()
    why: dict[str, str] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The table's name."""
        return self.layout.name

    def because(self, **why: str) -> Guess:
        """The same guess with more reasons."""
        return replace(self, why={**self.why, **why})


def roles(layout: Layout, profile: Profile) -> Guess:
    """Time, key, item, member, title and launch of a table, judged by itself."""
    columns = list(profile.columns.values())
    ids = [one for one in columns if is_id(one, profile.rows)]
    item = next((one for one in columns if ITEM.match(one.name) and _can_name(one) and _many(one)), None)
    member = next((one for one in columns if MEMBER.match(one.name) and _can_name(one)), None)
    key = next((one for one in (item, member, *ids) if one is not None and one.unique), None)
    guess = Guess(layout, profile, key=key.name if key else None)
    describes = key is not None and key in (item, member) and (item is None or member is None)
    timed = [] if describes and layout.day is None else _times(columns)
    why = {"key": f"each of {profile.rows:,} rows has another one"} if key else {}
    if timed:
        others = ", ".join(one.name for one in timed[1:4])
        why["time"] = _of_time(timed[0]) + (f"; also times: {others}" if others else "")
    return replace(
        guess,
        time=timed[0].name if timed else None,
        item=item.name if item and item is not key else None,
        member=member.name if member and member is not key else None,
        title=titled(profile, profile.rows) if key else None,
        why=why
        | ({"item": "by its name"} if item and item is not key else {})
        | ({"member": "by its name"} if member and member is not key else {}),
    )


def _can_name(column: Column) -> bool:
    return column.held in ("text", "integer", "other") and column.unset <= MOST_UNSET and column.values > 1


def _many(column: Column) -> bool:
    return column.unique or column.values > FEW or bool(ID.search(column.name))


def is_id(column: Column, rows: int) -> bool:
    """Whether a column of a table with this many rows is an id, by its name or its number of values."""
    if column.held not in ("text", "integer") or column.length > LONG_TEXT or column.comma or column.timelike:
        return False
    many = column.held == "text" and column.values > max(ID_SHARE * rows, MOST_VALUES)
    return bool(ID.search(column.name)) or many


def titled(profile: Profile, different: int) -> str | None:
    """The text that people know a row by: judged by its name, else the first text that seldom repeats."""
    columns = profile.columns.values()
    can = [
        one
        for one in columns
        if one.held == "text" and one.values > different / 2 and not ID.search(one.name)
    ]
    by_name = [one.name for one in can if TITLE.search(one.name)]
    words = [one.name for one in can if any(" " in example.strip() for example in one.examples)]
    return next(iter([*by_name, *words]), None)


def _times(columns: list[Column]) -> list[Column]:
    """The columns that can be the table's time, likeliest first."""
    can = [one for one in columns if one.timelike and one.unset <= MOST_UNSET]
    if any(one.epoch is None for one in can):
        can = [one for one in can if one.epoch is None or TIME.search(one.name)]

    def rank(one: Column) -> tuple[bool, bool, bool, bool, bool, int]:
        return (
            bool(BORN.search(one.name)),
            bool(LATER.search(one.name)),
            not HAPPENED.search(one.name),
            not TIME.search(one.name),
            one.held == "date",
            -one.values,
        )

    return sorted(can, key=rank)


def _of_time(column: Column) -> str:
    if column.epoch:
        return f"{column.epoch} since 1970 in every row" if not column.unset else f"{column.epoch} since 1970"
    stored = {"time": "timestamps", "date": "days"}.get(column.held, "times written as text")
    return f"{stored}, {column.unset:.0%} unset" if column.unset else f"{stored} in every row"


def sliced(guess: Guess, drifting: Iterable[str], alike: dict[str, str]) -> Guess:
    """
    The table with the columns that it can be sliced by, and why not by others.

    Args:
        drifting: columns whose values come and go with time.
        alike: column → an earlier one that says the same about each row.
    """
    taken = {guess.time, guess.item, guess.member, guess.key, guess.title, guess.launch}
    gone = set(drifting)
    left: dict[str, str] = {}
    can: list[Column] = []
    outcomes = tuple(one.name for one in guess.profile.columns.values() if guess.time and _is_outcome(one))
    for column in guess.profile.columns.values():
        if column.name in taken or column.name in outcomes:
            continue
        if reason := _unfit(column, guess, gone, alike):
            left[column.name] = reason
        else:
            can.append(column)
    can.sort(key=lambda one: (not KNOWN.search(one.name), abs(one.effective - 8) > 8, -one.effective))
    chosen = {one.name for one in can[:MOST_DIMENSIONS]}
    left |= {one.name: f"{one.values} values: could be sliced by as well" for one in can[MOST_DIMENSIONS:]}
    kept = [one for one in guess.profile.columns.values() if one.name in chosen]
    lists = {one.name: str(one.separator) for one in can if one.separator and not _by_type(one)}
    return replace(
        guess,
        dimensions=tuple(one.name for one in kept),
        explode=lists,
        outcomes=outcomes,
        left_out={**guess.left_out, **left},
        why={**guess.why, **({"dimensions": ", ".join(_of_values(one) for one in kept)} if kept else {})},
    )


def measures(guess: Guess) -> tuple[str, ...]:
    """The columns of a table with a time that hold measures, such as a price: watched, and not sliced by."""
    taken = {guess.time, guess.item, guess.member, guess.key, *guess.outcomes}
    rest = [one for one in guess.profile.columns.values() if one.name not in taken and not one.timelike]
    return tuple(one.name for one in rest if one.values >= FEWEST_VALUES and _is_measure(one, guess))


def _is_measure(column: Column, guess: Guess) -> bool:
    if column.held == "integer":
        return column.values > MOST_VALUES and not is_id(column, guess.profile.rows)
    return column.held == "number"


def _is_outcome(column: Column) -> bool:
    flag = column.held in ("boolean", "integer", "number") and set(column.examples) <= YES_OR_NO
    return (
        flag and column.values == len(column.examples) == FEWEST_VALUES and bool(OUTCOME.search(column.name))
    )


def _by_type(column: Column) -> bool:
    """Whether the engine itself knows that it is a list."""
    return column.separator == LISTED


def _of_values(column: Column) -> str:
    several = " in lists" if column.separator else ""
    return f"{column.name} {column.values} values{several}"


def _unfit(column: Column, guess: Guess, drifting: set[str], alike: dict[str, str]) -> str | None:
    """Why a table is not sliced by this column; None if it can be."""
    return next(
        (reason for wrong, reason in _reasons(column, guess, drifting, alike) if wrong),
        None,
    )


def _reasons(
    column: Column, guess: Guess, drifting: set[str], alike: dict[str, str]
) -> Iterator[tuple[bool, str]]:
    rows, values = guess.profile.rows, f"{column.values:,} values"
    yield column.timelike, "a time"
    yield bool(INDEX.match(column.name)), NUMBERED
    yield column.held == "json", f"JSON objects: {_taken_out(column)}"
    yield column.held in ("struct", "other"), "no text: take out a field with a select"
    yield column.comma, f"numbers with a decimal comma: {_with_a_point(column)}"
    yield column.held == "number", "a number" if column.values >= FEWEST_VALUES else "always the same number"
    yield column.held == "integer", _of_whole_numbers(column)
    yield column.values < FEWEST_VALUES, "always the same" if column.values else "never set"
    yield is_id(column, rows) and not column.separator, f"{values}: an id"
    yield column.length > LONG_TEXT and column.values > FEWEST_VALUES * 10, "prose"
    yield column.values > MOST_VALUES, f"{values}, more than a person would name"
    yield column.unset > MOST_UNSET, f"not set in {column.unset:.0%} of the rows"
    yield column.effective < EFFECTIVE, f"{column.top:.1%} of the rows have one value"
    yield column.name in drifting, "its values come and go with time, as versions and batches do"
    yield column.name in alike, f"says the same as {alike.get(column.name)}"


def _of_whole_numbers(column: Column) -> str:
    if column.values > MOST_VALUES:
        return "whole numbers: a measure, or an id (item, member) that its name does not say"
    return "whole numbers: a measure, or a code worth slicing by"


def _taken_out(column: Column) -> str:
    key = column.keys[0] if column.keys else "key"
    return f"a select takes out a value, json_extract_string({column.name}, '$.{key}') AS {key}"


def _with_a_point(column: Column) -> str:
    return f"a select reads them, CAST(replace({column.name}, ',', '.') AS DOUBLE) AS {column.name}"
