"""The gap in what is chosen, for slices of which as much is shown as ever."""

from __future__ import annotations

from dataclasses import replace

from domain.diagnosis.candidates.undone import Undone
from domain.diagnosis.material import Material
from domain.diagnosis.place import Floats, inside
from domain.diagnosis.scene import Scene


def or_plays(scene: Scene, material: Material, found: Undone, scores: Floats) -> Undone:
    """`found`; where as much is shown as ever, with the gap in the choices that these scores predict."""
    if found.symptom.closed is not None or not material.finding.expected:
        return found
    about = inside(scene.now.rows, material.finding.slice)
    return replace(found, symptom=scene.plays_gap(about, scores, material.finding.change, by=scores))


def or_plays_of_before(turned: Scene, material: Material, found: Undone, scores: Floats) -> Undone:
    """
    The same for the present model, in a turned scene: the former model is asked what it would have cost
    before, since every model finds its own ranking the best.
    """
    own = material.finding
    if found.symptom.closed is not None or not own.expected or not own.observed:
        return found
    about, back = inside(turned.now.rows, own.slice), own.expected / own.observed - 1.0
    return replace(found, symptom=turned.plays_gap(about, scores, back, by=turned.logged()))
