"""The audit of a running recommender: from its looks, its incidents, and what people vouch for."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from sqlalchemy import Engine

from domain.answer import Audit
from domain.incident.events import AttestationGiven
from domain.values import Actor
from tests.workers.conftest import NOON
from tests.workers.detect.test_looks import MINUTE, declared
from tests.workers.detect.test_tick import write
from workers.audit.ml_test_score import read_audit
from workers.declaration.check_kinds import ours
from workers.detect.detection_run import detection_run
from workers.log.attest import attest
from workers.log.people import forget
from workers.store import people

CI = "https://ci.example.org/twice"


def test_what_is_said_to_be_looked_at_by_slice_is() -> None:
    assert not [kind.name for kind in ours().values() if kind.by_slice and kind.sliced == "never"]


def points(audit: Audit) -> dict[str, float]:
    """The tests that have any."""
    return {one.test.id: one.points for part in audit.parts for one in part.tests if one.points}


def test_a_check_counts_once_it_has_judged_twice_and_no_more_once_it_has_stopped(
    log: Engine, tmp_path: Path
) -> None:
    recommender = declared(tmp_path)
    write(tmp_path, [60, 58, 63, 61, 57, 62] * 20)
    assert points(read_audit(log, recommender, NOON)) == {}
    for minutes in (-1, 0):
        detection_run(log, recommender, NOON + minutes * MINUTE)
    audit = read_audit(log, recommender, NOON)
    assert points(audit) == {"monitor-1": 1.0}
    assert audit.score == 0.0
    assert points(read_audit(log, recommender, NOON + timedelta(hours=1))) == {}


def test_what_somebody_vouches_for_counts_under_their_name_until_it_expires_or_they_are_forgotten(
    log: Engine, tmp_path: Path
) -> None:
    recommender = declared(tmp_path)
    with log.begin() as connection:
        ada = Actor(kind="person", id=people.pseudonym(connection, "slack:U1"), known_as="slack:U1")
    vouched = AttestationGiven(test="infra-1", how="automatic", link=CI, until=NOON + timedelta(days=30))
    attest(log, vouched, actor=ada, key="a", at=NOON)
    audit = read_audit(log, recommender, NOON)
    assert points(audit) == {"infra-1": 1.0}
    assert [proof.by for part in audit.parts for one in part.tests for proof in one.proofs if proof.by] == [
        "slack:U1"
    ]
    later = read_audit(log, recommender, NOON + timedelta(days=30))
    assert points(later) == {}
    assert any(proof.lacks == "renewal" for part in later.parts for one in part.tests for proof in one.proofs)
    forget(log, "slack:U1")
    assert "slack:U1" not in read_audit(log, recommender, NOON).model_dump_json()
