"""What is frozen reads back as it was, whatever parts it has; a later release can read it, too."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields, is_dataclass, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from pydantic import BaseModel

from domain.diagnosis.bundle.compare import compare
from domain.diagnosis.bundle.document import Frames, read, spell
from domain.diagnosis.bundle.freeze import freeze, thaw
from domain.diagnosis.diagnose import diagnose
from domain.diagnosis.material import Material
from domain.errors import BundleError
from tests.domain.diagnosis.bundle.materials import MATERIALS, full


def same(one: Any, other: Any) -> bool:
    """Alike to the bit, frames and all; what is not a number is so on both sides."""
    if isinstance(one, pd.DataFrame):
        return isinstance(other, pd.DataFrame) and bool(one.equals(other))
    if is_dataclass(one) and not isinstance(one, type):
        return type(one) is type(other) and all(
            same(getattr(one, field.name), getattr(other, field.name)) for field in fields(one)
        )
    if isinstance(one, tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, float) and np.isnan(one):
        return isinstance(other, float) and bool(np.isnan(other))
    if isinstance(one, BaseModel):
        alike: bool = type(one) is type(other)
        return alike and same(tuple(dict(one).values()), tuple(dict(other).values()))
    if isinstance(one, datetime):
        return bool(one.astimezone(UTC) == other.astimezone(UTC))
    return bool(one == other)


def _is_empty(value: object) -> bool:
    return value is None or (isinstance(value, tuple) and not value)


def again(material: Material) -> Material:
    """What is read back of it, through JSON as it stands in a file."""
    frozen = freeze(material)
    text = json.dumps(frozen.document, allow_nan=False)
    return thaw(json.loads(text), frozen.frames, material.model)


@given(MATERIALS)
@settings(max_examples=150)
def test_whatever_was_read_is_read_back_as_it_was(material: Material) -> None:
    assert same(again(material), material)


def test_a_material_with_everything_in_it_is_read_back_and_gives_the_same_diagnosis() -> None:
    material = full()
    empty = {field.name for field in fields(Material) if _is_empty(getattr(material, field.name))}
    assert not empty, "what is new in the material belongs into this test as well"
    read_back = again(material)
    assert same(read_back, material)
    then = diagnose(material, 7)
    assert then.cause is not None
    assert compare(then, diagnose(read_back, 7)) == ()


def test_a_diagnosis_leaves_its_material_as_it_was_read() -> None:
    material = full()
    before = {name: frame.copy(deep=True) for name, frame in freeze(material).frames.items()}
    diagnose(material, 7)
    after = freeze(material).frames
    assert all(frame.equals(after[name]) for name, frame in before.items())


@dataclass(frozen=True)
class Earlier:
    moment: datetime
    dropped: int = 1


@dataclass(frozen=True)
class Later:
    moment: datetime
    added: str = "as if nothing was known"


def test_a_later_release_leaves_new_fields_at_their_default_and_reads_no_dropped_ones() -> None:
    then = Earlier(datetime(2026, 3, 3, tzinfo=UTC))
    assert read(Later, spell(then, {}), {}) == Later(then.moment)


def test_a_document_that_lacks_what_is_needed_is_refused_in_words() -> None:
    frozen = freeze(full())
    with pytest.raises(BundleError, match="none of this release"):
        thaw({"noun": "articles"}, frozen.frames, None)
    with pytest.raises(BundleError, match="none of this release"):
        thaw(frozen.document, {}, None)


def test_what_no_document_can_hold_is_named_with_its_place() -> None:
    frames: Frames = {}
    strange = replace(full(), registered=object())  # type: ignore[arg-type]
    with pytest.raises(BundleError, match="registered holds a object"):
        spell(replace(strange, model=None), frames)
