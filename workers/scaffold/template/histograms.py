"""own_kind: a column whose values occur in other shares than ever before."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from domain.detection.data.counts import Floats
from domain.detection.data.histogram import Histograms
from domain.detection.own import ColumnHistograms, Judgement, Options, OwnCheck, Seen


class Keys(Options):
    """What is written under [checks.NAME] in addition to the keys that every check has."""

    column: str
    times: float = 2.0  # times as far as the furthest past window moved


def judge(keys: Keys, seen: Seen[Histograms]) -> Iterator[Judgement]:
    """Judge the last window by the usable ones before it, as a whole and slice by slice."""
    histograms = seen.data
    for counts, bins in zip(histograms.counts, histograms.bins, strict=True):
        for place, where in enumerate(histograms.cells):
            if histograms.rows[-1, place] < seen.check.least_rows:
                continue  # so few rows can have any shares
            moved = _moved(counts[:, place], seen)
            most = keys.times * float(moved[seen.usable].max())
            yield Judgement(
                observed=float(moved[-1]),
                expected=float(np.median(moved[seen.usable])),
                low=0.0,
                high=most,
                p_value=0.0 if moved[-1] > most else 1.0,  # a rule: chance plays no part
                slice=where,
                subject=bins.column,
                unit="of all values moved",
                says=f"{bins.column}: {moved[-1]:.0%} of the values are elsewhere than usual",
            )


def _moved(counts: Floats, seen: Seen[Histograms]) -> Floats:
    """
    (n_windows,) the share of values, 0 to 1, that would have to move to make a window like the others: each
    is compared with the usable ones except itself, so that the past looks no better than it was.
    """
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1.0)
    learned = seen.usable[:, None]
    others = ((shares * learned).sum(axis=0) - shares * learned) / (learned.sum() - learned)
    return np.asarray(np.abs(shares - others).sum(axis=1) / 2)


CHECK = OwnCheck(
    kind="own_kind",
    needs=ColumnHistograms(lambda keys: (keys.column,)),
    judge=judge,
    options=Keys,
    columns=lambda keys: (keys.column,),
    least_windows=8,  # the furthest of just a few says little about the range
)
