"""What a misspelt name was probably meant to be."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(name: str, right: Iterable[str]) -> str:
    """
    Words that offer the nearest right name, or list them when none is near.

    >>> nearest("tabel", ["table", "time"])
    'did you mean "table"?'
    """
    names = sorted(set(right))
    if close := get_close_matches(name, names, n=1, cutoff=0.6):
        return f'did you mean "{close[0]}"?'
    return f"choose from {', '.join(names)}" if names else "there is nothing to choose from yet"
