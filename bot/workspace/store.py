"""Stores the workspace's contents as JSON rows in one SQLite file, so that they survive a restart."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any


class Store:
    """
    Rows of (kind, key) → JSON, and files' bytes. One thread at a time: the server's event loop.

    Args:
        folder: created if it does not exist. None keeps everything in memory.
    """

    def __init__(self, folder: Path | None) -> None:
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
        where = ":memory:" if folder is None else str(folder / "workspace.sqlite3")
        self._connection = sqlite3.connect(where, isolation_level=None, check_same_thread=False)
        # A toy workspace: losing the last message to a power cut is fine, waiting for the disk is not.
        self._connection.execute("PRAGMA synchronous = OFF")
        self._connection.execute(
            "CREATE TABLE IF NOT EXISTS things (kind TEXT, key TEXT, body TEXT, PRIMARY KEY (kind, key))"
        )
        self._connection.execute("CREATE TABLE IF NOT EXISTS files (id TEXT PRIMARY KEY, body BLOB)")

    def put(self, kind: str, key: str, body: dict[str, Any]) -> None:
        self._connection.execute(
            "INSERT OR REPLACE INTO things VALUES (?, ?, ?)", (kind, key, json.dumps(body))
        )

    def all(self, kind: str) -> dict[str, dict[str, Any]]:
        rows = self._connection.execute("SELECT key, body FROM things WHERE kind = ? ORDER BY key", (kind,))
        return {key: json.loads(body) for key, body in rows}

    def put_file(self, file_id: str, body: bytes) -> None:
        self._connection.execute("INSERT OR REPLACE INTO files VALUES (?, ?)", (file_id, body))

    def file(self, file_id: str) -> bytes | None:
        row = self._connection.execute("SELECT body FROM files WHERE id = ?", (file_id,)).fetchone()
        return None if row is None else row[0]

    def close(self) -> None:
        self._connection.close()
