"""Faults in what a training learns from; one is run at once, and they take effect with its model."""

from __future__ import annotations

from datetime import timedelta

from ..acts import Lesson
from ..members import DEVICES, REGIONS
from .fault import Acts, Drawn, Fault, World, slice_of

FLIPPED = ("device", "mobile")
TABLE = "training_plays"


def _flipped(world: World) -> Drawn:
    value = world.one_of(DEVICES, FLIPPED[1])
    acts = Acts(lesson=Lesson(flipped=(FLIPPED[0], value)))
    return Drawn(acts, "all labels", (TABLE,), (slice_of(**{FLIPPED[0]: value}),))


def _dropped(world: World) -> Drawn:
    segments = [("device", one) for one in DEVICES] + [("region", one.name) for one in REGIONS[:3]]
    column, value = world.one_of(segments)
    return Drawn(
        Acts(lesson=Lesson(dropped=(column, value))), "all rows", (TABLE,), (slice_of(**{column: value}),)
    )


def _repeated(world: World) -> Drawn:
    segments = [("genre", one) for one in ("Drama", "Comedy", "Action")]
    segments += [("country", one) for one in ("France", "United Kingdom", "United States")]
    column, value = world.one_of(segments)
    times = world.one_of((5, 10, 20))
    acts = Acts(lesson=Lesson(repeated=(column, value, times)))
    return Drawn(acts, f"{times} times", (TABLE,), (slice_of(**{column: value}),))


def _late(world: World) -> Drawn:
    hours = round(world.between(8, 16, 12))
    acts = Acts(lesson=Lesson(labels_late=timedelta(hours=hours)))
    return Drawn(acts, f"{hours} h", (TABLE,), ((),))


FAULTS = (
    Fault(
        "training_segment",
        "a training reads plays from mobile with the labels turned round",
        "training",
        "training_data",
        _flipped,
        trains=True,
    ),
    Fault(
        "training_without_segment",
        "a training gets no row of one segment",
        "training",
        "training_data",
        _dropped,
        trains=True,
    ),
    Fault(
        "training_duplicates",
        "a training gets the plays of one segment many times",
        "training",
        "training_data",
        _repeated,
        trains=True,
    ),
    Fault(
        "label_delay",
        "a training begins before the plays of the last hours have come, and takes them for none",
        "training",
        "training_data",
        _late,
        trains=True,
    ),
)
