"""Where as much is shown as ever: the gap in what is chosen of it."""

from __future__ import annotations

from dataclasses import replace

from domain.diagnosis.candidates.undone import Undone
from domain.diagnosis.material import Material
from domain.diagnosis.place import Floats, inside
from domain.diagnosis.scene import Scene


def or_plays(scene: Scene, material: Material, found: Undone, scores: Floats) -> Undone:
    """`found`; where as much is shown as ever, with the gap of what the model with these scores predicts."""
    if found.symptom.closed is not None or not material.finding.expected:
        return found
    gap = scene.plays_gap(inside(scene.now.rows, material.finding.slice), scores, material.finding.change)
    return replace(found, symptom=gap)
