"""
Requests that were served and never logged: a related table has all of them.

Where the finding's own check looks for its rows in another table, it may be that table's log that lost them.
Then that table lacks as many rows as are not found; if instead a key was written differently, say, they are
still there.
"""

from __future__ import annotations

from collections.abc import Iterator

from domain.diagnosis.candidates.candidate import CandidateKind, Proposal
from domain.diagnosis.candidates.counted import counts_undone, lost_of_all
from domain.diagnosis.candidates.kinds.along import not_logged
from domain.diagnosis.candidates.looked_into import LOST, looked_into
from domain.diagnosis.known import Known
from domain.diagnosis.material import Material
from domain.diagnosis.pairing import SAME_ROWS, Pair, dimensions_of, match
from domain.diagnosis.place import place_of
from domain.values import name_slice

COMPLETE = 0.9  # of the related table's requests that were in this one before the onset
PREDICTED = 0.5  # share of the fall: where the model expects that much, logging lost nothing


def _propose(material: Material, known: Known) -> Iterator[Proposal]:
    for pair in material.pairs:
        if pair.relation in SAME_ROWS:
            continue
        looked_into = pair.table == material.lacking
        proposal = _not_found(material, known, pair) if looked_into else _unlogged(material, known, pair)
        if proposal is not None:
            yield proposal
    yield from not_logged(material, known)


def _unlogged(material: Material, known: Known, pair: Pair) -> Proposal | None:
    """Requests that are missing entirely: a request with any row there was logged."""
    if _predicted(material):
        return None
    since = known.begun(material.finding)
    found = match(pair, since, known.right_until(material.finding))
    if found is None or found.usual < COMPLETE:
        return None
    now = found.rows[found.rows["now"]].reset_index(drop=True)
    lost = now["partner"].isna().to_numpy(bool)
    if not lost.any():
        return None
    placed = place_of(now, lost, dimensions_of(pair), found=material.finding.slice)
    if placed.purity < LOST + (1 - found.usual):
        return None
    table, when = material.finding.table, material.clock(since)
    where = name_slice(placed.slice)
    kept = [name for name in dimensions_of(pair) if name in now]
    rows = now.loc[lost, kept]
    return Proposal(
        kind="logging",
        object=table,
        place=placed.slice,
        since=since,
        title=f"`{table}` no longer logs requests of {where} since {when}",
        sentence=f"{100 * placed.purity:.0f} % of the requests of {where} are missing from `{table}` since "
        f"{when}, and are in `{pair.table}`: they were served, and not logged",
        undone=counts_undone(material, known, rows, found.rows_each / max(pair.covers, 1e-9)),
        how_much=lost_of_all(material, placed.slice, placed.purity),
        table=table,
    )


def _predicted(material: Material) -> bool:
    """
    Whether the model expects most of the fall from what it was fed and how it ranked: then there is less to
    log, and more requests have nothing logged.
    """
    split, change = material.two_by_two, material.finding.change
    if split is None or split.where != material.finding.slice or split.before <= 0:
        return False
    expected = sum(one.change for one in split.parts if one.name != "logging") / split.before
    return change < 0 and expected < PREDICTED * change


def _not_found(material: Material, known: Known, pair: Pair) -> Proposal | None:
    """For a finding whose own check looks for rows in the other table, and these are gone from there."""
    found = looked_into(material, known, pair)
    if found is None:
        return None
    when, place = material.clock(found.since), material.finding.slice
    where = f" of {name_slice(place)}" if place else ""
    own = material.finding.table
    return Proposal(
        kind="logging",
        object=pair.table,
        place=place,
        since=found.since,
        title=f"`{pair.table}` no longer logs requests{where} since {when}",
        sentence=f"{100 * found.share:.0f} % of the requests{where} that used to be in `{pair.table}` are "
        f"not since {when}, and are in `{own}`: they were served, and not logged",
        where=found.where,
        how_much=found.how_much,
        table=pair.table,
    )


LOGGING = CandidateKind("logging", _propose, 4, "a second log of the same requests")
