"""The exchange between a worker and the process that holds a model: a JSON header, and frames as Arrow."""

from __future__ import annotations

import json
import socket
import struct
import time
from typing import Any

import pandas as pd
import pyarrow as pa

LENGTH = struct.Struct("!QQ")
MOST_HEADER = 1_000_000  # bytes
MOST_BODY = 8_000_000_000  # bytes


class Ended(Exception):
    """The other side is gone."""


def send(line: socket.socket, header: dict[str, Any], body: bytes = b"") -> None:
    """Send a header and a body. Raises OSError, or TimeoutError by the socket's own timeout."""
    head = json.dumps(header).encode()
    line.sendall(LENGTH.pack(len(head), len(body)) + head)
    line.sendall(body)


def receive(line: socket.socket, deadline: float | None = None) -> tuple[dict[str, Any], bytes]:
    """
    The next header and body.

    Args:
        deadline: on the clock of `time.monotonic`, by which everything has to have arrived.

    Raises:
        Ended: the other side closed, or sent something impossible.
        TimeoutError: the deadline passed.
    """
    head, body = LENGTH.unpack(_exactly(line, LENGTH.size, deadline))
    if head > MOST_HEADER or body > MOST_BODY:
        raise Ended("it sent more than it may")
    try:
        header = json.loads(_exactly(line, head, deadline))
    except ValueError as error:
        raise Ended("it sent what is no header") from error
    return dict(header), _exactly(line, body, deadline)


def _exactly(line: socket.socket, count: int, deadline: float | None) -> bytes:
    held = bytearray()
    while len(held) < count:
        if deadline is not None:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError
            line.settimeout(left)
        try:
            part = line.recv(min(count - len(held), 1 << 20))
        except ConnectionError as error:
            raise Ended("it closed") from error
        if not part:
            raise Ended("it closed")
        held += part
    return bytes(held)


def packed(frame: pd.DataFrame) -> bytes:
    """
    A frame, without its index.

    Raises:
        pyarrow.ArrowException: a column holds values of several kinds.
    """
    table = pa.Table.from_pandas(frame, preserve_index=False)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return bytes(sink.getvalue().to_pybytes())


def unpacked(body: bytes) -> pd.DataFrame:
    """The frame again; texts as objects, which every version of scikit-learn accepts."""
    frame: pd.DataFrame = pa.ipc.open_stream(body).read_all().to_pandas()
    texts = {name: object for name in frame if pd.api.types.is_string_dtype(frame[name])}
    return frame.astype(texts) if texts else frame
