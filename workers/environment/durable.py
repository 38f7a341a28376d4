"""Writes that survive a power cut."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path


def sync_folder(folder: Path) -> None:
    """Sync a folder to disk, and with it the names of its files."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def replace_whole(path: Path, text: bytes, prefix: str, as_it_was: Callable[[int], None]) -> None:
    """
    Set a file's content to `text` by a rename, so that no reader sees half of it.

    Args:
        prefix: of the temporary name, in the same folder.
        as_it_was: gives the new file (by descriptor) the permissions of the old one.
    """
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=prefix)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(text)
            file.flush()
            as_it_was(file.fileno())
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    sync_folder(path.parent)
