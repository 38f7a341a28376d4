"""No file of a bundle holds personal data, and yet the diagnosis can be made again."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.diagnosis.bundle.compare import compare
from domain.diagnosis.bundle.freeze import Frozen, freeze, thaw
from domain.diagnosis.bundle.leave_out import Hidden, LeftOut, hidden_material, leave_out
from domain.diagnosis.diagnose import diagnose
from domain.diagnosis.material import Material
from domain.errors import BundleError
from domain.values import slice_of
from tests.domain.diagnosis.bundle.materials import full

SALT = b"of the test"


def left_out(material: Material, *columns: str, salt: bytes = SALT) -> tuple[Frozen, LeftOut]:
    hidden = Hidden(columns, salt)
    clean = hidden_material(material, hidden)
    return leave_out(freeze(clean), clean, hidden)


def everything(frozen: Frozen) -> str:
    """All that a bundle would hold, as text."""
    return json.dumps(frozen.document, ensure_ascii=False) + "".join(
        frame.to_csv() for frame in frozen.frames.values()
    )


def test_members_are_hashed_where_rows_are_found_by_them_and_dropped_elsewhere() -> None:
    material = full()
    assert material.candidates is not None
    members = set(material.candidates["customer"])
    frozen, done = left_out(material, "customer")
    assert (done.hashed, done.dropped) == (("customer",), ("customer",))
    assert "customer" not in frozen.frames["rows.frame"]
    hashed = frozen.frames["candidates"]["customer"]
    assert not members & set(hashed)
    text = everything(frozen)
    assert not any(f",{member}," in text for member in members)
    pd.testing.assert_index_equal(
        pd.Index(pd.factorize(hashed)[0]), pd.Index(pd.factorize(material.candidates["customer"])[0])
    )


def test_without_the_members_the_same_diagnosis_is_made() -> None:
    material = full()
    frozen, _ = left_out(material, "customer")
    made = diagnose(thaw(frozen.document, frozen.frames, material.model), 7)
    assert compare(diagnose(material, 7), made) == ()


def test_a_dimension_that_is_personal_is_hashed_in_frames_slices_and_words_alike() -> None:
    material = full()
    hidden = Hidden({"brand"}, SALT)
    frozen, done = left_out(material, "brand")
    assert done.hashed == ("brand",)
    assert "Delta" not in everything(frozen)
    found = thaw(frozen.document, frozen.frames, material.model)
    assert found.finding.slice == slice_of(brand=hidden.value("Delta"))
    then, now = diagnose(material, 7), diagnose(found, 7)
    assert (now.cause_kind, now.object) == (then.cause_kind, then.object)
    assert compare(hidden.within(then), now) == () or now.place == found.finding.slice


def test_a_number_that_the_model_takes_is_emptied_and_said() -> None:
    frozen, done = left_out(full(), "taste")
    assert done.of_model == ("taste",)
    assert frozen.frames["candidates"]["taste"].isna().all()
    assert any("not asked again" in line for line in done.words())


def test_the_items_key_cannot_be_left_out_for_a_diagnosis_names_items_by_it() -> None:
    with pytest.raises(BundleError, match="`sku` is the items' key"):
        left_out(full(), "sku")


def test_two_bundles_hash_the_same_member_otherwise() -> None:
    one, _ = left_out(full(), "customer", salt=b"of one")
    other, _ = left_out(full(), "customer", salt=b"of another")
    assert not set(one.frames["candidates"]["customer"]) & set(other.frames["candidates"]["customer"])


@given(st.lists(st.one_of(st.none(), st.text(), st.integers(0, 99))), st.binary(max_size=8))
def test_rows_that_were_alike_stay_alike_and_what_is_not_set_stays_so(
    values: list[str | int | None], salt: bytes
) -> None:
    column = pd.Series(values, dtype=object)
    hashed = Hidden({"member"}, salt).column(column)
    assert hashed.isna().tolist() == column.isna().tolist()
    texts = column[column.notna()].map(str)
    assert pd.factorize(hashed[hashed.notna()])[0].tolist() == pd.factorize(texts)[0].tolist()


def test_a_whole_number_is_the_same_key_in_a_table_of_another_type() -> None:
    hidden = Hidden({"member"}, SALT)
    assert hidden.value(7) == hidden.value(7.0) == hidden.value(np.int32(7)) == hidden.value("7")
