"""The diagnosis stands whatever happens to keeping it; and what is kept stays within its bounds."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from domain.diagnosis.bundle.manifest import digest
from domain.errors import Refused
from domain.incident import commands as c
from domain.incident.events import BundleFailed, DiagnosisGathered
from domain.values import Diagnosis
from tests.domain.conftest import AT
from tests.workers.bundle.room import DETECTOR, Room, names, root_of
from workers.bundle.again import diagnose_again
from workers.bundle.keep import Looked
from workers.bundle.open import open_bundle
from workers.bundle.sweep import sweep
from workers.log.handle import handle


def test_what_is_larger_than_the_limit_is_sampled_and_said(room: Room, looked: Looked) -> None:
    room.declares(limit_mb=1)
    rows = looked.material.candidates
    assert rows is not None
    parts = [rows.assign(request_id=rows["request_id"] + 10_000 * n) for n in range(8)]
    more = pd.concat(parts)
    more["score"] *= np.random.default_rng(1).uniform(0.99, 1.0, len(more))
    more["genre_affinity"] += np.random.default_rng(2).normal(0, 0.01, len(more))
    incident = room.opens()
    room.settles(incident, replace(looked, material=replace(looked.material, candidates=more)))
    found = room.bundle(incident)
    assert found.manifest.bytes <= 1_000_000
    assert not found.wrong
    assert any(line.startswith("candidates: ") for line in found.manifest.sampled)
    frame = found.frames()["candidates"]
    assert 0 < len(frame) < len(more)
    assert set(frame.groupby("request_id").size()) == set(rows.groupby("request_id").size())
    assert any("numbers may differ: candidates" in note for note in diagnose_again(found).notes)


def test_where_it_cannot_be_kept_the_diagnosis_stands_and_the_reason_is_recorded(
    room: Room, looked: Looked
) -> None:
    room.objects.folder.parent.write_text("a file where the folder should be")
    incident = room.opens()
    room.settles(incident, looked)
    assert names(room, incident) == ["incident.opened", "diagnosis.gathered", "bundle.failed"]
    failed = room.events(incident)[-1].event
    assert isinstance(failed, BundleFailed)
    assert "NotADirectoryError" in failed.reason or "FileExistsError" in failed.reason
    after = room.card(incident.stream)
    assert after.diagnosis is not None
    assert after.diagnosis.cause is not None
    assert "diagnose" not in after.awaits
    with pytest.raises(Refused, match="could not be kept"):
        room.bundle(after)


@pytest.fixture
def full_disk() -> Iterator[Callable[[], None]]:
    """From the call on, no file of this process can grow beyond a kilobyte."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, hard))
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_disk_that_is_full_leaves_no_half_a_file_and_the_diagnosis_stands(
    room: Room, looked: Looked, full_disk: Callable[[], None]
) -> None:
    incident = room.opens()
    full_disk()
    room.settles(incident, looked)
    assert names(room, incident)[1:] == ["diagnosis.gathered", "bundle.failed"]
    failed = room.events(incident)[-1].event
    assert isinstance(failed, BundleFailed)
    assert "EFBIG" in failed.reason
    files = [file for file in room.objects.folder.rglob("*") if file.is_file()]
    assert [file for file in files if digest(file.read_bytes()) != file.name] == []


def test_a_column_that_cannot_be_left_out_fails_the_bundle_and_not_the_diagnosis(
    room: Room, looked: Looked
) -> None:
    room.declares(leave_out=("item_id",))
    incident = room.opens()
    room.settles(incident, looked)
    assert names(room, incident)[1:] == ["diagnosis.gathered", "bundle.failed"]


def test_without_a_bundle_it_is_said_why(room: Room) -> None:
    incident = room.opens()
    with pytest.raises(Refused, match="it has none"):
        room.bundle(incident)
    command = c.RecordDiagnosis(diagnosis=Diagnosis(cause="by hand", cause_kind="feature"))
    handle(incident.stream, command, actor=DETECTOR, key="by hand", log=room.log)
    with pytest.raises(Refused, match="recorded by hand"):
        room.bundle(incident)
    with pytest.raises(Refused, match="its event 1 is none"):
        open_bundle(room.log, room.objects, incident, 1)


def test_each_diagnosis_of_an_incident_has_a_bundle_of_its_own_and_shares_what_is_the_same(
    room: Room, looked: Looked
) -> None:
    stream = room.opens().stream
    room.settles(room.card(stream), looked)
    kept, before = room.card(stream), len(list(room.objects.folder.glob("objects/*/*")))
    handle(stream, c.PrepareMenu(options=(), note="none"), actor=DETECTOR, key="menu", log=room.log)
    handle(stream, c.LookAgain(), actor=DETECTOR, key="again", log=room.log)
    room.settles(room.card(stream), looked)
    after = room.card(stream)
    assert after.bundle != kept.bundle
    first = next(e.version for e in room.events(kept) if isinstance(e.event, DiagnosisGathered))
    assert open_bundle(room.log, room.objects, after, first).named.root == root_of(kept)
    new = len(list(room.objects.folder.glob("objects/*/*"))) - before
    assert new < before / 2  # items and deliveries are the same files


def test_a_sweep_keeps_the_bundles_of_incidents_that_are_open(room: Room, looked: Looked) -> None:
    kept = room.opens()
    room.settles(kept, looked)
    orphan = room.objects.keep(b"of a worker that died before it was recorded")
    for file in room.objects.folder.glob("objects/*/*"):
        os.utime(file, (0, AT.timestamp() - 90 * 86_400))
    assert sweep(room.log, room.objects, AT - timedelta(days=30)) == 1
    assert room.objects.read(orphan) is None
    assert not room.bundle(kept).wrong


WRITES = """
import os, sys
from pathlib import Path
from domain.diagnosis.bundle.freeze import freeze
from tests.domain.diagnosis.bundle.materials import full
from workers.bundle.frames import pack_frame
from workers.bundle.objects import Objects

objects = Objects(Path(sys.argv[1]))
names = [objects.keep(pack_frame(frame)) for frame in freeze(full()).frames.values()]
print(len(set(names)), flush=True)
for number in range(10_000):  # until somebody kills it, in the midst of writing
    objects.keep(os.urandom(200_000))
"""

DIES_BEFORE_IT_IS_RECORDED = """
import os, signal, sys
from domain.incident.commands import RecordDiagnosis
from domain.recommender.bundle import Bundle
from domain.recommender.recommender import Recommender
from domain.recommender.table import Table
from domain.values import Diagnosis
from tests.domain.diagnosis.bundle.materials import full
from workers.bundle.keep import Looked
from workers.bundle.record import keep_bundle
from workers.log.obligations import settle
from workers.store.connection import engine

url, folder, stream, event = sys.argv[1:]
declared = Recommender(name="shop", tables={"t": Table(name="t", path="t")}, bundle=Bundle(path=folder))
looked = Looked(Diagnosis(cause="it was unset"), full(), b"picture", 7)

def handler(work):
    yield RecordDiagnosis(diagnosis=looked.diagnosis)
    for command in keep_bundle(work, declared, looked):
        print(command.root, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)

settle(engine(url), {"diagnose": handler}, "diagnose", stream, event)
"""


def started(root: Path, code: str, *words: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, words)], cwd=root, stdout=subprocess.PIPE, text=True
    )


def test_a_writer_that_is_killed_leaves_whole_files_and_the_next_one_goes_on(
    room: Room, root: Path, looked: Looked
) -> None:
    folder = room.objects.folder
    dying = started(root, WRITES, folder)
    assert dying.stdout is not None
    assert int(dying.stdout.readline()) > 5
    time.sleep(0.2)
    dying.send_signal(signal.SIGKILL)
    dying.wait(60)
    files = list(folder.glob("objects/*/*"))
    assert files
    assert all(digest(file.read_bytes()) == file.name for file in files)
    incident = room.opens()
    room.settles(incident, looked)
    assert not room.bundle(incident).wrong


def test_a_worker_killed_between_writing_and_recording_leaves_a_diagnosis_and_no_bundle_that_counts(
    room: Room, root: Path, database_url: str
) -> None:
    incident = room.opens()
    event = incident.awaits["diagnose"][0]
    folder = room.objects.folder.parent
    dying = started(root, DIES_BEFORE_IT_IS_RECORDED, database_url, folder, incident.stream, event)
    printed, _ = dying.communicate(timeout=120)
    assert dying.returncode == -signal.SIGKILL
    assert room.objects.found(printed.strip()) == printed.strip()  # the manifest is written, and all it names
    assert names(room, incident) == ["incident.opened", "diagnosis.gathered"]
    after = room.card(incident.stream)
    assert after.bundle is None
    assert "diagnose" not in after.awaits
    with pytest.raises(Refused, match="its worker ended before all was written"):
        room.bundle(after)
    assert sweep(room.log, room.objects, datetime.now(UTC) + timedelta(days=1)) > 5
    assert not list(room.objects.folder.glob("objects/*/*"))
