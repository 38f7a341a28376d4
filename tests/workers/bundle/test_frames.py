"""A frame reads back as it was kept, whatever its types; and what cannot be kept is named."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, time, timedelta
from decimal import Decimal
from uuid import UUID

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pandas.testing import assert_frame_equal

from domain.errors import BundleError
from workers.bundle.frames import pack_frame, unpack_frame

ROWS = 6
UNITS = ("s", "ms", "us", "ns")
CELLS = st.recursive(
    st.one_of(
        st.none(),
        st.just(float("nan")),
        st.just(pd.NaT),
        st.just(pd.NA),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(st.characters()),
        st.binary(max_size=6),
        st.dates(),
        st.times(),
        st.datetimes(),
        st.timedeltas(),
        st.decimals(allow_nan=False),
        st.uuids(),
        st.integers(-(2**31), 2**31 - 1).map(np.int32),
        st.floats(width=32).map(np.float32),
        st.sampled_from([pd.Timestamp("2026-03-03 12:00:00.000000001", tz="Europe/Berlin")]),
        st.sampled_from([pd.Timedelta(1, "ns"), pd.Timestamp("2026-03-03").as_unit("s")]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(st.text(max_size=3), inner, max_size=2),
        st.lists(st.text(max_size=3), max_size=3).map(lambda values: np.array(values, dtype=object)),
    ),
    max_leaves=4,
)
MOMENTS = arrays(np.int64, ROWS, elements=st.integers(-(2**40), 2**40))
ON_CLOCKS = arrays(np.int64, ROWS, elements=st.integers(-(2**35), 2**35))
"""In seconds a millennium each way: local clocks beyond the year 9999 are nothing that pandas can show."""


def objects(values: Sequence[object]) -> pd.Series:
    cells = np.empty(len(values), dtype=object)
    for place, value in enumerate(values):
        cells[place] = value
    return pd.Series(cells, dtype=object)


def columns() -> st.SearchStrategy[pd.Series]:
    some = st.lists(CELLS, min_size=ROWS, max_size=ROWS).map(objects)
    texts = st.lists(st.one_of(st.none(), st.text(max_size=5)), min_size=ROWS, max_size=ROWS)
    numbers = st.sampled_from(["i1", "i8", "u8", "f4", "f8", "?"]).flatmap(
        lambda kind: arrays(np.dtype(kind), ROWS).map(pd.Series)
    )
    naive, universal = (
        st.tuples(moments, st.sampled_from(UNITS)).map(
            lambda made: pd.Series(made[0].view(f"datetime64[{made[1]}]"))
        )
        for moments in (MOMENTS, ON_CLOCKS)
    )
    spans = st.tuples(MOMENTS, st.sampled_from(UNITS)).map(
        lambda made: pd.Series(made[0].view(f"timedelta64[{made[1]}]"))
    )
    zoned = st.tuples(universal, st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kolkata"])).map(
        lambda made: made[0].dt.tz_localize("UTC").dt.tz_convert(made[1])
    )
    nullable = st.lists(st.one_of(st.none(), st.integers(0, 99)), min_size=ROWS, max_size=ROWS).map(
        lambda values: pd.Series(pd.array(values, dtype="Int64"))
    )
    return st.one_of(
        some,
        numbers,
        naive,
        spans,
        zoned,
        nullable,
        texts.map(lambda values: pd.Series(values, dtype="str")),
        texts.map(lambda values: pd.Series(values, dtype="string")),
        texts.map(objects),
        texts.map(lambda values: pd.Series(pd.Categorical(values))),
        zoned.map(lambda made: pd.Series(pd.Categorical(made))),
    )


def alike(one: object, other: object) -> bool:
    """Of the same type and the same value, all the way down."""
    if type(one) is not type(other):
        return False
    if isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
        return one.dtype == other.dtype and alike(one.tolist(), other.tolist())
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(alike, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return alike(list(one.items()), list(other.items()))
    if one is pd.NaT or one is pd.NA:
        return one is other
    return bool(one == other or (one != one and other != other))  # noqa: PLR0124 (not a number)


@given(st.lists(columns(), min_size=1, max_size=4), st.sampled_from(["range", "part", "column", "two"]))
@settings(max_examples=150)
def test_a_frame_is_read_back_as_it_was_kept(made: list[pd.Series], indexed: str) -> None:
    frame = pd.concat(made, axis=1, keys=[f"c{n}" for n in range(len(made))])
    if indexed == "part":
        frame = frame.iloc[[4, 1, 2]]
    elif indexed == "column":
        frame = frame.set_index(pd.Index(list("abcdef"), name="key"))
    elif indexed == "two":
        frame.index = pd.MultiIndex.from_arrays([list("aabbcc"), range(ROWS)], names=["key", None])
    content = pack_frame(frame)
    back = unpack_frame(content)
    assert [str(kind) for kind in back.dtypes] == [str(kind) for kind in frame.dtypes]
    assert back.index.equals(frame.index)
    assert back.index.names == frame.index.names
    for name in frame:
        assert all(map(alike, frame[name].to_list(), back[name].to_list()))
    assert pack_frame(back) == content


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame(),
        pd.DataFrame(index=[3, 5]),
        pd.DataFrame({"a": pd.Series([], dtype=object)}),
        pd.DataFrame([[1, 2]], columns=["a", "a"]),
        pd.DataFrame({0: [1], 1: ["x"]}),
        pd.DataFrame([[1.5]], columns=pd.CategoricalIndex(["x"])),
    ],
    ids=["nothing", "no columns", "no rows", "two alike", "numbers", "of a category"],
)
def test_what_is_unusual_about_its_shape_is_kept(frame: pd.DataFrame) -> None:
    assert_frame_equal(unpack_frame(pack_frame(frame)), frame)


def test_what_no_bundle_can_keep_is_named_with_its_column() -> None:
    with pytest.raises(BundleError, match="candidates: column `what`: a value is a object"):
        pack_frame(pd.DataFrame({"what": [object()]}), "candidates")
    with pytest.raises(BundleError, match=r"column `when` is of type period\[D\]"):
        pack_frame(pd.DataFrame({"when": pd.period_range("2026-01-01", periods=2, freq="D")}))


def test_others_read_the_file_under_the_columns_own_names() -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    values = {"item": ["a"], "score": [0.5], "at": [date(2026, 3, 3)], "cost": [Decimal("1.10")]}
    content = pack_frame(pd.DataFrame(values))
    assert pq.read_table(pa.BufferReader(content)).column_names == list(values)


@given(st.data())
@settings(max_examples=60)
def test_bytes_that_were_changed_are_refused_or_read_but_run_nothing(data: st.DataObject) -> None:
    content = bytearray(pack_frame(pd.DataFrame({"a": [1, 2], "b": ["x", None], "c": [[1], {"k": time()}]})))
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= data.draw(st.integers(1, 255))
    try:
        assert isinstance(unpack_frame(bytes(content)), pd.DataFrame)
    except BundleError as error:
        assert "cannot be read" in str(error)


def test_single_values_of_every_type_keep_it() -> None:
    values = [timedelta(days=-1, microseconds=3), UUID(int=7), Decimal("1E+3"), b"\x00", (1, [None])]
    back = unpack_frame(pack_frame(pd.DataFrame({"v": objects(list(values))})))["v"].to_list()
    assert all(map(alike, values, back))
