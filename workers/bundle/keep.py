"""Everything that a diagnosis read and showed, written as files, with one manifest that names them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from domain.diagnosis.bundle.freeze import Frozen, freeze
from domain.diagnosis.bundle.leave_out import Hidden, columns_left_out, hidden_material, leave_out
from domain.diagnosis.bundle.manifest import (
    DECLARATION,
    DIAGNOSIS,
    MATERIAL,
    MODEL,
    PICTURE,
    File,
    Manifest,
    ModelFile,
    digest,
    frame_file,
    spelled,
)
from domain.diagnosis.bundle.sample import group_of, sampled, shares_to_keep
from domain.diagnosis.material import Material
from domain.errors import BundleError
from domain.recommender.recommender import Recommender
from domain.values import Diagnosis, Value
from workers.bundle.code import code_now
from workers.bundle.frames import pack_frame
from workers.bundle.objects import Objects
from workers.environment import redaction
from workers.models.files import stamp_of

TRIES, SMALLER = 8, 0.8  # part of a frame may compress worse than the whole
MEGABYTE = 1_000_000
MODEL_SHARE = 0.5  # of the limit that the model's file may take
NOT_KEPT = frozenset({"people", "permissions"})
"""Sections of the declaration that are about people and say nothing about any table."""


@dataclass(frozen=True)
class Looked:
    """
    A diagnosis with its inputs. `beside` holds the bundle's other files by name, none of which contain
    personal data.
    """

    diagnosis: Diagnosis
    material: Material
    picture: bytes | None
    seed: int
    beside: Mapping[str, bytes] = field(default_factory=dict)


class Kept(Value):
    """A bundle on disk; `root` is the SHA-256 of its manifest, `bytes` the size of its files."""

    root: str
    files: int
    bytes: int


def keep(
    objects: Objects,
    recommender: Recommender,
    looked: Looked,
    *,
    number: int,
    event: str,
    at: datetime,
    salt: bytes,
) -> Kept:
    """
    Write the files, and the manifest last.

    Args:
        number, event: the incident's number, and the id of the event that holds the diagnosis.
        salt: random bytes for hashing personal data; they are never stored.

    Raises:
        BundleError: something cannot be kept, or the limit is too small for the parts that cannot be sampled.
        OSError: writing to disk failed.
    """
    settings = recommender.bundle
    members = {name: table.member for name, table in recommender.tables.items()}
    hidden = Hidden(columns_left_out(settings.leave_out, members), salt)
    material = hidden_material(looked.material, hidden)
    frozen, left = leave_out(freeze(material), material, hidden)
    model, held = _model(looked, settings.limit_mb * MEGABYTE)
    contents = {**_words(recommender, looked, frozen, hidden), **held}
    room = settings.limit_mb * MEGABYTE - sum(map(len, contents.values()))
    frames, part = _within(frozen, room, looked.seed)
    rows = {frame_file(name): len(part.frames[name]) for name in frames}
    contents |= {frame_file(name): content for name, content in frames.items()}
    objects.clear()
    files = tuple(
        File(name=name, sha256=objects.keep(content), bytes=len(content), rows=rows.get(name))
        for name, content in sorted(contents.items())
    )
    manifest = Manifest(
        incident=number,
        diagnosis=event,
        kept_at=at,
        seed=looked.seed,
        code=code_now(),
        model=model,
        model_left_out=left.of_model,
        left_out=left.words(),
        sampled=part.words,
        files=files,
    )
    return Kept(root=objects.keep(spelled(manifest)), files=len(files), bytes=manifest.bytes)


def _words(recommender: Recommender, looked: Looked, frozen: Frozen, hidden: Hidden) -> dict[str, bytes]:
    """All files except the frames."""
    declared = recommender.model_dump(mode="json", by_alias=True, exclude=set(NOT_KEPT), fallback=str)
    picture = {} if looked.picture is None else {PICTURE: looked.picture}
    return {
        MATERIAL: _text(frozen.document),
        DIAGNOSIS: _text(hidden.within(looked.diagnosis).model_dump(mode="json")),
        DECLARATION: _text(declared),
        **picture,
        **looked.beside,
    }


def _text(values: Mapping[str, Any]) -> bytes:
    """JSON without values from the environment: what is kept out of the log is kept out of its files."""
    text = redaction.data(json.dumps(values, ensure_ascii=False, sort_keys=True, allow_nan=False, indent=1))
    return text.encode("utf-8", "backslashreplace")  # spells half a surrogate pair as JSON does


@dataclass(frozen=True)
class _Part:
    frames: Mapping[str, Any]
    words: tuple[str, ...] = ()


def _within(frozen: Frozen, room: int, seed: int) -> tuple[dict[str, bytes], _Part]:
    """The frames' files, thinned until they fit; what they hold, and in words what was sampled."""
    packed = {name: pack_frame(frame, name) for name, frame in frozen.frames.items()}
    sizes = {name: len(content) for name, content in packed.items()}
    if sum(sizes.values()) <= room:
        return packed, _Part(frozen.frames)
    shares = shares_to_keep(sizes, room)
    for _ in range(TRIES):
        thin, words = sampled(frozen, shares, seed)
        again = {name: pack_frame(thin.frames[name], name) for name in packed if group_of(name) in shares}
        files = {**packed, **again}
        if sum(map(len, files.values())) <= room:
            return files, _Part(thin.frames, words)
        shares = {group: share * SMALLER for group, share in shares.items()}
    raise BundleError("a bundle of this size cannot be made: raise limit_mb under [bundle]")


def _model(looked: Looked, limit: int) -> tuple[ModelFile | None, dict[str, bytes]]:
    """
    The file that the model was loaded from, and its content if it takes no more than half of `limit` bytes;
    neither hash nor content if it is no longer the file that was loaded.
    """
    model = looked.material.model
    if model is None:
        return None, {}
    path, stamp = Path(str(getattr(model, "path", ""))), getattr(model, "stamp", None)
    if stamp is None or stamp_of(path) != stamp:
        return ModelFile(path=str(path), sha256=None, kind=model.kind), {}
    content = path.read_bytes() if stamp.size <= MODEL_SHARE * limit else None
    known = file_digest(path) if content is None else digest(content)
    if stamp_of(path) != stamp:  # replaced while it was read
        return ModelFile(path=str(path), sha256=None, kind=model.kind), {}
    held = {} if content is None else {f"{MODEL}{path.name}": content}
    return ModelFile(path=str(path), sha256=known, kind=model.kind), held


def file_digest(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
