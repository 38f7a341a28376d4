"""The declaration this process works with, re-read when its file changes."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from domain.errors import ConfigurationError
from domain.recommender.recommender import Recommender
from workers.declaration.declare import load
from workers.environment import redaction
from workers.environment.settings import settings


def recommender(path: Path | None = None, *, own: bool = True) -> Recommender:
    """
    The current content of `recsysops.toml`; see `declare.load`.

    Raises:
        ConfigurationError: there is no such file, or something in it is wrong.
    """
    file = path or settings().config
    if not file.exists():
        raise ConfigurationError(
            f"{file} does not exist: write one with `recsysops init`, or name it in RECSYSOPS_CONFIG."
        )
    found = file.stat()
    # Its time alone would not do: what is read while it is written has the time of the whole file.
    return _loaded(file, (found.st_mtime_ns, found.st_size, found.st_ino), own)


@lru_cache(maxsize=4)
def _loaded(file: Path, state: tuple[int, int, int], own: bool) -> Recommender:
    try:
        return load(file, own=own)
    except ConfigurationError as error:  # this is shown on pages, too
        raise ConfigurationError(redaction.prose(str(error))) from None
