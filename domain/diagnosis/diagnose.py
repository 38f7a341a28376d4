"""
From what was read to what is known of the cause.

Each step looks at one thing and adds evidence; a step that fails says so in a line of its own and does not
stop the others. Steps are taken in stages, so that what is read first can be reported first. Then every kind
of cause proposes what it can; the proposals are asked the same four questions, and one is named only where it
explains the slice, closes the gap, and no other one does nearly as well.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from domain.diagnosis.candidates.candidate import Candidate
from domain.diagnosis.candidates.judge import judge
from domain.diagnosis.candidates.kinds.itself import found_itself
from domain.diagnosis.candidates.rank import Ranking, rank
from domain.diagnosis.candidates.table import KINDS
from domain.diagnosis.inside.report import report_expectations
from domain.diagnosis.items.concerned import (
    find_concerned,
    report_attributions,
    report_changes,
    report_oddities,
    report_reproduction,
)
from domain.diagnosis.known import Known
from domain.diagnosis.material import Material
from domain.diagnosis.members.report import report_member_features, report_members, report_new_members
from domain.diagnosis.precedent import with_precedent
from domain.diagnosis.report.around import report_events, report_learned_from, report_tables
from domain.diagnosis.report.rerun import report_rerun, report_two_by_two
from domain.diagnosis.report.symptom import report_onset, report_slices
from domain.diagnosis.scene import set_scene
from domain.errors import sanitized
from domain.values import Diagnosis, Evidence, EvidenceStage

NAMED_ITEMS = 50_000
FIRST = (
    "candidate", "reproduction", "serving", "model", "change", "feature", "slices", "onset", "size",
    "history", "attribution", "other",
)  # fmt: skip
"""The order in which evidence is read: what concerns the cause before what concerns the symptom."""


def _set_scene(material: Material, known: Known, seed: int) -> None:
    """The logged requests, where the declared model is the one that ranked some of them."""
    scene = set_scene(material)
    if scene is None:
        return
    skew = scene.skew()
    if skew.elsewhere and float(skew.before.mean()) > 0.5:
        apart = float(abs(scene.now.adjustment).mean())
        known.say(
            "other",
            f"The declared model file computes other scores than the log holds, now and before ({apart:.2f} "
            "apart on average): it is not the model that serves, and nothing was ranked again with it",
        )
        return
    known.scene = scene


@dataclass(frozen=True)
class Step:
    """One thing that is looked at; `what` completes “… could not be looked at”."""

    what: str
    look: Callable[[Material, Known, int], None]


STAGES: Mapping[EvidenceStage, tuple[Step, ...]] = {
    "metric": (Step("when it began", report_onset),),
    "slices": (Step("which slices explain it", report_slices),),
    "items": (
        Step("which items are concerned", find_concerned),
        Step("what the last delivery changed", report_changes),
        Step("how the items differ from comparable ones", report_oddities),
    ),
    "tables": (
        Step("other tables", report_tables),
        Step("what else happened", report_events),
        Step("what was learned from", report_learned_from),
        Step("the members concerned", report_members),
        Step("how the members differ from comparable ones", report_member_features),
        Step("new members", report_new_members),
    ),
    "requests": (
        Step("whether requests run again give what was logged", report_rerun),
        Step("whether it is the input or the model", report_two_by_two),
        Step("whether the model does what is expected of it", report_expectations),
        Step("what pulls the score down", report_attributions),
        Step("whether putting it back repairs it", report_reproduction),
        Step("the logged requests", _set_scene),
    ),
}
"""In the order in which their input is read: seconds for the metric, a minute for the requests."""


@dataclass
class Inquiry:
    """A diagnosis under way: each stage is looked at once, with whatever has been read by then."""

    seed: int = 0
    known: Known = field(default_factory=Known)

    def look(self, stage: EvidenceStage, material: Material) -> tuple[Evidence, ...]:
        """What the stage adds; a step that fails adds a line too, and does not stop the others."""
        so_far, troubled = len(self.known.evidence), len(self.known.unread)
        for problem in material.problems[troubled:]:
            self.known.unread.append(Evidence(kind="other", statement=problem))
        for step in STAGES[stage]:
            try:
                step.look(material, self.known, self.seed)
            except Exception as error:  # noqa: BLE001 (one step must not take the others with it)
                what = f"{step.what[0].upper()}{step.what[1:]}"
                self.known.say("other", f"{what} could not be examined: {sanitized(error)}")
        return (*self.known.evidence[so_far:], *self.known.unread[troubled:])

    def conclude(self, material: Material) -> Diagnosis:
        """Every kind of cause proposes what it can, and the proposals compete."""
        found = _conclude(material, self.known, _compete(material, self.known))
        return with_precedent(found, material.finding, material.past, material.zone)


def diagnose(material: Material, seed: int = 0) -> Diagnosis:
    """
    The cause as far as the material establishes it, with the evidence, strongest first.

    A prediction is looked at through its launch calendar, all else through its metric, slices and items.
    """
    inquiry = Inquiry(seed)
    for stage in STAGES:
        inquiry.look(stage, material)
    return inquiry.conclude(material)


def _since(material: Material, known: Known, delivered: datetime | None) -> datetime | None:
    """The onset is known to a window; the cause's own moment is better where it lies in that window."""
    if known.onset is None:
        return delivered
    window = material.finding.window_end - material.finding.window_start
    within = delivered is not None and known.onset.since <= delivered <= known.onset.latest + window
    return delivered if within else known.onset.since


def _compete(material: Material, known: Known) -> Ranking:
    """Every kind's proposals, judged; a kind that fails says so and does not stop the others."""
    found: list[Candidate] = []
    for kind in KINDS:
        try:
            proposals = [*kind.propose(material, known), *found_itself(kind, material, known)]
            found += [judge(one, material, known, kind.upstream) for one in proposals]
        except Exception as error:  # noqa: BLE001 (one kind must not take the others with it)
            known.say(
                "other",
                f"Whether the cause is of kind “{kind.name}” could not be determined: {sanitized(error)}",
            )
    return rank(found)


def _conclude(material: Material, known: Known, ranking: Ranking) -> Diagnosis:
    named = ranking.named.proposal if ranking.named is not None else None
    _report_candidates(known, ranking)
    slices = tuple(found.slice for found in known.slices)
    return Diagnosis(
        cause=named.sentence if named else None,
        cause_kind=named.kind if named else "unknown",
        object=named.object if named else None,
        place=named.place if named else (),
        title=named.title if named else None,
        since=_since(material, known, named.since if named else None),
        slices=slices or ((material.finding.slice,) if material.finding.slice else ()),
        items=(named.items if named else known.concerned)[:NAMED_ITEMS],
        feature=named.feature if named else None,
        suggested_value=named.value if named else None,
        lacking=named is not None and named.lacking,
        candidates=tuple(one.recorded() for one in ranking.best),
        discriminating_test=None if named else _test(ranking),
        evidence=_ordered([*known.evidence, *known.unread]),
    )


def _report_candidates(known: Known, ranking: Ranking) -> None:
    """The best three, each with what speaks for it and against; once one is named, the others come last."""
    for place, one in enumerate(ranking.best):
        words = "; ".join(answer.words for answer in one.answers if answer.words)
        sentence, share = one.proposal.sentence, _share(one.how_much.share)
        if ranking.named is None:
            known.say("candidate", f"Candidate {place + 1}: {sentence} ({words})", share)
        elif place == 0:
            known.say("candidate", f"Why this: {words}", share)
        else:
            known.say("other", f"Less likely: {sentence} ({words})", share)


def _share(closes: float | None) -> float | None:
    return None if closes is None else min(max(closes, 0.0), 1.0)


def _test(ranking: Ranking) -> str | None:
    """What would tell the best candidates apart."""
    tests = {kind.name: kind.test for kind in KINDS}
    wanted = dict.fromkeys(tests[one.proposal.kind] for one in ranking.best)
    return "; ".join(wanted) or None


def _ordered(evidence: list[Evidence]) -> tuple[Evidence, ...]:
    return tuple(sorted(evidence, key=lambda line: FIRST.index(line.kind)))
