"""Reads a model file of any known format, chosen by the end of its name."""

from __future__ import annotations

from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

from domain.errors import SourceError
from workers.models.loaded import LoadedModel
from workers.models.planted_file import END, within
from workers.models.skops_file import load_skops

OTHERS = {
    ".onnx": ("workers.models.onnx_file", "load_onnx", "onnx"),
    ".lgb": ("workers.models.lightgbm_file", "load_lightgbm", "lightgbm"),
    END: ("workers.models.planted_file", "load_planted", ""),
    ".txt": ("workers.models.lightgbm_file", "load_lightgbm", "lightgbm"),
}
"""End of the name → what reads such a file, and the extra that installs its library."""


class FileStamp(NamedTuple):
    """What changes when a file is written or replaced, whatever any clock says."""

    device: int
    inode: int
    size: int
    written_ns: int


def stamp_of(path: Path) -> FileStamp | None:
    """Of the file at `path`; None if there is none."""
    try:
        held = path.stat()
    except OSError:
        return None
    return FileStamp(held.st_dev, held.st_ino, held.st_size, held.st_mtime_ns)


def prepare(path: Path) -> None:
    """Load the reader of such a file, if installed, before memory is limited: it is not part of the limit."""
    if path.suffix.lower() in OTHERS:
        with suppress(ImportError):  # reported when the file is read
            import_module(OTHERS[path.suffix.lower()][0])
    if path.suffix.lower() == END and (inner := within(path)) is not None:
        prepare(inner)


def load_model(path: Path) -> LoadedModel:
    """
    Read the model in `path`. A name with an unknown ending is taken for a skops file.

    Raises:
        SourceError: missing, of another format, or not trusted; says what to do.
    """
    if not path.exists():
        raise SourceError(f"{path}: there is no model file; train the model, or correct `path` of the model")
    if path.suffix.lower() not in OTHERS:
        return load_skops(path)
    module, name, extra = OTHERS[path.suffix.lower()]
    try:
        load = getattr(import_module(module), name)
    except ImportError as error:
        raise SourceError(
            f"{path}: what reads such a file is not installed; pip install 'recsysops[{extra}]'"
        ) from error
    loaded: LoadedModel = load(path)
    return loaded
