"""What is written is still there after a power cut."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path


def sync_folder(folder: Path) -> None:
    """A file's name is on the disk once its folder is."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def replace_whole(path: Path, text: bytes, prefix: str, as_it_was: Callable[[int], None]) -> None:
    """
    Have a file hold `text`, by a rename, so that no reader meets half of it.

    Args:
        prefix: of the name under which it is written first, in the same folder.
        as_it_was: gives the new file (its descriptor) the permissions of the old one.
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
