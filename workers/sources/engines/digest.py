"""A digest of a text that every engine computes alike: their own hashes differ."""

from __future__ import annotations

from typing import Any

import ibis

from workers.sources.engines.source import Source

HEXADECIMAL = "0123456789abcdef"
DIGITS = 6
"""Of a digest, by which a sample is drawn: it is as fine as a sixteen-millionth."""


@ibis.udf.scalar.builtin  # type: ignore[untyped-decorator]
def md5(text: str) -> str:  # type: ignore[empty-body]
    """A built-in of every engine: 32 hexadecimal digits."""


@ibis.udf.scalar.builtin  # type: ignore[untyped-decorator]
def to_hex(digest: str) -> str:  # type: ignore[empty-body]
    """BigQuery's own: its md5 answers in bytes."""


def digest(source: Source, text: Any) -> Any:
    """The text's digest in lower-case hexadecimal digits."""
    return md5(text) if source.connection.name != "bigquery" else to_hex(md5(text))


def drawn(source: Source, text: Any, share: float) -> Any:
    """Whether a text belongs to a `share` (0–1) of all texts: the same ones in any engine."""
    return digest(source, text).substr(0, DIGITS) < f"{int(share * 16**DIGITS):0{DIGITS}x}"
