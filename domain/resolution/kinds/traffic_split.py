"""Ranks a share of requests by the model version that served before, the others as now."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import Field

from domain.recommender.hotfix import DeclaredHotfix
from domain.resolution.circumstances import Circumstances
from domain.resolution.hook import Hook, called
from domain.resolution.kind import Kind
from domain.resolution.rehearsal import version
from domain.resolution.replays.former_model import versions
from domain.resolution.replays.split import SPLIT
from domain.resolution.way import Parameters, Unfit


class Keys(Hook):
    """`share` of requests (above 0, at most 1) that the previous version ranks."""

    share: float = Field(gt=0.0, le=1.0)
    """Share of requests that the previous version ranks (above 0, at most 1)."""


def given(hotfix: DeclaredHotfix, keys: Keys, around: Circumstances) -> dict[str, object] | Unfit:
    """The versions as for a rollback, and the share. Unfit where no other version was logged before."""
    found = versions(around)
    return found if isinstance(found, Unfit) else {"hook": called(hotfix, keys), **found, "share": keys.share}


def label(declared: str, parameters: Parameters) -> str:
    """The line of the menu, naming the version and its share."""
    return f"{declared}: {parameters['version']} for {100 * float(str(parameters['share'])):.0f} %"


def changes(keys: Keys, parameters: Parameters) -> Iterator[str]:
    """Says that the share is not the one that was offered."""
    if keys.share != parameters.get("share"):
        yield f"its share is {keys.share}, not {parameters.get('share')}"


KIND = Kind(
    name="traffic_split",
    purpose="ranks a share of requests by the version of the model that served before",
    options=Keys,
    example={"share": 0.5},
    given=given,
    way=SPLIT,
    label=label,
    called=called,
    changes=changes,
    rehearse=lambda _hotfix, _keys: version.SPLIT,
)
