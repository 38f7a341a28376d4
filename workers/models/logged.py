"""The declared model whose candidates are logged, and the columns that log them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from domain.diagnosis.replay import CandidateColumns
from domain.diagnosis.rerun.rerun import CURRENT
from domain.errors import SourceError
from domain.recommender.lineage import lineage
from domain.recommender.model import Model
from domain.recommender.recommender import Recommender
from workers.models.process import MEGABYTE, Limits, ModelProcess, open_model
from workers.models.registry import Released, released

VERSION = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,199}")
"""What is allowed in a file's name: a version is read from a log."""
MOST_FORMER = 3  # versions whose kept files are loaded at a time


@dataclass(frozen=True)
class Log:
    """The log of a model's candidates: its `table`, and which column holds what."""

    declared: Model
    columns: CandidateColumns
    table: str


@dataclass(frozen=True)
class LoggedModel:
    """A running model with its log; and its `version`, if known."""

    log: Log
    model: ModelProcess
    version: str = CURRENT


def log_of(recommender: Recommender, table: str) -> Log | None:
    """
    The log of the model that a table is about; null if no model's candidates are logged.

    That is the model whose candidates the table holds, or that learns from it; else the one whose candidates
    it is made from, the last of several stages; else the one that it feeds, the first of several. Where
    neither `upstream` nor `learned_from` connects it with a model, it is the first declared.
    """
    if recommender.model_of(table) is not None:
        return log_in(recommender, table)
    logs = [log for model in recommender.models.values() if (log := _log(recommender, model)) is not None]
    above = lineage(recommender.tables).above
    stage = {log.table: sum(other.table in above(log.table) for other in logs) for log in logs}

    def place(log: Log) -> tuple[int, int]:
        lessons = log.declared.learned_from
        ways = (
            (table in lessons, 0),
            (log.table in above(table), -stage[log.table]),
            (table in above(log.table), stage[log.table]),
            (any(table in above(lesson) for lesson in lessons), 0),
        )
        return next(((rank, at) for rank, (holds, at) in enumerate(ways) if holds), (len(ways), 0))

    return min(logs, key=place, default=None)


def log_in(recommender: Recommender, table: str) -> Log | None:
    """The log of the model whose candidates the table holds; null if there is none."""
    declared = recommender.model_of(table)
    return _log(recommender, declared) if declared is not None else None


def _log(recommender: Recommender, declared: Model) -> Log | None:
    columns = _columns(declared, recommender)
    return Log(declared, columns, declared.candidates) if columns and declared.candidates else None


def load_logged(log: Log) -> LoggedModel:
    """
    The model of a log, started.

    Raises:
        SourceError: it cannot be loaded, or its file is not the one that is declared or that its registry
            names.
    """
    declared, path = log.declared, Path(log.declared.path)
    now = _released(declared)
    _require_digest(path, declared.digest, "is declared")
    _require_digest(path, now.digest if now else None, "its registry names")
    return LoggedModel(log, open_model(path, limits_of(declared)), now.version if now else CURRENT)


def _released(declared: Model) -> Released | None:
    """What should serve; null if no registry can be asked, because the model works without one."""
    if declared.registry is None or not Path(declared.registry.path).is_file():
        return None
    return released(declared.name, declared.registry)


def kept_model(declared: Model, version: str) -> ModelProcess | None:
    """
    A former version, if its file is kept.

    Raises:
        SourceError: it cannot be loaded.
    """
    if declared.kept is None or not VERSION.fullmatch(version):
        return None
    path = Path(declared.kept.path.replace("{version}", version))
    return open_model(path, limits_of(declared)) if path.is_file() else None


@contextmanager
def by_version(
    loaded: LoggedModel | None, versions: Iterable[str], former: Callable[[str], ModelProcess | None]
) -> Iterator[dict[str, ModelProcess]]:
    """
    The running models by version: the one at hand, and the first three others of `versions` that `former`
    opens. Those end with the block.
    """
    models = {} if loaded is None else {loaded.version: loaded.model}
    most = len(models) + MOST_FORMER
    with ExitStack() as opened:
        for version in versions:
            if version not in models and len(models) < most:
                one = former(version)
                if one is not None:
                    models[version] = opened.enter_context(one)
        yield models


def limits_of(declared: Model) -> Limits:
    """What the model may take."""
    return Limits(declared.timeout.total_seconds(), declared.memory_mb * MEGABYTE)


def _require_digest(path: Path, wanted: str | None, who: str) -> None:
    if wanted is None or not path.is_file():
        return
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != wanted.lower():
        raise SourceError(
            f"{path}: is another file than {who} (SHA-256 {found[:12]}…, not {wanted[:12]}…) and was not "
            "opened; put the model that serves there"
        )


def _columns(declared: Model, recommender: Recommender) -> CandidateColumns | None:
    if declared.candidates is None or not (declared.request and declared.item and declared.score):
        return None
    return CandidateColumns(
        request=declared.request,
        item=declared.item,
        score=declared.score,
        features=declared.features,
        member=recommender.tables[declared.candidates].member,
        propensity=declared.propensity,
        shown=declared.shown,
        top=declared.top,
        version=declared.version,
        inclusion=declared.inclusion,
        dimensions=recommender.tables[declared.candidates].dimensions,
    )
