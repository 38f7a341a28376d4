"""
Converts a frame to the bytes of a Parquet file, and back.

The same frame always gives the same bytes. How to read each column back is stored as plain text in the
file's own metadata: no pickle, nothing that executes.
"""

from __future__ import annotations

import json
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from domain.errors import BundleError, sanitized
from workers.bundle.cells import read_cell, spell_cell
from workers.bundle.columns import pack, read_labels, spell_labels, unpack

ABOUT = b"recsysops"
INDEX = "__index"


def pack_frame(frame: pd.DataFrame, name: str = "") -> bytes:
    """
    The file's bytes.

    Raises:
        BundleError: a column holds something that no bundle can keep; names it.
    """
    try:
        index, levels = _index(frame.index)
        columns = [pack(frame.iloc[:, place]) for place in range(frame.shape[1])]
    except BundleError as error:
        raise BundleError(f"{name or 'a frame'}: {error}") from error
    names = _names(frame)
    about = {
        "rows": len(frame),
        "labels": spell_labels(frame.columns),
        "label": spell_cell(frame.columns.name),
        "columns": [how for _, how in columns],
        "index": index,
    }
    arrays = [*(array for array, _ in columns), *levels]
    table = pa.Table.from_arrays(arrays, [*names, *(f"{INDEX}{n}" for n in range(len(levels)))])
    out = pa.BufferOutputStream()
    kept = table.replace_schema_metadata({ABOUT: json.dumps(about).encode()})
    pq.write_table(kept, out, compression="zstd", version="2.6", store_schema=True)
    return bytes(out.getvalue())


def unpack_frame(content: bytes, name: str = "") -> pd.DataFrame:
    """
    The frame.

    Raises:
        BundleError: the bytes were not written by `pack_frame`.
    """
    try:
        table = pq.read_table(pa.BufferReader(content))
        about = json.loads((table.schema.metadata or {})[ABOUT])
        described = about["columns"]
        series = [unpack(table.column(n), how) for n, how in enumerate(described)]
        index = _read_index(about["index"], table, len(described), about["rows"])
        frame = pd.DataFrame(dict(enumerate(series)), index=pd.RangeIndex(about["rows"]), copy=False)
        frame.columns = read_labels(about["labels"]).rename(read_cell(about["label"]))
        frame.index = index
    except Exception as error:  # tampered bytes may raise anything
        raise BundleError(f"{name or 'a frame'} cannot be read: {sanitized(error)}") from error
    return frame


def _names(frame: pd.DataFrame) -> list[str]:
    """The column names, so that others can read the file; numbers where the names cannot be used."""
    labels = list(frame.columns)
    if len(set(map(str, labels))) == len(labels) and all(
        type(one) is str and not one.startswith(INDEX) for one in labels
    ):
        return labels
    return [f"column{n}" for n in range(len(labels))]


def _index(index: pd.Index) -> tuple[dict[str, Any], list[pa.Array]]:
    if isinstance(index, pd.RangeIndex):
        span = {"start": index.start, "stop": index.stop, "step": index.step}
        return {"as": "range", **span, "names": [spell_cell(index.name)]}, []
    count = index.nlevels
    packed = [pack(pd.Series(index.get_level_values(n)).reset_index(drop=True)) for n in range(count)]
    about = {
        "as": "levels" if isinstance(index, pd.MultiIndex) else "single",
        "of": [how for _, how in packed],
        "names": [spell_cell(one) for one in index.names],
    }
    return about, [array for array, _ in packed]


def _read_index(about: dict[str, Any], table: pa.Table, first: int, rows: int) -> pd.Index:
    names = [read_cell(one) for one in about["names"]]
    if about["as"] == "range":
        return pd.RangeIndex(about["start"], about["stop"], about["step"], name=names[0])
    levels = [unpack(table.column(first + n), how) for n, how in enumerate(about["of"])]
    if about["as"] == "single":
        single: pd.Index = pd.Index(levels[0], name=names[0])
        return single
    return pd.MultiIndex.from_arrays([pd.Index(one) for one in levels], names=names)
