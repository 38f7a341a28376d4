"""
What every check has to stand, ours and a team's own, for whoever tests one.

    @pytest.mark.parametrize("situation", SITUATIONS)
    def test_it_stands_what_every_check_has_to_stand(situation: str, tmp_path: Path) -> None:
        hold({"kind": "late_views", "seconds": 10}, situation, tmp_path)

`sound` is the small table in which nothing is wrong, to be spoilt by the fault that a check is there for:
`found` gives the findings, `measured` whether it is seen to be over. None of it needs a test framework;
what does not hold is an `AssertionError` that says in which situation, and what came of it.
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
