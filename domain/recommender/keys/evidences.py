"""Tests of the ML Test Score by id, as a declaration may name them; the rubric says what they are."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Annotated

from pydantic import AfterValidator

SECTIONS = ("data", "model", "infra", "monitor")
TESTS_EACH = 7
TEST_IDS = tuple(f"{section}-{number}" for section in SECTIONS for number in range(1, TESTS_EACH + 1))


def known_test(written: str) -> str:
    """
    The id, if there is such a test.

    Raises:
        ValueError: there is none; the message names the nearest.

    >>> known_test("monitor-4")
    'monitor-4'
    """
    if written in TEST_IDS:
        return written
    near = get_close_matches(written.lower(), TEST_IDS, n=1, cutoff=0.5)
    listed = ", ".join(f"{section}-1 to {section}-{TESTS_EACH}" for section in SECTIONS)
    meant = f"did you mean {near[0]}?" if near else f"there are {listed}"
    raise ValueError(f"the ML Test Score has no test {written!r}; {meant}")


TestId = Annotated[str, AfterValidator(known_test)]
"""The id of a test, such as `monitor-6`."""
