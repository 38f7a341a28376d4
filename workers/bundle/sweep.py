"""Removes the bundles of incidents that were closed long ago, as is done with their pictures."""

from __future__ import annotations

from datetime import datetime

import structlog
from sqlalchemy import Engine

from domain.diagnosis.bundle.manifest import opened
from domain.errors import BundleError
from workers.bundle.objects import Objects
from workers.store.retention import bundles_needed

_log = structlog.get_logger(__name__)


def sweep(log: Engine, objects: Objects, before: datetime) -> int:
    """
    Remove files that are in no bundle of an incident that is open or was closed since; returns how many.

    Nothing is removed if the manifest of a needed bundle cannot be read, since its files are then
    unknown.
    """
    needed: set[str] = set()
    for root in bundles_needed(log, before):
        content = objects.read(root)
        if content is None:
            continue  # on another machine, or removed by hand
        try:
            needed |= {root, *(file.sha256 for file in opened(content, root).files)}
        except BundleError as error:
            _log.warning("bundles_not_swept", root=root, error=str(error))
            return 0
    return objects.sweep(needed, before)
