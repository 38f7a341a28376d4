"""Reads from a model's registry which version should serve, and since when."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from domain.errors import SourceError, sanitized
from domain.recommender.check import Check
from domain.recommender.model import Registry
from domain.recommender.options import Serving
from domain.recommender.recommender import Recommender

GRACE = timedelta(minutes=10)  # for all replicas to follow a release, if nothing is declared


@dataclass(frozen=True)
class Released:
    """The version that should serve, since when, and the SHA-256 of its file if the registry gives it."""

    version: str
    since: datetime
    digest: str | None = None


def released(name: str, registry: Registry) -> Released:
    """
    What the registry of the model `name` says now.

    Raises:
        SourceError: the file is missing, is not JSON, or lacks such a key; or its time is not a time.
    """
    path = Path(registry.path)
    where = f'model "{name}": registry {path}'
    try:
        held: Any = json.loads(path.read_text(encoding="utf-8"))
        written = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    except FileNotFoundError as error:
        raise SourceError(f"{where}: there is no such file; correct its path") from error
    except (OSError, ValueError) as error:
        raise SourceError(f"{where}: cannot be read as JSON ({sanitized(error)})") from error
    version = _held(where, held, registry.version)
    since = _time(where, _held(where, held, registry.since)) if registry.since else written
    return Released(version, since, _held(where, held, registry.digest) if registry.digest else None)


def _held(where: str, held: Any, named: str) -> str:
    """The text or number at the dotted key `named`."""
    for key in named.split("."):
        if not isinstance(held, dict) or key not in held:
            known = ", ".join(held) if isinstance(held, dict) else type(held).__name__
            raise SourceError(f'{where}: has no "{named}"; there is {known or "nothing in it"}')
        held = held[key]
    if not isinstance(held, str | int | float) or isinstance(held, bool):
        raise SourceError(f"{where}: {named} holds {type(held).__name__}; name a key with a text or a number")
    return str(held)


def _time(where: str, written: str) -> datetime:
    try:
        moment = datetime.fromisoformat(written)
    except ValueError as error:
        raise SourceError(
            f'{where}: "{written}" is no time; write it as 2026-03-30T12:00:00+00:00'
        ) from error
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def should_serve(recommender: Recommender, check: Check, start: datetime) -> Check | None:
    """
    A check of versions, with those that should serve in a window that begins at `start`: the declared ones,
    else the one that its model's registry names.

    None if the registry was written since, or so shortly before that replicas may still be following: it only
    knows what should serve now.

    Raises:
        SourceError: neither is declared, or the registry cannot be read.
    """
    if Serving.of(check).versions:
        return check
    models = recommender.models.values()
    model = next((one for one in models if one.registry and one.candidates == check.table), None)
    if model is None or model.registry is None:
        raise SourceError(
            f'check "{check.name}": nothing says which version should serve; add versions = {{v7 = 1.0}}, or '
            'registry = {path = "…", version = "…"} to the model whose candidates its table holds'
        )
    now = released(model.name, model.registry)
    if start < now.since + (GRACE if check.within is None else check.within):
        return None
    return check.with_options(versions={now.version: 1.0})
