"""
What a bundle consists of: every file with the hash of its bytes, and the hash of that list, which is logged.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256

from pydantic import Field, ValidationError

from domain.errors import BundleError, sanitized
from domain.values import Moment, Value

FORMAT = 1
MANIFEST, MATERIAL, DIAGNOSIS, DECLARATION, PICTURE = (
    "manifest.json",
    "material.json",
    "diagnosis.json",
    "declaration.json",
    "picture.png",
)
SUFFIX = ".parquet"
FOLDER = "frames/"
MODEL = "model/"


class File(Value):
    """One file: its name in an export, the SHA-256 and the length of its bytes; `rows` of a frame."""

    name: str
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    bytes: int
    rows: int | None = None


class Code(Value):
    """
    What ran: the release, the SHA-256 of the domain's sources, and the versions of what it computes with.
    """

    release: str
    domain: str
    versions: dict[str, str]


class ModelFile(Value):
    """
    The model that was asked; `sha256` is null where its file was replaced meanwhile. Its file is one of the
    bundle's unless it is too large: see `Manifest.model_file`.
    """

    path: str
    sha256: str | None
    kind: str


class Manifest(Value):
    """
    `diagnosis` is the id of the event that recorded it; `left_out` and `sampled` say in words what the bundle
    lacks; `model` is null where none was asked, `model_left_out` where its input is not whole.
    """

    format: int = FORMAT
    incident: int
    diagnosis: str
    kept_at: Moment
    seed: int
    code: Code
    model: ModelFile | None = None
    model_left_out: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    sampled: tuple[str, ...] = ()
    files: tuple[File, ...]

    @property
    def bytes(self) -> int:
        """The total over all its files."""
        return sum(file.bytes for file in self.files)

    @property
    def model_file(self) -> str | None:
        """The name of the model's file in the bundle; None if it was not kept."""
        return next((file.name for file in self.files if file.name.startswith(MODEL)), None)


def frame_file(name: str) -> str:
    """
    >>> frame_file("snapshots.before")
    'frames/snapshots.before.parquet'
    """
    return f"{FOLDER}{name}{SUFFIX}"


def frame_of(name: str) -> str | None:
    """The frame that a file holds; None for any other file."""
    return name.removeprefix(FOLDER).removesuffix(SUFFIX) if name.startswith(FOLDER) else None


def spelled(manifest: Manifest) -> bytes:
    """Its canonical bytes, whose SHA-256 is the root."""
    values = manifest.model_dump(mode="json")
    return json.dumps(values, sort_keys=True, ensure_ascii=False, indent=1).encode()


def digest(content: bytes) -> str:
    """SHA-256 in hexadecimal."""
    return sha256(content).hexdigest()


def opened(content: bytes, root: str) -> Manifest:
    """
    The manifest that a root stands for.

    Raises:
        BundleError: the bytes are not those of the root, or are of a later release.
    """
    if (found := digest(content)) != root:
        raise BundleError(f"{MANIFEST} is not what was kept: its SHA-256 is {found[:12]}…, not {root[:12]}…")
    try:
        return Manifest.model_validate_json(content)
    except ValidationError as error:
        raise BundleError(f"{MANIFEST} is none that this release can read: {sanitized(error)}") from error


def not_as_kept(manifest: Manifest, found: Mapping[str, str | None]) -> dict[str, str]:
    """
    File name → what is wrong, for each file whose bytes are not those that were kept.

    Args:
        found: the digest of each file's bytes by its name; None or absent where the file is missing.
    """
    wrong = {}
    for file in manifest.files:
        digest_now = found.get(file.name)
        if digest_now is None:
            wrong[file.name] = "is missing"
        elif digest_now != file.sha256:
            wrong[file.name] = f"is not what was kept (SHA-256 {digest_now[:12]}…, not {file.sha256[:12]}…)"
    return wrong
