"""
Exposes an ONNX graph's hidden layers: the same graph, with its activation functions' results as outputs.

No library writes the changed graph: only the nodes' operators and names are read from the file's protocol
buffers, and the wanted names are appended as further outputs. The format says that messages that follow one
another are merged.

Source:
    Protocol Buffers, “Encoding”, and `onnx.proto3` (ModelProto 7: graph; GraphProto 1: node, 12: output;
    NodeProto 2: output, 4: op_type; ValueInfoProto 1: name).
"""

from __future__ import annotations

from collections.abc import Iterator

GRAPH, NODE, OUTPUT, NODE_OUTPUT, OPERATOR, NAME = 7, 1, 12, 2, 4, 1
VARINT, WIDE, TEXT, NARROW = 0, 1, 2, 5
FUNCTIONS = frozenset(
    {
        "Relu",
        "LeakyRelu",
        "PRelu",
        "Elu",
        "Selu",
        "Celu",
        "Gelu",
        "Tanh",
        "Sigmoid",
        "Softplus",
        "Softsign",
        "Mish",
    }
)
"""Operators that end a hidden layer."""


def with_layers(content: bytes) -> tuple[bytes, tuple[str, ...]]:
    """
    The graph with each activation function's result as a further output, and their names in its order.

    Raises:
        ValueError: the content is not protocol buffers.
    """
    names, known = list[str](), set[bytes]()
    for number, graph in _fields(content):
        for part, held in _fields(graph) if number == GRAPH else ():
            if part == OUTPUT:
                known |= {value for field, value in _fields(held) if field == NAME}
            if part == NODE and (name := _handed_on(held)):
                names.append(name)
    names = [name for name in dict.fromkeys(names) if name.encode() not in known]
    added = b"".join(_field(OUTPUT, _field(NAME, name.encode())) for name in names)
    return content + _field(GRAPH, added), tuple(names)


def _handed_on(node: bytes) -> str | None:
    """The name of a node's result; None if it is no activation function."""
    fields = list(_fields(node))
    if not any(number == OPERATOR and held.decode() in FUNCTIONS for number, held in fields):
        return None
    return next((held.decode() for number, held in fields if number == NODE_OUTPUT), None)


def _fields(message: bytes) -> Iterator[tuple[int, bytes]]:
    """(number, content) of the fields that hold texts or messages; others are skipped."""
    place = 0
    while place < len(message):
        key, place = _number(message, place)
        kind = key & 7
        if kind == VARINT:
            _value, place = _number(message, place)
        elif kind in (WIDE, NARROW):
            place += 8 if kind == WIDE else 4
        elif kind == TEXT:
            length, place = _number(message, place)
            if place + length > len(message):
                raise ValueError("a field is longer than what holds it")
            yield key >> 3, message[place : place + length]
            place += length
        else:
            raise ValueError(f"a field is of kind {kind}")


def _number(message: bytes, place: int) -> tuple[int, int]:
    """A varint (seven bits per byte), and where it ends."""
    value = shift = 0
    while place < len(message):
        byte = message[place]
        value, shift, place = value | (byte & 0x7F) << shift, shift + 7, place + 1
        if byte < 0x80:
            return value, place
    raise ValueError("it ends within a number")


def _field(number: int, content: bytes) -> bytes:
    return _spelled(number << 3 | TEXT) + _spelled(len(content)) + content


def _spelled(value: int) -> bytes:
    found = bytearray()
    while value >= 0x80:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*found, value])
