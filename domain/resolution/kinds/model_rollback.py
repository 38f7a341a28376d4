"""The version of the model served again that served before the one that took over about the onset."""

from __future__ import annotations

from domain.recommender.hotfix import DeclaredHotfix
from domain.resolution.circumstances import Circumstances
from domain.resolution.kind import Kind
from domain.resolution.kinds.webhook import Keys, called, examine
from domain.resolution.replays.former_model import FORMER_MODEL
from domain.resolution.way import Parameters, Unfit


def given(hotfix: DeclaredHotfix, keys: Keys, around: Circumstances) -> dict[str, object] | Unfit:
    """`version` is to serve again instead of `instead_of`. Unfit where no other version was logged before."""
    model = around.replaced.get("model")
    if model is None:
        return Unfit("no version of the model is logged that took over from another")
    return {"hook": called(hotfix, keys), "version": model.was, "instead_of": model.now}


def label(declared: str, parameters: Parameters) -> str:
    """The version that it goes back to stands in its line."""
    return f"{declared}: {parameters['version']}"


KIND = Kind(
    name="model_rollback",
    purpose="serves the version of the model again that the log shows before the last one",
    options=Keys,
    example={"hook": "serve_model"},
    given=given,
    way=FORMER_MODEL,
    label=label,
    called=called,
    examine=examine,
)
