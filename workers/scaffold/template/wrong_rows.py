"""own_kind: rows in which a number exceeds its limit, compared with how many there usually are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from domain.detection.data.tally import Tally
from domain.detection.expect.usual_proportion import usual_proportions
from domain.detection.judge.title import percent, place_of
from domain.detection.own import Judgement, Options, OwnCheck, Seen, WrongRows

LEAST_SHARE = 0.01  # of a slice's rows, beyond the usual: fewer do not concern a person


class Keys(Options):
    """What is written under [checks.NAME] in addition to the keys that every check has."""

    column: str
    most: float = 100.0


def wrong(rows: Any, keys: Keys) -> Mapping[str, Any]:
    """What may be wrong with a row: conditions on the columns of an Ibis table, run by the engine."""
    return {f"{keys.column} over {keys.most:g}": rows[keys.column] > keys.most}


def judge(keys: Keys, seen: Seen[Tally]) -> Iterator[Judgement]:
    """Judge the last window by the usable ones before it, as a whole and slice by slice."""
    tally = seen.data
    rows, bad = tally.rows[-1], tally.bad[-1]
    rates = usual_proportions(tally.rows[seen.usable], tally.bad[seen.usable])
    p_values, most = rates.p_values(bad, rows), rates.most(rows)
    for place, where in enumerate(tally.cells):
        for column, name in enumerate(tally.columns):
            observed, expected = float(bad[place, column]), float(rates.share[place, column] * rows[place])
            more, there = observed - expected, max(float(rows[place]), 1.0)
            says = f"{name} in {percent(observed / there)} of the rows, usually {percent(expected / there)}"
            yield Judgement(
                observed=observed,
                expected=expected,
                low=0.0,
                high=float(most[place, column]),
                p_value=float(p_values[place, column]),
                slice=where,
                subject=name,
                unit=f"rows with {name}",
                says=f"{place_of(str(seen.check.table), where)}: {says}",
                share=min(max(more / max(float(rows[0]), 1.0), 0.0), 1.0),
                matters=more >= max(seen.check.least_rows, LEAST_SHARE * float(rows[place])),
            )


CHECK = OwnCheck(
    kind="own_kind",
    needs=WrongRows(wrong),
    judge=judge,
    options=Keys,
    columns=lambda keys: (keys.column,),
)
