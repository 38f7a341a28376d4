"""A store with many incidents that are not over: a third each owes a diagnosis, a revert, a follow-up."""

from __future__ import annotations

from datetime import timedelta
from itertools import cycle

import psycopg

from benchmarks.message.findings import DETECTOR, finding
from domain.incident import commands as c
from domain.incident.menu import digest_of
from domain.incident.state import Incident
from domain.values import Actor, Diagnosis, Estimate, Improvement, Option
from workers.door import Door
from workers.log.handle import handle
from workers.store import cards

ON_CALL = Actor(kind="person", id="slack:U02ABCDEF", groups=("oncall",))
LESSON = Improvement(
    detect_faster="a check on delivery",
    diagnose_faster="no",
    change="log",
    detail="log the language that is missing at delivery",
)


def option_on(*items: str) -> Option:
    """A hotfix that changes these items."""
    share = Estimate(value=0.9, low=0.8, high=1.0, unit="share", basis="replay")
    return Option(
        key="fill",
        hotfix="fill_language",
        label="Fill in the language",
        does="fills it in",
        repairs=share,
        costs=share,
        deploy_seconds=1.0,
        undo="1 click",
        expires_after=timedelta(days=1),
        blast_share=0.1,
        deployer="overrides",
        parameters={"kind": "fill_feature", "items": list(items), "feature": "language", "value": "Danish"},
    )


DIAGNOSED = (
    c.Acknowledge(),
    c.RecordDiagnosis(
        diagnosis=Diagnosis(
            cause="unset", cause_kind="feature", object="films.language", place=(("genre", "Genre 0"),)
        )
    ),
    c.PrepareMenu(options=(option_on("film 0"),)),
)
WAYS: tuple[tuple[c.Command, ...], ...] = (
    (),
    (
        *DIAGNOSED,
        c.ChooseHotfix(option="fill", menu=digest_of((option_on("film 0"),))),
        c.RecordHotfixApplied(option="fill", receipt="1"),
    ),
    (*DIAGNOSED, c.Resolve(reason="It stopped."), c.AnswerFollowUp(improvement=LESSON)),
)


def fill(door: Door, owner_url: str, incidents: int) -> None:
    """
    Take one incident each of these ways by commands, and write the cards of others like them, sealed.

    Each is about a slice, and acts on a film, of its own. Only cards are read here, so they have no events.
    """
    made = [_lived(door, n, way) for n, way in enumerate(WAYS, 1)]
    with door.log.begin() as connection:
        for number, like in zip(range(len(made) + 1, incidents + 1), cycle(made), strict=False):
            cards.keep(connection, _another(like, number))
    with psycopg.connect(owner_url, autocommit=True) as owner:
        owner.execute("VACUUM ANALYZE cards")


def _lived(door: Door, number: int, way: tuple[c.Command, ...]) -> Incident:
    opening = c.OpenIncident(number=0, finding=finding(number))
    stream = handle(None, opening, actor=DETECTOR, key=f"crowd:{number}", log=door.log).stream
    for step, command in enumerate(way):
        handle(stream, command, actor=ON_CALL, key=f"crowd:{number}:{step}", log=door.log)
    with door.log.connect() as connection:
        found = cards.find(connection, stream)
    if found is None:
        raise RuntimeError("the incident was not opened")
    return found


def _another(like: Incident, number: int) -> Incident:
    """An incident that has come as far, about another slice and with hotfixes for another film."""
    found = finding(number)
    place = found.slice
    hotfix = like.hotfix
    return like.model_copy(
        update={
            "stream": f"{like.stream}-{number}",
            "number": number,
            "fingerprint": found.fingerprint,
            "title": found.title,
            "first_finding": found,
            "finding": found,
            "awaits": {kind: (f"{event}-{number}", at) for kind, (event, at) in like.awaits.items()},
            "diagnosis": like.diagnosis and like.diagnosis.model_copy(update={"place": place}),
            "menu": like.menu and (option_on(f"film {number}"),),
            "hotfix": hotfix and hotfix.model_copy(update={"event_id": f"{hotfix.event_id}-{number}"}),
        }
    )
