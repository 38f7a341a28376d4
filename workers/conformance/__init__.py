"""
What every check has to withstand, ours and teams' own, for whoever tests one.

    @pytest.mark.parametrize("situation", SITUATIONS)
    def test_it_stands_what_every_check_has_to_stand(situation: str, tmp_path: Path) -> None:
        hold({"kind": "late_views", "seconds": 10}, situation, tmp_path)

`sound` is the small table in which nothing is wrong; spoil it with the fault that a check is meant to find.
`found` returns the findings, `measured` whether the check sees the fault end. No test framework is needed;
a failure is an `AssertionError` that names the situation and what the check did.
"""

from workers.conformance.hold import found, hold, measured
from workers.conformance.situation import SITUATIONS, Says
from workers.conformance.table import DAY, END, HOUR, Change, last_day, sound

__all__ = [
    "DAY",
    "END",
    "HOUR",
    "SITUATIONS",
    "Change",
    "Says",
    "found",
    "hold",
    "last_day",
    "measured",
    "sound",
]
