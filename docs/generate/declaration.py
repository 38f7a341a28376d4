"""Every section and key of `recsysops.toml`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pydantic import BaseModel

from docs.generate.keys import section
from docs.generate.markdown import code, page, table
from domain.recommender.expectation import Expectation
from domain.recommender.hotfix import Replay
from domain.recommender.model import Kept
from workers.declaration.declare import ABOUT, HELD, LISTS, NAMED, SINGLE

ABOUT_KEYS: Mapping[str, tuple[str, str, str]] = {
    "name": ("text", "needed", "Name of the recommender, in messages and pages."),
    "timezone": ("text", '`"UTC"`', "Time zone of days, schedules and hours, such as `Europe/Berlin`."),
    "holidays": ("text, day, or list of both", "–", "A country or a part of it (`DE-BY`), or single days."),
}
WITHIN: Mapping[str, tuple[str, type[BaseModel]]] = {
    "permissions.alone": ("permissions", HELD["alone"]),
    "tables.NAME.csv": ("tables", HELD["csv"]),
    "models.NAME.registry": ("models", HELD["registry"]),
    "models.NAME.logging": ("models", HELD["logging"]),
    "models.NAME.kept": ("models", Kept),
    "models.NAME.expects": ("models", Expectation),
    "hotfixes.NAME.replay": ("hotfixes", Replay),
}
"""Title → the section it belongs to, and its keys."""
OF_KINDS = {
    "checks": "Its kind adds keys of its own: see [check kinds](checks.md).",
    "hotfixes": "Its kind adds keys of its own: see [hotfix kinds](hotfixes.md).",
    "deployers": "Its kind adds keys of its own: see [deployers](deployers.md).",
    "trackers": "Its kind adds keys of its own: see [trackers](trackers.md).",
    "witness": "Its kind adds keys of its own: see [witnesses](witnesses.md).",
}


def declaration() -> str:
    """The page."""
    return page(
        "Every key of recsysops.toml",
        "A declaration is a TOML file. An unknown section or key is an error that names the nearest right "
        "one; all "
        "problems are reported at once, each with its line. Durations are written `10s`, `1m`, `1h30m`, "
        "`7d`, `4w`; "
        "`${NAME}` and `${NAME:-default}` in any text are replaced from the environment.",
        *_sections(),
    )


def _sections() -> Iterator[str]:
    rows = [(code(name), *ABOUT_KEYS[name]) for name in ABOUT]
    yield f"## `[recommender]`\n\n{table(('key', 'type', 'default', 'meaning'), rows)}"
    for name, cls in NAMED.items():
        yield section(f"[{name}.NAME]", cls)
        yield OF_KINDS.get(name, "")
        yield from _within(name)
    for name, cls in SINGLE.items():
        yield section(f"[{name}]", cls)
        yield from _within(name)
    listed = next(iter(LISTS.values()))
    yield section(" and ".join(f"[[{name}]]" for name in LISTS), listed, frozenset())


def _within(name: str) -> Iterator[str]:
    for title, (outer, cls) in WITHIN.items():
        if outer == name:
            brackets = f"[[{title}]]" if title.endswith("expects") else f"[{title}]"
            yield section(brackets, cls, frozenset()).replace("## ", "### ", 1)
