"""The tables of the stays in PostgreSQL: made, filled, and copied for each case."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType

import pandas as pd
import psycopg
from sqlalchemy import make_url

_OF_A_ROW = "request_id bigint, stay_id integer, guest_id integer, language text, country text, supplier text"
_FED = """kind text, badge text, price_usd double precision, over_budget double precision,
    distance_km double precision, review_score double precision, free_nights double precision,
    match double precision, e0 double precision, e1 double precision, e2 double precision,
    e3 double precision, booked_7d double precision, lead_days double precision, nights double precision"""
_KNOWN = """stay_id integer, name text, country text, supplier text, kind text, badge text,
    distance_km double precision, review_score double precision, booked_7d double precision,
    listed_at timestamptz, vec real[]"""

TABLES: Mapping[str, str] = MappingProxyType(
    {
        "impressions": f"""shown_at timestamptz, {_OF_A_ROW}, kind text, badge text, device text,
            app_version text, position smallint, explored boolean""",
        "bookings": f"""booked_at timestamptz, booking_id bigint, {_OF_A_ROW}, device text,
            app_version text, currency text, nights integer, value_usd double precision""",
        "cancellations": """cancelled_at timestamptz, booking_id bigint, country text, supplier text,
            language text, value_usd double precision""",
        "candidates": f"""scored_at timestamptz, {_OF_A_ROW}, device text, app_version text, cluster text,
            {_FED}, score double precision, rank smallint, shown boolean, model_version text""",
        "price_feed": """loaded_at timestamptz, stay_id integer, country text, supplier text,
            currency text, price double precision""",
        "availability_feed": """loaded_at timestamptz, stay_id integer, country text, supplier text,
            free_nights integer""",
        "catalogue": f"exported_at timestamptz, {_KNOWN}",
        "stays": f"{_KNOWN}, currency text, price double precision",
        "guests": """guest_id integer, language text, cluster text, loyalty smallint,
            budget_usd double precision, joined_at timestamptz""",
        "trainings": """finished_at timestamptz, model_version text, data_until timestamptz,
            n_rows integer, auc double precision, log_loss double precision""",
        "train_rows": f"""finished_at timestamptz, model_version text, stay_id integer, country text,
            supplier text, language text, device text, {_FED}, booked boolean""",
        "flags": "changed_at timestamptz, flag text, audience text, value text",
        "releases": "released_at timestamptz, component text, version text",
    }
)
TIMES: Mapping[str, str] = MappingProxyType(
    {
        name: columns.split()[0]
        for name, columns in TABLES.items()
        if columns.split()[1].startswith("timestamptz")
    }
)


class Warehouse:
    """A database on a server; no connection stays open, so that it can be copied at any time."""

    def __init__(self, owner_url: str, name: str) -> None:
        self.owner_url, self.name = owner_url, name

    @property
    def url(self) -> str:
        """Where its tables are read."""
        return make_url(self.owner_url).set(database=self.name).render_as_string(hide_password=False)

    def make(self) -> None:
        """Create its tables, empty; those with a time are indexed by it."""
        self._serve(f"CREATE DATABASE {self.name}")
        with self._connected() as connection:
            for name, columns in TABLES.items():
                connection.execute(f"CREATE UNLOGGED TABLE {name} ({columns})".encode())
            for name, time in TIMES.items():
                connection.execute(f"CREATE INDEX ON {name} ({time})".encode())

    def copied(self, name: str) -> Warehouse:
        """Another database with the same content."""
        self._serve(f"CREATE DATABASE {name} TEMPLATE {self.name} STRATEGY FILE_COPY")
        return Warehouse(self.owner_url, name)

    def drop(self) -> None:
        """Drop it, even while somebody reads from it."""
        self._serve(f"DROP DATABASE IF EXISTS {self.name} WITH (FORCE)")

    def write(self, rows: Mapping[str, pd.DataFrame], current: Mapping[str, pd.DataFrame]) -> None:
        """Append `rows` to tables, and replace what others hold with `current`; all in one transaction."""
        with self._connected() as connection:
            for name in current:
                connection.execute(f"TRUNCATE {name}".encode())
            for name, frame in [*rows.items(), *current.items()]:
                if len(frame):
                    _copy(connection, name, frame)

    def settle(self) -> None:
        """Do what a database does by itself from time to time."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute("VACUUM (ANALYZE)")

    @contextmanager
    def _connected(self) -> Iterator[psycopg.Connection]:
        with psycopg.connect(self.url) as connection:
            yield connection

    def _serve(self, statement: str) -> None:
        with psycopg.connect(self.owner_url, autocommit=True) as connection:
            connection.execute(statement.encode())


def _copy(connection: psycopg.Connection, name: str, frame: pd.DataFrame) -> None:
    columns = [words.split()[0] for words in _apart(TABLES[name])]
    rows = frame[columns]
    if "vec" in columns:
        vectors = ["{" + ",".join(str(round(x, 4)) for x in one) + "}" for one in rows["vec"]]
        rows = rows.assign(vec=vectors)
    # Whole numbers with gaps would be written as 3.0.
    whole = [words.split()[0] for words in _apart(TABLES[name]) if words.split()[1] in _WHOLE]
    rows = rows.astype(dict.fromkeys(whole, "Int64"))
    statement = f"COPY {name} ({', '.join(columns)}) FROM STDIN (FORMAT csv)"
    with connection.cursor() as cursor, cursor.copy(statement.encode()) as copy:
        copy.write(rows.to_csv(index=False, header=False))


def _apart(columns: str) -> list[str]:
    return [words.strip() for words in columns.split(",")]


_WHOLE = ("bigint", "integer", "smallint")
