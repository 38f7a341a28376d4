"""A launch whose own description is out of line with comparable ones."""

from __future__ import annotations

from collections.abc import Iterator

from domain.diagnosis.candidates.candidate import CandidateKind, Proposal
from domain.diagnosis.items.concerned import unset_alone
from domain.diagnosis.known import Known
from domain.diagnosis.material import Material
from domain.values import Answer


def _propose(material: Material, known: Known) -> Iterator[Proposal]:
    odd, item = known.oddity, material.finding.item
    if item is None or odd is None or unset_alone(odd):
        return
    sentence = f"`{odd.feature}` of this launch is out of line: it {odd.words}"
    yield Proposal(
        kind="launch",
        object=item,
        place=(),
        since=None,
        title=sentence,
        sentence=sentence,
        where=Answer(question="where", holds=True, words="it is a feature of this very item"),
        how_much=Answer(question="how_much", holds=True, words=f"against comparable launches it {odd.words}"),
        feature=odd.feature,
        items=known.concerned,
    )


LAUNCH = CandidateKind(
    "launch", _propose, 4, "the launch forecast with the feature as comparable ones have it"
)
