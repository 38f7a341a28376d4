"""
A team's own check: one file that says what is read, what its options are, and how it is judged.

    rows ─▶ `needs` (asked of the engine) ─▶ Seen ─▶ `judge` ─▶ Judgements ─▶ findings
                                                                    └── measured again after a fix

A kind is found by its entry point in the group `recsysops.checks`; `recsysops check new NAME` writes a whole
one. The judge is pure: the same `Seen` gives the same judgements, without any clock, file or randomness. For
everything it looks at, it says what it is, what is usual and how surprising that is; which of it is
reported, to whom, and when it is over is decided here as for every other check
(`domain.detection.judge.judgement`). Everything else that a kind may declare about itself is described in
`domain.detection.kind`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from domain.detection.data.window import WINDOW
from domain.detection.judge.judgement import Judgement, Seen, judging
from domain.detection.kind import Kind
from domain.detection.needs import ColumnHistograms, Needs, OwnExpression, RowCounts, WrongRows
from domain.errors import OwnCheckError
from domain.recommender.check import COMMON
from domain.recommender.options import Options
from domain.values import Share

__all__ = [
    "WINDOW",
    "ColumnHistograms",
    "Judgement",
    "Needs",
    "Options",
    "OwnCheck",
    "OwnExpression",
    "RowCounts",
    "Seen",
    "Share",
    "WrongRows",
]

D = TypeVar("D")
K = TypeVar("K", bound=Options)


class OwnCheck(Kind[K, D]):
    """
    One kind of check that judges things one by one.

    `judge` gives a judgement for everything it looks at, including what is as usual: that is how a finding is
    measured again after a fix. A kind that cannot judge again later has `measurable` false: its findings are
    over once they are no longer found, and people judge its fixes themselves. `columns` are those that the
    table must have, and `least_windows` how many usable windows it takes to judge at all. `more` is whatever
    else a `Kind` may declare about itself.

    Raises:
        OwnCheckError: an option has the name of a key of every check.
    """

    judge: Callable[[K, Seen[D]], Iterable[Judgement]]

    def __init__(
        self,
        kind: str,
        needs: Needs[D],
        judge: Callable[[K, Seen[D]], Iterable[Judgement]],
        options: type[K],
        columns: Callable[[K], Iterable[str]] = lambda _options: (),
        least_windows: int = 3,
        measurable: bool = True,
        **more: Any,
    ) -> None:
        for name in options.model_fields:
            if name in COMMON:
                raise OwnCheckError(f'"{name}" is a key of every check; call this option otherwise')
        object.__setattr__(self, "judge", judge)  # frozen like every kind: set once, before anybody sees it
        more.setdefault("purpose", "a check of a team's own")
        super().__init__(
            name=kind,
            needs=needs,
            judging=judging(self, measurable=measurable),
            options=options,
            columns=columns,
            least_windows=least_windows,
            **more,
        )

    @property
    def kind(self) -> str:
        """Its name, as it is declared."""
        return self.name
