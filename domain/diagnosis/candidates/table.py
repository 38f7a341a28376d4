"""All kinds of cause. Adding one touches its file, this line, and its tests."""

from __future__ import annotations

from domain.diagnosis.candidates.candidate import CandidateKind
from domain.diagnosis.candidates.duplicate import DUPLICATE
from domain.diagnosis.candidates.feature import FEATURE
from domain.diagnosis.candidates.feed import FEED
from domain.diagnosis.candidates.filtered import FILTER
from domain.diagnosis.candidates.launch import LAUNCH
from domain.diagnosis.candidates.model import MODEL
from domain.diagnosis.candidates.renaming import RENAMING
from domain.diagnosis.candidates.serving import SERVING
from domain.diagnosis.candidates.time_shift import TIME_SHIFT
from domain.diagnosis.candidates.training_data import TRAINING_DATA
from domain.diagnosis.candidates.unlogged import LOGGING
from domain.diagnosis.candidates.world import WORLD

KINDS: tuple[CandidateKind, ...] = (
    FEATURE, FEED, DUPLICATE, TIME_SHIFT, RENAMING, LOGGING, FILTER, MODEL, TRAINING_DATA, SERVING, LAUNCH,
    WORLD,
)  # fmt: skip
