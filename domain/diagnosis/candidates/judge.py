"""The four questions that every proposal is asked: when, where, how much, which way."""

from __future__ import annotations

from datetime import timedelta

from domain.diagnosis.candidates.candidate import Candidate, Proposal
from domain.diagnosis.candidates.undone import Gap, Undone
from domain.diagnosis.known import Known
from domain.diagnosis.material import Material
from domain.incident.comparison import adds_up, change
from domain.values import Answer, name_slice

MOST = 0.5  # of what is off, and of the gap: a cause explains and closes more than half
LITTLE = 0.2  # what explains or closes less than this is not the cause
TOO_MUCH = 1.5  # of the gap: what would overshoot by half of it is something else
LONG_BEFORE = timedelta(days=1)


def judge(proposal: Proposal, material: Material, known: Known, upstream: int) -> Candidate:
    """The proposal with its answers; each of them may be "not known", and says why."""
    return Candidate(
        proposal=proposal,
        when=_when(proposal, material, known),
        where=proposal.where or _where(proposal, material, known),
        how_much=proposal.how_much or _how_much(proposal, material),
        which_way=_which_way(proposal, material),
        upstream=proposal.upstream if proposal.upstream is not None else upstream,
    )


def _when(proposal: Proposal, material: Material, known: Known) -> Answer:
    onset, shown, finding = known.onset, known.outside_since, material.finding
    if proposal.since is None:
        seen = f"; it shows since {material.clock(shown)}" if shown is not None else ""
        return Answer(question="when", words=f"when it began is not known{seen}")
    began = material.clock(proposal.since)
    window = finding.window_end - finding.window_start
    in_time = Answer(question="when", holds=True, words=f"it began at {began}, no later than the symptom")
    if onset is None:
        if shown is not None and shown - LONG_BEFORE <= proposal.since <= shown + window:
            return in_time
        late = proposal.since >= finding.window_end
        words = f"it began at {began}; when the symptom began is not known"
        return Answer(question="when", holds=False if late else None, words=words)
    if proposal.since > onset.latest + window:
        return Answer(question="when", holds=False, words=f"it began at {began}, after the symptom")
    if onset.since - proposal.since > LONG_BEFORE:
        return Answer(question="when", words=f"it began at {began}, long before the symptom")
    return in_time


def _where(proposal: Proposal, material: Material, known: Known) -> Answer:
    undone = proposal.undone
    share = undone.explained if undone is not None else None
    if share is not None:
        words = f"it explains {_percent(share)} of what is off in all slices"
        return Answer(question="where", holds=verdict_on(share), share=round(share, 4), words=words)
    symptom = known.slices[0].slice if known.slices else material.finding.slice
    place = proposal.place if proposal.acts_in is None else proposal.acts_in
    if undone is not None and set(place) <= set(symptom):
        beside = "where the symptom lies" if place == symptom else "which holds the symptom"
        where = f"in {name_slice(place)}, {beside}" if place else "everywhere"
        verb = "lies" if proposal.acts_in is None else "acts"
        return Answer(question="where", holds=True, words=f"it {verb} {where}")
    if undone is not None and (answer := _by_its_slices(undone)) is not None:
        return answer
    unknown = proposal.unknown if undone is None else ""
    return Answer(question="where", words=unknown or "what it does to other slices is not known")


def _by_its_slices(undone: Undone) -> Answer | None:
    """By the slices that it affects alone; null where these are not clearly off by more than half of that."""
    share, least = undone.borne_out or (0.0, 0.0)
    if least <= MOST:
        return None
    words = f"the slices that it affects are off by {_percent(share)} of its effect"
    return Answer(question="where", holds=share <= TOO_MUCH or None, words=words)


def _how_much(proposal: Proposal, material: Material) -> Answer:
    undone = proposal.undone
    if undone is None:
        words = proposal.unknown or "what undoing it would change could not be worked out"
        return Answer(question="how_much", words=words)
    share = undone.symptom.closed
    if (share is None or share > TOO_MUCH) and (answer := _by_alarm(undone.symptom, material)) is not None:
        return answer
    if share is None:
        words = "the gap is too small beside chance in what is logged"
        return Answer(question="how_much", words=words)
    words = f"undoing it closes {_percent(share)} of the gap"
    return Answer(question="how_much", holds=verdict_on(share, TOO_MUCH), share=round(share, 4), words=words)


def _by_alarm(gap: Gap, material: Material) -> Answer | None:
    """
    Its effect on the slice, in the same logged requests, beside the change that the check measured in all
    rows: for a slice of which the log holds too little to say how much there was before. Null where the two
    are not alike, or it would clearly overshoot.
    """
    finding = material.finding
    counted = adds_up(finding) and finding.subject is None and finding.slice
    if not counted or not finding.change or gap.undone <= 0:
        return None
    if abs(gap.undone - gap.observed) <= gap.sd or not gap.may_close(TOO_MUCH):
        return None
    moved = gap.observed / gap.undone - 1
    share = moved / finding.change
    if not verdict_on(share, TOO_MUCH):
        return None
    words = f"its effect on the slice is {change(moved)}; the check found {change(finding.change)}"
    return Answer(question="how_much", holds=True, share=round(share, 4), words=words)


def verdict_on(share: float, most: float | None = None) -> bool | None:
    """Whether a cause accounts for that much of the gap, or of what is off; above `most` is too much."""
    if share < LITTLE or (most is not None and share > most):
        return False
    return True if share > MOST else None


def _which_way(proposal: Proposal, material: Material) -> Answer:
    own, table = material.finding.table, proposal.table
    if table is None:  # what serves lies upstream of all that is logged
        return Answer(question="which_way", holds=True)
    lineage = material.lineage
    if table == own or table in lineage.above(own) or table in lineage.taught(own):
        where = "is the table of the symptom" if table == own else f"is upstream of `{own}`"
        return Answer(question="which_way", holds=True, words=f"`{table}` {where}")
    if own in lineage.above(table):
        return Answer(question="which_way", holds=False, words=f"`{table}` is made from `{own}`")
    words = f"nothing declares whether `{own}` is made from `{table}`"
    return Answer(question="which_way", words=words)


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
