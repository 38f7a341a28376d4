"""Serves again the model version from before the one that took over about the onset."""

from __future__ import annotations

from domain.recommender.hotfix import DeclaredHotfix
from domain.resolution.circumstances import Circumstances
from domain.resolution.hook import Hook, called
from domain.resolution.kind import Kind
from domain.resolution.rehearsal import version
from domain.resolution.replays.former_model import FORMER_MODEL, versions
from domain.resolution.way import Parameters, Unfit


def given(hotfix: DeclaredHotfix, keys: Hook, around: Circumstances) -> dict[str, object] | Unfit:
    """The two versions, according to the log."""
    found = versions(around)
    return found if isinstance(found, Unfit) else {"hook": called(hotfix, keys), **found}


def label(declared: str, parameters: Parameters) -> str:
    """The line of the menu, naming the version that it goes back to."""
    return f"{declared}: {parameters['version']}"


KIND = Kind(
    name="model_rollback",
    purpose="serves the version of the model again that the log shows before the last one",
    options=Hook,
    example={"hook": "serve_model"},
    given=given,
    way=FORMER_MODEL,
    label=label,
    called=called,
    rehearse=lambda _hotfix, _keys: version.ROLLED_BACK,
)
