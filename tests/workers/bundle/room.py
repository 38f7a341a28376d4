"""A recommender in files and a store, where an incident is diagnosed and what was read is kept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

from sqlalchemy import Engine

from domain.incident import commands as c
from domain.incident.events import EvidenceFound, Recorded
from domain.incident.state import Incident
from domain.recommender.bundle import Bundle
from domain.recommender.recommender import Recommender
from domain.values import Actor
from tests.domain.conftest import AT
from workers.bundle.keep import Looked
from workers.bundle.objects import Objects
from workers.bundle.open import Opened, open_bundle
from workers.bundle.record import keep_bundle
from workers.log.handle import handle
from workers.log.obligations import Work, settle
from workers.respond.diagnose.diagnose import settle as diagnose
from workers.store import cards
from workers.store.log.events import read_stream

DETECTOR = Actor(kind="worker", id="worker:detect")


class Room:
    """A recommender in files, a store, and the worker that diagnoses at the moment of the finding."""

    def __init__(self, log: Engine, recommender: Recommender, world: SimpleNamespace, folder: Path) -> None:
        self.log, self.world, self.objects = log, world, Objects(folder / "main")
        self.recommender = recommender.model_copy(update={"bundle": Bundle(path=str(folder))})

    def declares(self, **bundle: object) -> None:
        changed = self.recommender.bundle.model_copy(update=bundle)
        self.recommender = self.recommender.model_copy(update={"bundle": changed})

    def opens(self, key: str = "open") -> Incident:
        command = c.OpenIncident(number=0, finding=self.world.finding)
        stream = handle(None, command, actor=DETECTOR, key=key, at=AT, log=self.log).stream
        return self.card(stream)

    def settles(self, incident: Incident, looked: Looked | None = None) -> None:
        """The worker diagnoses; or keeps a diagnosis that was `looked` into before."""

        def handler(work: Work) -> Iterator[c.Command]:
            if looked is None:
                yield from diagnose(replace(work, at=AT), self.recommender)
                return
            yield c.RecordDiagnosis(diagnosis=looked.diagnosis)
            yield from keep_bundle(work, self.recommender, looked)

        event = incident.awaits["diagnose"][0]
        assert settle(self.log, {"diagnose": handler}, "diagnose", incident.stream, event)

    def card(self, stream: str) -> Incident:
        with self.log.connect() as connection:
            found = cards.find(connection, stream)
        assert found is not None
        return found

    def events(self, incident: Incident) -> Sequence[Recorded]:
        with self.log.connect() as connection:
            return read_stream(connection, incident.stream)

    def bundle(self, incident: Incident) -> Opened:
        return open_bundle(self.log, self.objects, incident)


def names(room: Room, incident: Incident) -> list[str]:
    """What happened, but for the pieces in which the evidence came."""
    found = [record.event.wire_name for record in room.events(incident)]
    return [name for name in found if name != EvidenceFound.wire_name]


def root_of(incident: Incident) -> str | None:
    """Under which root what its newest diagnosis read is kept."""
    return incident.bundle.root if incident.bundle else None
