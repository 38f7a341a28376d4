"""
Two event stores on PostgreSQL, at the level of their recorders: events encoded beforehand, JSON decoded.

PyPI `eventsourcing` comes with the development extra; of npm's `@eventide/message-db` only the SQL is used.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import ClassVar
from uuid import UUID, uuid4

import psycopg
from eventsourcing.persistence import StoredEvent
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore
from psycopg.conninfo import conninfo_to_dict

from benchmarks.store.contender import PAGE_EVENTS, Contender, spelled

PACKAGE = "@eventide/message-db@1.3.1"


class Eventsourcing(Contender):
    """Its PostgreSQL recorder with default settings: the table is locked from INSERT to commit."""

    name = "eventsourcing"
    FUNCTIONS: ClassVar[bool] = False

    def __init__(self, url: str) -> None:
        self._recorder = self._recorder_at(url)
        self._stream = uuid4()

    @classmethod
    def _recorder_at(cls, url: str) -> PostgresApplicationRecorder:
        named = conninfo_to_dict(url)
        store = PostgresDatastore(
            dbname=str(named["dbname"]),
            host=str(named["host"]),
            port=str(named.get("port", 5432)),
            user=str(named["user"]),
            password=str(named.get("password", "")),
            enable_db_functions=cls.FUNCTIONS,
        )
        return PostgresApplicationRecorder(store)

    @classmethod
    def prepare(cls, owner_url: str) -> str:
        recorder = cls._recorder_at(owner_url)
        recorder.create_table()
        recorder.datastore.close()
        return owner_url

    def begin(self, stream: str) -> None:
        self._stream = UUID(stream.removeprefix("incident-"))

    def append(self, first: int, count: int) -> None:
        events = [
            StoredEvent(
                originator_id=self._stream,
                originator_version=first + n + 1,
                topic=wire_name,
                state=data.encode(),
            )
            for n, (wire_name, _, data) in enumerate(spelled(first, count))
        ]
        self._recorder.insert_events(events)

    def replay(self) -> int:
        read, last = 0, 0
        while page := self._recorder.select_notifications(last + 1, PAGE_EVENTS):
            decoded = [(one, json.loads(one.state)) for one in page]
            read, last = read + len(decoded), page[-1].id
        return read

    def load(self, stream: str) -> int:
        found = self._recorder.select_events(UUID(stream.removeprefix("incident-")))
        return len([(one, json.loads(one.state)) for one in found])


class EventsourcingFunctions(Eventsourcing):
    """The same with its database functions: one statement, and no lock."""

    name = "eventsourcing, its database functions"
    FUNCTIONS = True


class MessageDb(Contender):
    """Its functions `write_message`, `get_category_messages` and `get_stream_messages`, in one category."""

    name = "message-db"
    folder: ClassVar[Path]
    WRITE = "SELECT message_store.write_message(%s, %s, %s, %s, NULL, %s)"

    def __init__(self, url: str) -> None:
        self._connection = psycopg.connect(
            url, autocommit=True, options="-c search_path=message_store,public"
        )
        self._stream = ""

    @classmethod
    def prepare(cls, owner_url: str) -> str:
        # In the order of its install.sh; without pgcrypto, whose one function PostgreSQL has had since 13.
        names = "roles/message-store schema/message-store tables/messages types/message"
        functions = "message-store-version hash-64 acquire-lock category is-category id cardinal-id"
        functions += " stream-version write-message get-stream-messages get-category-messages"
        functions += " get-last-stream-message"
        indexes = "messages-id messages-stream messages-category"
        files = [
            *names.split(),
            *(f"functions/{name}" for name in functions.split()),
            *(f"indexes/{name}" for name in indexes.split()),
        ]
        options = "-c search_path=message_store,public"
        with psycopg.connect(owner_url, autocommit=True, options=options) as connection:
            for file in files:
                connection.execute((cls.folder / "database" / f"{file}.sql").read_bytes())
        return owner_url

    def begin(self, stream: str) -> None:
        self._stream = stream

    def append(self, first: int, count: int) -> None:
        calls = [
            (str(uuid4()), self._stream, wire_name, data, first + n - 1)
            for n, (wire_name, _, data) in enumerate(spelled(first, count))
        ]
        if count == 1:
            self._connection.execute(self.WRITE, calls[0])
            return
        with self._connection.transaction(), self._connection.cursor() as cursor:
            cursor.executemany(self.WRITE, calls)

    def replay(self) -> int:
        query = "SELECT * FROM message_store.get_category_messages('incident', %s, %s)"
        read, last = 0, 0
        while page := self._connection.execute(query, (last + 1, PAGE_EVENTS)).fetchall():
            decoded = [(row, json.loads(row[5])) for row in page]
            read, last = read + len(decoded), page[-1][4]
        return read

    def load(self, stream: str) -> int:
        query = "SELECT * FROM message_store.get_stream_messages(%s)"
        found = self._connection.execute(query, (stream,))
        return len([(row, json.loads(row[5])) for row in found])


def fetch_message_db(folder: Path) -> str:
    """Its version, once npm has installed it into `folder`; or why it is not available."""
    npm = shutil.which("npm")
    if npm is None:
        return "not measured: there is no npm on this machine"
    command = [npm, "install", "--prefix", str(folder), "--ignore-scripts", "--no-audit", PACKAGE]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        return f"not measured: npm could not fetch it ({done.stderr.strip().splitlines()[-1]})"
    MessageDb.folder = folder / "node_modules/@eventide/message-db"
    version = json.loads((MessageDb.folder / "package.json").read_text())["version"]
    return str(version)
