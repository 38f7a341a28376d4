"""What `doctor` says about a log by slice: its columns, its probabilities, and whether they are possible."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from domain.answer import Advice
from domain.recommender.keys.nearest import nearest
from domain.recommender.model import Model
from workers.models.candidates import logged_chances
from workers.sources.engines.source import Source


def examine_logging(model: Model, opened: Mapping[str, Source], at: datetime) -> Iterator[Advice]:
    """
    Whether the columns exist, and the probabilities of the last window are valid.

    Raises:
        SourceError: a probability is missing, 0 or less, or above 1.
    """
    where, logging = f"models.{model.name}", model.logging
    log = opened.get(model.candidates or "")
    tables = {model.candidates: log}
    if logging is not None:
        if model.inclusion is None:
            says = "requests are logged by slice, and nothing says how likely each was: estimates are biased"
            fix = 'log the answer of RequestLog.inclusion, and add inclusion = "its column"'
            yield Advice(level="warning", where=f"{where}.inclusion", says=says, fix=fix)
        tables[logging.requests] = opened.get(logging.requests or "")
        for source in (one for one in tables.values() if one is not None):
            for name in logging.names:
                if name not in source.columns:
                    says = f'table "{source.table.name}" has no column "{name}"'
                    fix = nearest(name, source.columns)
                    yield Advice(level="error", where=f"{where}.logging", says=says, fix=fix)
    if model.inclusion is None or log is None or model.request not in log.columns:
        return
    if model.inclusion in log.columns and log.table.time in log.columns:
        logged_chances(log, log.between(at - log.table.window, at), str(model.request), model.inclusion)
