"""
The engine's answers on a tape as two files: JSON that describes them, and their arrays and frames.

One closed table says which class an answer is read back as; nothing in a file decides what code runs.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Collection, Mapping
from typing import Any

import pandas as pd

from domain.detection.data.arrivals import Feeds
from domain.detection.data.columns import Columns
from domain.detection.data.counts import Counts
from domain.detection.data.feature_skew import ServedFeatures
from domain.detection.data.histogram import Histograms
from domain.detection.data.metric import Metric
from domain.detection.data.outcomes import Outcomes
from domain.detection.data.ratio_cells import RatioCells
from domain.detection.data.served import Served
from domain.detection.data.tally import Tally
from domain.detection.data.trainings import Ages, Runs
from domain.detection.exposure.against_engagement import Engagement
from domain.diagnosis.bundle.document import Frames, read, spell
from domain.errors import BundleError, sanitized
from workers.bundle.frames import pack_frame, unpack_frame
from workers.checks.tape import TooFew
from workers.sources.logged.numbers import PastNumbers

KINDS: Mapping[str, type[Any]] = {
    kind.__name__: kind
    for kind in (
        Ages,
        Columns,
        Counts,
        Engagement,
        ServedFeatures,
        Feeds,
        Histograms,
        Metric,
        Outcomes,
        PastNumbers,
        RatioCells,
        Runs,
        Served,
        Tally,
        TooFew,
    )
}
FRAME = "a frame"
LONG_AGO = (1980, 1, 1, 0, 0, 0)
"""Timestamp of each file in an archive: the same answers make the same bytes."""


def spell_answers(answers: Mapping[str, Any]) -> tuple[dict[str, Any], Frames]:
    """
    Question → its answer as JSON values, and the frames that these name.

    Raises:
        BundleError: an answer cannot be kept.
    """
    frames: Frames = {}
    spelled = {}
    for place, (question, answer) in enumerate(answers.items()):
        kind = FRAME if isinstance(answer, pd.DataFrame) else type(answer).__name__
        if kind != FRAME and kind not in KINDS:
            raise BundleError(f"{kind} is no answer that can be kept")
        spelled[question] = {"as": kind, "value": spell(answer, frames, f"a{place}")}
    return spelled, frames


def read_answers(spelled: Mapping[str, Any], frames: Mapping[str, pd.DataFrame]) -> dict[str, Any]:
    """
    The answers by question.

    Raises:
        BundleError: they are not what `spell_answers` writes.
    """
    return {question: _read(one, frames) for question, one in spelled.items()}


def _read(spelled: Any, frames: Mapping[str, pd.DataFrame]) -> Any:
    try:
        kind, value = spelled["as"], spelled["value"]
        return frames[value["frame"]] if kind == FRAME else read(KINDS[kind], value, frames)
    except (KeyError, TypeError) as error:
        raise BundleError(f"what the check read is none of this release: {sanitized(error)}") from error


def pack_frames(frames: Frames) -> bytes:
    """All frames in one archive, a Parquet file each. Raises BundleError: one cannot be kept."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name, frame in frames.items():
            archive.writestr(zipfile.ZipInfo(name, LONG_AGO), pack_frame(frame, name))
    return out.getvalue()


def unpack_frames(content: bytes) -> dict[str, pd.DataFrame]:
    """The frames by name. Raises BundleError: the bytes were not written by `pack_frames`."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if any(one.compress_type != zipfile.ZIP_STORED for one in archive.infolist()):
                raise zipfile.BadZipFile  # none that we wrote; a few bytes may unpack into all of memory
            return {name: unpack_frame(archive.read(name), name) for name in archive.namelist()}
    except (zipfile.BadZipFile, RuntimeError) as error:  # RuntimeError: it is encrypted
        raise BundleError(f"what the check read cannot be opened: {sanitized(error)}") from error


def personal(spelled: Any, frames: Mapping[str, pd.DataFrame], hidden: Collection[str]) -> tuple[str, ...]:
    """The hidden columns whose values would be kept: as a slice's, a histogram's, or a frame's column."""
    found = {str(name) for frame in frames.values() for name in frame.columns if name in hidden}
    return tuple(sorted(found | set(_valued(spelled, frozenset(hidden)))))


def _valued(spelled: Any, hidden: frozenset[str]) -> set[str]:
    match spelled:
        case {"column": str(name), "labels": [_, *_]} if name in hidden:
            return {name}
        case {"dimensions": [*names], "values": _} if hidden & set(names):
            return {name for name in names if name in hidden}
        case dict():
            return {one for value in spelled.values() for one in _valued(value, hidden)}
        case [[str(), str()], *_]:
            return {pair[0] for pair in spelled if pair[0] in hidden}
        case list():
            return {one for value in spelled for one in _valued(value, hidden)}
    return set()
