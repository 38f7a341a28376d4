"""All kinds of cause. Adding one touches its file, this line, and its tests."""

from __future__ import annotations

from domain.diagnosis.candidates.candidate import CandidateKind
from domain.diagnosis.candidates.kinds.duplicate import DUPLICATE
from domain.diagnosis.candidates.kinds.feature import FEATURE
from domain.diagnosis.candidates.kinds.feed import FEED
from domain.diagnosis.candidates.kinds.filtered import FILTER
from domain.diagnosis.candidates.kinds.launch import LAUNCH
from domain.diagnosis.candidates.kinds.model import MODEL
from domain.diagnosis.candidates.kinds.renaming import RENAMING
from domain.diagnosis.candidates.kinds.serving import SERVING
from domain.diagnosis.candidates.kinds.time_shift import TIME_SHIFT
from domain.diagnosis.candidates.kinds.training_data import TRAINING_DATA
from domain.diagnosis.candidates.kinds.unlogged import LOGGING
from domain.diagnosis.candidates.kinds.world import WORLD

KINDS: tuple[CandidateKind, ...] = (
    FEATURE, FEED, DUPLICATE, TIME_SHIFT, RENAMING, LOGGING, FILTER, MODEL, TRAINING_DATA, SERVING, LAUNCH,
    WORLD,
)  # fmt: skip
