"""Kinds of checks, hotfixes, deployers and witnesses, each described by its file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from docs.generate.keys import NOT_WRITTEN, keys, toml
from docs.generate.markdown import capital, code, page, table
from domain.detection.kind import Kind
from domain.prediction.kind import LAUNCH_FORECAST
from domain.recommender.deployer import Deployer
from domain.recommender.practice.tracker import Tracker
from domain.recommender.witness import Witness
from domain.resolution.replays.registry import REPLAYS
from workers.declaration import check_kinds, hotfix_kinds
from workers.deployers.kind import DEPLOYERS
from workers.trackers.kind import TRACKERS
from workers.witnesses.registry import KINDS as WITNESSES

SLICED = {
    "always": "by the table's dimensions",
    "asked": "only where the check declares `dimensions`",
    "never": "not sliced",
}


def checks() -> str:
    """Every kind of check."""
    return page(
        "Check kinds",
        "A check is `[checks.NAME]` with a `kind`, a `table`, the [keys that every check has]"
        "(declaration.md#checksname), and the keys of its kind.",
        *(_check(kind) for kind in check_kinds.ours().values()),
        f"## `{LAUNCH_FORECAST.name}`\n\n{capital(LAUNCH_FORECAST.purpose)} It looks at the calendar under "
        "[`[launches]`](declaration.md#launches), and not at windows of a table.",
        "## Kinds of your own\n\n[Your own check](../how-to/own-check.md) says how one is written.",
    )


def _check(kind: Kind[Any, Any]) -> str:
    facts = [
        f"Sliced: {SLICED[kind.sliced]}.",
        f"Fewest windows to judge at all: {kind.least_windows}."
        if kind.windows
        else "Learns from events, not windows.",
        f"Measured again after a fix: {'yes' if kind.measurable else 'no; people judge'}.",
    ]
    if kind.evidences:
        facts.append(f"Evidence for: {', '.join(map(code, kind.evidences))}.")
    example = {"kind": kind.name, "table": "TABLE", **kind.example}
    return _section(
        kind.name, capital(kind.purpose), " ".join(facts), keys(kind.options), _toml("checks", example)
    )


def hotfixes() -> str:
    """Every kind of hotfix, and every replay."""
    return page(
        "Hotfix kinds",
        "A hotfix is `[hotfixes.NAME]` with a `kind`, the [keys that every hotfix has]"
        "(declaration.md#hotfixesname), and the keys of its kind.",
        *(
            _section(kind.name, capital(kind.purpose), keys(kind.options), _carried(kind.name))
            for kind in hotfix_kinds.ours().values()
        ),
        f"## Replays\n\nA `replay` names one of {', '.join(map(code, REPLAYS))}; "
        "[Offer hotfixes](../how-to/hotfixes.md#replays) says what each is priced by.",
    )


def _carried(hotfix: str) -> str:
    carriers = [code(name) for name, kind in DEPLOYERS.ours().items() if kind.carries(hotfix)]
    return f"Carried by deployers of kind {', '.join(carriers)}."


def deployers() -> str:
    """Every kind of deployer."""
    return page(
        "Deployers",
        "A deployer is `[deployers.NAME]`. `timeout` is for one apply or revert, and once more for its "
        "confirmation. "
        "A key that ends in `_env` holds the name of a variable, so that secrets stay in the environment.",
        *(
            _section(
                kind.name,
                f"Needs {kind.needs}. Confirmed by: {kind.confirms}. Reverts: {kind.reverts}. "
                f"Serves stages: {_yes(kind.in_stages)}. Renews in place: {_yes(kind.renews)}.",
                keys(kind.options),
            )
            for kind in DEPLOYERS.ours().values()
        ),
        f"Keys of every kind:\n\n{keys(Deployer)}",
    )


def deployers_listed() -> str:
    """The kinds of deployer, one row each, for the guide."""
    rows = [(code(kind.name), kind.needs, kind.confirms, kind.reverts) for kind in DEPLOYERS.ours().values()]
    return table(("kind", "needs", "confirmed by", "reverts"), rows)


def trackers_listed() -> str:
    """The kinds of tracker, one row each, for the guide."""
    rows = [(code(kind.name), kind.needs, kind.done, kind.dropped) for kind in TRACKERS.ours().values()]
    return table(("kind", "needs", "a ticket is done when", "and dropped when"), rows)


def trackers() -> str:
    """Every kind of tracker."""
    return page(
        "Trackers",
        "A tracker is `[trackers.NAME]`: where tickets are ([how they follow an "
        "incident](../how-to/tickets.md)).",
        *(
            _section(
                kind.name,
                f"Needs {kind.needs}. A ticket is done when {kind.done}, and dropped when {kind.dropped}.",
                keys(kind.options),
            )
            for kind in TRACKERS.ours().values()
        ),
        f"Keys of every kind:\n\n{keys(Tracker)}",
    )


def witnesses() -> str:
    """Every kind of witness."""
    return page(
        "Witnesses",
        "A witness is `[witness.NAME]`: it keeps signed checkpoints of the log outside the database "
        "([why, and how](../how-to/keep-the-log.md#witnesses)).",
        *(_section(kind.name, keys(kind.options)) for kind in WITNESSES.values()),
        f"Keys of every kind:\n\n{keys(Witness, NOT_WRITTEN)}",
    )


def _section(name: str, *parts: str) -> str:
    return "\n\n".join((f"## `{name}`", *(part for part in parts if part)))


def _toml(section: str, example: Mapping[str, Any]) -> str:
    lines = "\n".join(_lines(example.items()))
    return f"```toml\n[{section}.NAME]\n{lines}\n```"


def _lines(items: Iterable[tuple[str, Any]]) -> Iterator[str]:
    for name, value in items:
        yield f"{name} = {toml(tuple(value) if isinstance(value, list) else value)}"


def _yes(it: bool) -> str:
    return "yes" if it else "no"
