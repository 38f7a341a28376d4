"""A declaration names tests of the ML Test Score by their ids, and is told at once of a wrong one."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from domain.recommender.check import Check
from domain.recommender.hotfix import DeclaredHotfix


def test_a_check_and_a_hotfix_say_which_tests_they_are_evidence_for() -> None:
    check = Check(name="latency", kind="series", evidences=("monitor-6",))
    assert check.evidences == ("monitor-6",)
    hotfix = DeclaredHotfix(
        name="back", kind="webhook", label="Back", causes=("model",), deployer="hooks", evidences=("infra-7",)
    )
    assert hotfix.evidences == ("infra-7",)


@pytest.mark.parametrize(
    ("written", "hint"),
    [
        ("monitor6", "did you mean monitor-6"),
        ("Infra-7", "did you mean infra-7"),
        ("monitor-8", "did you mean monitor-"),
        ("latency", "there are data-1 to data-7, model-1 to model-7"),
    ],
)
def test_a_test_that_there_is_not_is_refused_with_the_nearest(written: str, hint: str) -> None:
    with pytest.raises(ValidationError, match=hint):
        Check(name="latency", kind="series", evidences=(written,))
