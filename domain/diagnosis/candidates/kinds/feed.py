"""
A feed that loses rows on the way: its standby has them, the delivery before the last one had them, or they
came so evenly that no demand wrote them. A finding of a late feed is itself the fault.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

import numpy as np
import pandas as pd

from domain.diagnosis.candidates.candidate import CandidateKind, Named, Proposal
from domain.diagnosis.candidates.counted import counts_undone, lost_of_all, symptom_of
from domain.diagnosis.candidates.kinds.catalogue_part import missing_part
from domain.diagnosis.candidates.kinds.itself import LAST
from domain.diagnosis.candidates.kinds.written import LOST, by_program, not_written
from domain.diagnosis.candidates.looked_into import looked_into
from domain.diagnosis.candidates.undone import Gap, Undone
from domain.diagnosis.changes.evenly import LEAST_WINDOWS, evenly
from domain.diagnosis.known import Known
from domain.diagnosis.material import Material, Standby
from domain.diagnosis.pairing import Pair, dimensions_of, match
from domain.diagnosis.place import place_of
from domain.values import Answer, Slice, name_slice

COMPLETE = 0.9  # of a standby's rows that the table had before the onset: with fewer it is another table
AS_USUAL = 0.1  # relative difference elsewhere up to which nothing is lost there


def _propose(material: Material, known: Known) -> Iterator[Proposal]:
    found = list(_of_its_rows(material, known))
    yield from found
    yield from missing_part(material, known)
    yield from not_written(material, known, besides={one.object for one in found})


def _of_its_rows(material: Material, known: Known) -> Iterator[Proposal]:
    spares = [pair for pair in material.pairs if pair.relation == "standby"]
    copied = [pair for pair in material.pairs if pair.relation == "copied"]
    if copied:
        yield from (one for pair in copied if (one := _of_copied(material, known, pair)) is not None)
    elif spares and known.onset is not None:
        for pair in spares:
            yield from _by_rows(material, known, pair)
    elif material.standby is not None:
        yield from _by_counts(material, known)
    else:
        yield from _by_the_clock(material, known)


def _by_rows(material: Material, known: Known, pair: Pair) -> Iterator[Proposal]:
    """Row by row: rows that the table has at another time are not lost."""
    if known.onset is None:
        return
    found = match(pair, known.onset.since, known.right_until(material.finding))
    if found is None or found.usual < COMPLETE:
        return
    now = found.rows[found.rows["now"]].reset_index(drop=True)
    lost = now["partner"].isna().to_numpy(bool)
    if not lost.any():
        return
    placed = place_of(now, lost, dimensions_of(pair), found=material.finding.slice)
    if placed.purity < LOST + (1 - found.usual):
        return
    undone = counts_undone(material, known, now[lost], found.rows_each / max(pair.covers, 1e-9))
    proposal = _proposal(material, known, placed.slice, placed.purity, pair.table, undone)
    yield replace(proposal, how_much=lost_of_all(material, placed.slice, placed.purity))


def _of_copied(material: Material, known: Known, pair: Pair) -> Proposal | None:
    """For a finding whose own check looks in the feed for the rows of its standby."""
    found = looked_into(material, known, pair)
    if found is None:
        return None
    loses = _loses(material, pair.table, material.finding.slice, found.share, found.since)
    return Proposal(
        kind="feed",
        object=pair.table,
        place=material.finding.slice,
        since=found.since,
        title=loses,
        sentence=f"{loses}; its standby `{material.finding.table}` is complete",
        where=found.where,
        how_much=found.how_much,
        table=pair.table,
    )


def _by_counts(material: Material, known: Known) -> Iterator[Proposal]:
    """Where no column identifies rows: as many are lost as the standby has more."""
    spare = material.standby
    if spare is None or spare.rows_standby <= 0 or spare.rows > (1 - LOST) * spare.rows_standby:
        return
    finding = material.finding
    expected = spare.rows / max(1 + finding.change, 1e-3)
    spread = float(np.sqrt(spare.rows + expected + 1))
    gap = Gap(spare.rows, expected, spare.rows_standby, spread)
    o, e, u, variance = (np.array([value]) for value in (gap.observed, gap.expected, gap.undone, gap.sd**2))
    where = symptom_of(material, known)
    lost = 1 - spare.rows / spare.rows_standby
    whole = Undone(o, e, u, variance, gap)
    proposal = _proposal(material, known, where, lost, spare.table, whole)
    yield replace(proposal, where=_elsewhere(spare, where))


def _by_the_clock(material: Material, known: Known) -> Iterator[Proposal]:
    """Rows of a table with nothing declared upstream, which came as evenly as only a program writes them."""
    finding, onset, series = material.finding, known.onset, material.series
    if onset is None or series is None or material.lineage.above(finding.table):
        return
    since = pd.Timestamp(onset.since)
    before = series.loc[series["window_start"] < since, "observed"].to_numpy(float)[-LEAST_WINDOWS:]
    now = series.loc[series["window_start"] >= since, "observed"].to_numpy(float)
    if not (evenly(before) and len(now)):
        return
    usual = float(before.mean())
    lost = 1 - float(now.mean()) / usual
    if lost < LOST:
        return
    where = symptom_of(material, known)
    when = f"since {material.clock(onset.since)}"
    loses = (
        f"The feed of `{finding.table}` brings {100 * lost:.0f} % fewer rows of {name_slice(where)} {when}"
    )
    steady = f"{before.min():,.0f} to {before.max():,.0f}" if np.ptp(before) else f"{usual:,.0f}"
    evenness = f"before, each window had {steady}, as a program writes them and no demand does"
    yield Proposal(
        kind="feed",
        object=finding.table,
        place=where,
        since=onset.since,
        title=loses,
        sentence=f"{loses}; {evenness}",
        where=Answer(question="where", holds=True, words="it lies where the finding lies"),
        how_much=Answer(question="how_much", holds=True, words="rows that come so evenly follow no demand"),
        table=finding.table,
        upstream=LAST,
    )


def _elsewhere(spare: Standby, where: Slice) -> Answer:
    if not where:
        return Answer(question="where", holds=True, words="it lies in the whole table")
    if spare.elsewhere is None or spare.elsewhere[1] <= 0:
        return Answer(question="where", words="other slices were not held against the standby")
    off = 1 - spare.elsewhere[0] / spare.elsewhere[1]
    words = f"elsewhere {100 * abs(off):.0f} % {'fewer' if off >= 0 else 'more'} rows than in the standby"
    return Answer(question="where", holds=abs(off) < AS_USUAL, words=words)


def _proposal(
    material: Material, known: Known, place: Slice, share: float, spare: str, undone: Undone
) -> Proposal:
    table, since = material.finding.table, known.onset.since if known.onset else None
    loses = _loses(material, table, place, share, since)
    return Proposal(
        kind="feed",
        object=table,
        place=place,
        since=since,
        title=loses,
        sentence=f"{loses}; its standby `{spare}` is complete",
        undone=undone,
        table=table,
    )


def _loses(material: Material, feed: str, place: Slice, share: float, since: datetime | None) -> str:
    when = f" since {material.clock(since)}" if since is not None else ""
    return f"The feed of `{feed}` loses {100 * share:.0f} % of the rows of {name_slice(place)}{when}"


def _itself(material: Material, known: Known) -> Named | None:
    """The silent table, if a program writes it; if people's demand does, perhaps nobody asked."""
    finding = material.finding
    if not by_program(material, known):
        return None
    sentence = f"{finding.title}; it came with as many rows each time, as a program writes them"
    return Named(finding.table, sentence=sentence, table=finding.table)


FEED = CandidateKind("feed", _propose, 3, "a standby of the feed, compared row by row", _itself)
