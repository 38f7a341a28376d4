"""Has the model trained again, without the segment of its training data that is faulty."""

from __future__ import annotations

from domain.recommender.hotfix import DeclaredHotfix
from domain.resolution.circumstances import Circumstances
from domain.resolution.hook import Hook, called
from domain.resolution.kind import Kind
from domain.resolution.way import Parameters, Unfit, Way, unknown
from domain.values import name_slice, slice_of

NOT_YET_TRAINED = "not from the log: how it ranks is known once it has been trained"


def given(hotfix: DeclaredHotfix, keys: Hook, around: Circumstances) -> dict[str, object] | Unfit:
    """
    The table that was learned from, and the segment to leave out.

    Unfit where the fault is not in training data, not in one segment of it, or is that rows are missing.
    """
    found = around.diagnosis
    if found.cause_kind != "training_data":
        return Unfit("the fault is not known to be in what the model learned from")
    if not found.place:
        return Unfit("no single segment of the training data is faulty, so there is none to leave out")
    if found.lacking:
        return Unfit(f"rows of {name_slice(found.place)} are missing from the training data already")
    return {"hook": called(hotfix, keys), "table": found.object, "slice": dict(found.place)}


def label(declared: str, parameters: Parameters) -> str:
    """The line of the menu, naming the segment."""
    where = parameters["slice"]
    return f"{declared}: {name_slice(slice_of(**where))}" if isinstance(where, dict) else declared


KIND = Kind(
    name="retrain_without",
    purpose="has the model trained again without the segment of its training data that is faulty",
    options=Hook,
    given=given,
    way=Way(name="retrained", price=lambda _given, around: unknown(around, NOT_YET_TRAINED, blast=1.0)),
    label=label,
    called=called,
    rehearse=lambda _hotfix, _keys: Unfit("a model would have to be trained for it"),
)
