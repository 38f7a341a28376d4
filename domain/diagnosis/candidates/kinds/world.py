"""Nothing is wrong: an announced event, or an item that came out, changed what is asked for."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from domain.diagnosis.candidates.candidate import CandidateKind, Proposal
from domain.diagnosis.candidates.counted import symptom_of
from domain.diagnosis.candidates.undone import Gap, Undone
from domain.diagnosis.known import Known
from domain.diagnosis.material import Material, Release
from domain.diagnosis.place import inside
from domain.values import Answer


def _propose(material: Material, known: Known) -> Iterator[Proposal]:
    for event in material.planned:
        fits = not event.slices or any(set(one) <= set(material.finding.slice) for one in event.slices)
        concerned = event.concerns(material.finding.check, material.finding.table)
        yield Proposal(
            kind="world",
            object=event.name,
            place=event.slices[0] if event.slices else (),
            since=event.since,
            title=f"“{event.name}” was announced for this time",
            sentence=f"“{event.name}” was announced for this time: {event.words()}",
            unknown="how much an announced event changes is not declared",
            where=Answer(
                question="where",
                holds=fits and concerned,
                words="it was announced for this slice" if fits else "it was announced for other slices",
            ),
        )
    if material.finding.change > 0 and material.finding.subject is None:  # more rows, not worse ones
        for release in material.releases:
            yield _released(material, known, release)


def _released(material: Material, known: Known, release: Release) -> Proposal:
    """The surge, undone by taking away the rows of the item that came out."""
    observed, expected = _since(material)
    spread = float(np.sqrt(observed + expected + 1))
    gap = Gap(observed, expected, observed - release.rows, spread)
    cells = (np.array([number]) for number in (observed, expected, observed - release.rows, spread**2))
    o, e, u, variance = cells
    at = material.clock(release.at)
    return Proposal(
        kind="world",
        object=release.item,
        place=symptom_of(material, known),
        since=release.at,
        title=f"{release.item} came out at {at}",
        sentence=f"{release.item} came out at {at} and has {release.rows:,.0f} of the rows since: "
        "nothing is wrong",
        undone=Undone(o, e, u, variance, gap),
    )


def _since(material: Material) -> tuple[float, float]:
    """Observed and expected since the onset if they were counted; else in the finding's window."""
    cells, where = material.cells, material.finding.slice
    if cells is None or cells.empty:
        return material.finding.observed, material.finding.expected
    held = inside(cells, where)
    return float(cells.loc[held, "observed"].sum()), float(cells.loc[held, "expected"].sum())


WORLD = CandidateKind("world", _propose, 0, "what was announced, and whether all tables agree")
