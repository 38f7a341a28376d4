"""Opens a bundle: finds it through the log and compares each file with the hash that the log vouches for."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Engine

from domain.bundle import BundleAnswer, BundleFile
from domain.diagnosis.bundle.manifest import (
    MANIFEST,
    Manifest,
    digest,
    frame_of,
    not_as_kept,
    opened,
)
from domain.errors import BundleError, Refused
from domain.incident.events import BundleFailed, BundleKept, DiagnosisGathered, Recorded
from domain.incident.state import Incident
from domain.values import Diagnosis
from workers.bundle.code import code_now, words
from workers.bundle.frames import unpack_frame
from workers.bundle.keep import file_digest
from workers.bundle.objects import Objects
from workers.store.log.events import read_stream


class Named(NamedTuple):
    """The log's record of a bundle: the `event` with its `root`, and the diagnosis from the other event."""

    event: str
    root: str
    diagnosis: Diagnosis
    diagnosed_by: str
    diagnosed_at: datetime


@dataclass(frozen=True)
class Opened:
    """A bundle and its record in the log. `wrong`: file name → what is wrong with it."""

    incident: Incident
    objects: Objects
    named: Named
    manifest: Manifest
    wrong: Mapping[str, str]

    def content(self, name: str) -> bytes:
        """
        The bytes of one of the bundle's files.

        Raises:
            BundleError: they differ from what was kept.
        """
        file = next((one for one in self.manifest.files if one.name == name), None)
        if file is None:
            raise BundleError(f"the bundle has no {name}")
        content = self.objects.read(file.sha256, file.bytes)
        if content is None or digest(content) != file.sha256:
            raise BundleError(f"{name} {'is missing' if content is None else 'is not what was kept'}")
        return content

    def words(self, name: str) -> Any:
        """The JSON values in one of the files. Raises BundleError, as `content` does."""
        return json.loads(self.content(name))

    def frames(self) -> dict[str, Any]:
        """The bundle's frames by name. Raises BundleError, as `content` does."""
        named = {frame: one.name for one in self.manifest.files if (frame := frame_of(one.name))}
        return {frame: unpack_frame(self.content(name), name) for frame, name in named.items()}


def open_bundle(log: Engine, objects: Objects, incident: Incident, event: int | None = None) -> Opened:
    """
    The bundle of an incident's newest diagnosis, or of the diagnosis recorded by this event.

    Raises:
        Refused: there is no bundle; says why.
        BundleError: its manifest is missing, or differs from the one that the log names.
    """
    named = _find(log, incident, event)
    root = named.root
    content = objects.read(root)
    if content is None:
        raise BundleError(
            f"{MANIFEST} of the bundle is not at {objects.path(root)}: is it on another machine, or was it "
            "taken away? `path` under [bundle] names a folder that all machines see"
        )
    manifest = opened(content, root)
    if manifest.diagnosis != named.diagnosed_by:
        raise BundleError(f"{MANIFEST} is of the diagnosis {manifest.diagnosis}, not of {named.diagnosed_by}")
    found = {file.name: objects.found(file.sha256, file.bytes) for file in manifest.files}
    return Opened(incident, objects, named, manifest, not_as_kept(manifest, found))


def _find(log: Engine, incident: Incident, event: int | None) -> Named:
    with log.connect() as connection:
        recorded = read_stream(connection, incident.stream)
    gathered: tuple[Recorded, Diagnosis] | None = None
    for one in recorded:
        if isinstance(one.event, DiagnosisGathered) and event in (None, one.version):
            gathered = one, one.event.diagnosis
    if gathered is None:
        numbers = "it has none" if event is None else f"its event {event} is none"
        raise Refused(f"#{incident.number}: a bundle is of a diagnosis, and {numbers}")
    by, diagnosis = gathered
    for one in reversed(recorded):
        if isinstance(one.event, BundleKept) and one.event.diagnosis == by.id:
            return Named(one.id, one.event.root, diagnosis, by.id, by.at)
    raise Refused(f"#{incident.number}: {_why_none(recorded, by)}")


def _why_none(recorded: Sequence[Recorded], gathered: Recorded) -> str:
    for one in recorded:
        if isinstance(one.event, BundleFailed) and one.event.diagnosis == gathered.id:
            return f"what the diagnosis read could not be kept: {one.event.reason}"
    return (
        f"no bundle of the diagnosis of {gathered.at:%Y-%m-%d %H:%M} UTC was kept: it is older than bundles, "
        "was recorded by hand, or its worker ended before all was written"
    )


def answer(found: Opened) -> BundleAnswer:
    """The answer that describes a bundle."""
    manifest = found.manifest
    files = tuple(
        BundleFile(
            **file.model_dump(), path=str(found.objects.path(file.sha256)), wrong=found.wrong.get(file.name)
        )
        for file in manifest.files
    )
    return BundleAnswer(
        number=found.incident.number,
        title=found.incident.called,
        event=found.named.event,
        root=found.named.root,
        folder=str(found.objects.folder),
        kept_at=manifest.kept_at,
        diagnosed_at=found.named.diagnosed_at,
        diagnosis=found.named.diagnosis,
        files=files,
        left_out=manifest.left_out,
        sampled=manifest.sampled,
        seed=manifest.seed,
        code=words(manifest.code),
        same_code=manifest.code.domain == code_now().domain,
        model=_model_words(manifest),
    )


def _model_words(manifest: Manifest) -> str | None:
    model = manifest.model
    if model is None:
        return None
    if model.sha256 is None:
        return f"{model.path}, which was replaced while it was asked"
    now = "kept with it" if manifest.model_file else why_another(manifest) or "still this file"
    return f"{model.path}, SHA-256 {model.sha256[:12]}…, {now}"


def why_another(manifest: Manifest) -> str | None:
    """Why the model used back then cannot be asked now; None if it can, or if none was used."""
    model = manifest.model
    if model is None:
        return None
    if manifest.model_left_out:
        return f"{', '.join(manifest.model_left_out)} of its input was left out"
    if manifest.model_file is not None:
        return None
    path = Path(model.path)
    if model.sha256 is None:
        return "it was replaced while it was asked"
    if not path.is_file():
        return "there is no such file any more"
    return None if file_digest(path) == model.sha256 else "there is another file now"


def export(found: Opened, folder: Path) -> list[Path]:
    """
    Write the bundle's files out under the names in its manifest; returns their paths.

    Raises:
        BundleError: a file differs from what was kept; nothing is written.
        Refused: the folder is not empty.
    """
    if found.wrong:
        named = "; ".join(f"{name} {how}" for name, how in found.wrong.items())
        raise BundleError(f"nothing was written: {named}")
    if folder.exists() and any(folder.iterdir()):
        raise Refused(f"{folder} is not empty; name a folder that is, or none yet")
    content = found.objects.read(found.named.root) or b""
    written = []
    for name, held in ((MANIFEST, content), *((f.name, found.content(f.name)) for f in found.manifest.files)):
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(held)
        written.append(place)
    return written
