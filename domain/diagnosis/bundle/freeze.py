"""Turns the material of a diagnosis into a document with frames, and back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from domain.diagnosis.bundle.document import Frames, read, spell
from domain.diagnosis.material import Material
from domain.diagnosis.replay import Scorer


@dataclass(frozen=True)
class Frozen:
    """
    `document` holds JSON values that refer to `frames` by name. `keys` are the columns by which the rows of a
    frame are found, or matched with those of other frames.
    """

    document: Mapping[str, Any]
    frames: Mapping[str, pd.DataFrame]
    keys: Mapping[str, tuple[str, ...]]


def freeze(material: Material) -> Frozen:
    """
    All of the material except the model, which is a program.

    Raises:
        BundleError: it holds something that no document can.
    """
    frames: Frames = {}
    document = spell(replace(material, model=None), frames)
    return Frozen(document, frames, {name: _keys(material, name) for name in frames})


def thaw(document: Mapping[str, Any], frames: Mapping[str, pd.DataFrame], model: Scorer | None) -> Material:
    """
    The material, with a model to score with where one is available.

    Raises:
        BundleError: the document is not one of this release.
    """
    return replace(read(Material, document, frames), model=model)


def _keys(material: Material, name: str) -> tuple[str, ...]:
    first, _, rest = name.partition(".")
    columns, launches = material.columns, material.launch_columns
    if first in ("candidates", "candidates_before") and columns is not None:
        return _named((columns.request, columns.item, columns.member, columns.version))
    if first in ("items", "snapshots", "feeds"):
        return (material.key,)
    if first == "launches" and launches is not None:
        return (launches.item,)
    if first == "rows" and material.rows is not None:
        return material.rows.keys
    if first == "pairs":
        return material.pairs[int(rest.partition(".")[0])].keys
    return ()


def _named(columns: Iterable[str | None]) -> tuple[str, ...]:
    return tuple(name for name in columns if name is not None)
