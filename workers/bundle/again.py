"""Repeats a diagnosis on its frozen material with today's code, and compares it with the original."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from domain.bundle import RerunAnswer
from domain.diagnosis.bundle.compare import compare
from domain.diagnosis.bundle.freeze import thaw
from domain.diagnosis.bundle.manifest import DIAGNOSIS, MATERIAL, Manifest
from domain.diagnosis.diagnose import diagnose
from domain.diagnosis.replay import Scorer
from domain.errors import BundleError, SourceError
from domain.values import Diagnosis
from workers.bundle.code import code_now, words
from workers.bundle.open import Opened, why_another
from workers.environment import redaction
from workers.models.process import open_model


def diagnose_again(found: Opened) -> RerunAnswer:
    """
    The same diagnosis from the same material, as far as it is available; what is missing is noted.

    Raises:
        BundleError: a file differs from what was kept; names it.
    """
    if found.wrong:
        raise BundleError("; ".join(f"{name} {how}" for name, how in found.wrong.items()))
    began = time.monotonic()
    then = Diagnosis.model_validate(found.words(DIAGNOSIS))
    with _model(found) as (model, unasked):
        material = thaw(found.words(MATERIAL), found.frames(), model)
        made = diagnose(material, found.manifest.seed)
    now = Diagnosis.model_validate_json(redaction.data(made.model_dump_json()))
    return RerunAnswer(
        number=found.incident.number,
        root=found.named.root,
        then=then,
        now=now,
        differs=compare(then, now),
        notes=(*_notes(found.manifest), *((unasked,) if unasked else ())),
        seconds=round(time.monotonic() - began, 2),
        unasked=unasked,
    )


@contextmanager
def _model(found: Opened) -> Iterator[tuple[Scorer | None, str | None]]:
    """The model used back then, if it was kept or still exists; else why it is not asked, in a sentence."""
    manifest, why = found.manifest, why_another(found.manifest)
    if manifest.model is None or why is not None:
        path = manifest.model.path if manifest.model else ""
        yield None, None if why is None else f"The model was not asked again: {why} ({path})"
        return
    with TemporaryDirectory(prefix="recsysops-model-") as folder:
        try:
            model = open_model(_file(found, Path(manifest.model.path), Path(folder)))
        except SourceError as error:
            yield None, f"The model was not asked again: {error}"
            return
        with model:
            yield model, None


def _file(found: Opened, place: Path, folder: Path) -> Path:
    """The model's file as it was kept, written to `folder` under its own name; else the one in its place."""
    name = found.manifest.model_file
    if name is None:
        return place
    file = folder / place.name
    file.write_bytes(found.content(name))
    return file


def _notes(manifest: Manifest) -> Iterator[str]:
    now = code_now()
    if manifest.code.domain != now.domain:
        yield f"Another code than then: {words(manifest.code)}; now {words(now)}"
    elif manifest.code.versions != now.versions:
        yield f"The same domain on other libraries: {words(manifest.code)}; now {words(now)}"
    for part in manifest.sampled:
        yield f"Sampled when it was kept, so that numbers may differ: {part}"
    for part in manifest.left_out:
        yield f"Personal data: {part}"
