"""The ML Test Score of the declaration, computed from the log and from how the checks' runs went."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Engine

from domain.answer import Audit
from domain.improvement.attestation import Attestation
from domain.improvement.audit import audit as judge
from domain.improvement.evidenced import INCIDENTS_BACK, of_checks, of_incidents, of_people
from domain.improvement.rehearsal import of_rehearsals
from domain.recommender.recommender import Recommender
from workers.declaration.kind_facts import facts
from workers.detect.run_outcomes import read_runs
from workers.log.attest import attestations
from workers.log.rehearsals import rehearsals
from workers.store import cards, people


def read_audit(log: Engine, recommender: Recommender, at: datetime) -> Audit:
    """The audit as of now; people appear under their outside ids where these are known."""
    with log.connect() as connection:
        looks = read_runs(connection, at)
        incidents = cards.open_or_opened_since(connection, at - INCIDENTS_BACK)
        vouched = attestations(connection)
        rehearsed = rehearsals(connection)
        known = people.known(connection, {one.by for one in vouched})
    named = [_named(one, known) for one in vouched]
    proofs = (
        *of_checks(recommender, looks, facts(), at),
        *of_incidents(recommender, incidents, at),
        *of_rehearsals(recommender, rehearsed, at),
        *of_people(named, at),
    )
    return judge(proofs, at)


def _named(one: Attestation, known: dict[str, str]) -> Attestation:
    return one.model_copy(update={"by": known.get(one.by, one.by)})
