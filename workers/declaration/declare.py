"""Reads `recsysops.toml` into a `Recommender`; reports all problems at once, each with its line."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ValidationError

from domain.errors import ConfigurationError, sanitized
from domain.recommender.bundle import Bundle
from domain.recommender.check import Check
from domain.recommender.deployer import Deployer
from domain.recommender.exposure import Exposure
from domain.recommender.hotfix import DeclaredHotfix
from domain.recommender.keys.nearest import nearest
from domain.recommender.model import Items, Launches, Logging, Members, Model, Registry
from domain.recommender.objective import Objective
from domain.recommender.person import Person, shared
from domain.recommender.planned import Planned, planned_at
from domain.recommender.practice.follow_ups import FollowUps
from domain.recommender.practice.rehearsals import Rehearsals, Replays
from domain.recommender.practice.tracker import Tracker
from domain.recommender.recommender import Recommender
from domain.recommender.route import Alone, Permissions, Routes, Stakeholder
from domain.recommender.table import Csv, Table
from domain.recommender.witness import Witness
from workers.declaration.holidays import holidays_of
from workers.declaration.lines import line_of
from workers.declaration.own_keys import not_held_out, of_items, own_keys_apart
from workers.declaration.problem import Problem, problem_of
from workers.declaration.references import names, references
from workers.deployers.kind import DEPLOYERS
from workers.environment import redaction
from workers.environment.settings import CONFIG, surroundings
from workers.trackers.kind import TRACKERS
from workers.witnesses.registry import options_of as options_of_witness

NAMED: Mapping[str, type[BaseModel]] = {
    "tables": Table,
    "models": Model,
    "checks": Check,
    "hotfixes": DeclaredHotfix,
    "deployers": Deployer,
    "trackers": Tracker,
    "stakeholders": Stakeholder,
    "witness": Witness,
    "people": Person,
}
OF_KIND: Mapping[str, Callable[[str, bool], type[BaseModel]]] = {
    "witness": lambda kind, _own: options_of_witness(kind),
    "deployers": DEPLOYERS.options_of,
    "trackers": TRACKERS.options_of,
}
"""Sections whose entries have their `kind`'s keys: (kind, whether to import teams' own) → those keys."""
SINGLE: Mapping[str, type[BaseModel]] = {
    "items": Items,
    "members": Members,
    "launches": Launches,
    "exposure": Exposure,
    "objective": Objective,
    "routes": Routes,
    "permissions": Permissions,
    "bundle": Bundle,
    "rehearsals": Rehearsals,
    "replays": Replays,
    "follow_ups": FollowUps,
}
LISTS: Mapping[str, type[BaseModel]] = {"planned": Planned, "silences": Planned}
HELD: Mapping[str, type[BaseModel]] = {"alone": Alone, "csv": Csv, "registry": Registry, "logging": Logging}
"""What may be written inside a section's entry, by its key."""
SECTIONS = ("recommender", *NAMED, *SINGLE, *LISTS)
ABOUT = ("name", "timezone", "holidays")
"""The keys of [recommender]."""
_VARIABLE = re.compile(r"\$\{(\w+)(?::-([^}]*))?\}")


def load(path: str | Path, environment: Mapping[str, str] | None = None, *, own: bool = True) -> Recommender:
    """
    The declaration in `path` (a file, or a folder that holds `recsysops.toml`).

    `${NAME}` and `${NAME:-default}` in any text are replaced from `environment` (default:
    `workers.environment.settings.surroundings`). A relative path is relative to the declaration, unless it
    begins with a variable that is set: then to the current folder, as in a shell.

    Args:
        own: whether teams' own checks are imported, to read their options; if not, these stay as they are
            written.

    Raises:
        ConfigurationError: all problems, one per line, as `file:line: key: what is wrong, what would be
        right`.
    """
    file = file_of(path)
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigurationError(
            f"{file}: there is no such file; `recsysops init` writes a first one"
        ) from None
    except OSError as error:
        raise ConfigurationError(
            f"{file}: cannot be read ({sanitized(error)}); let this user read it"
        ) from None
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{file}: not readable as TOML: {sanitized(error)}") from None
    return load_text(text, file, environment, own=own)


def load_text(
    text: str, file: Path, environment: Mapping[str, str] | None = None, *, own: bool = True
) -> Recommender:
    """
    The same for a text that may later be written to `file`.

    Raises:
        ConfigurationError: all problems, as `load` lists them.
    """
    try:
        declared = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{file}: not readable as TOML: {sanitized(error)}") from None
    problems: list[Problem] = []
    expanded = _expand(
        declared, (), surroundings() if environment is None else environment, file.parent, problems
    )
    unset = {problem.key for problem in problems}  # any other problem with these keys follows from that
    expanded, found = own_keys_apart(expanded, own)
    recommender = _build(expanded, file.parent, found, own)
    found.extend(_misnamed(expanded, own))
    found.extend(_selects(recommender))
    found.extend(not_held_out(recommender, own) if recommender else ())
    problems += [problem for problem in found if problem.key not in unset]
    if problems or recommender is None:
        raise ConfigurationError("\n".join(_said(file, text, problems)))
    return recommender


def _said(file: Path, text: str, problems: list[Problem]) -> list[str]:
    """The problems, sorted by line."""
    ordered = sorted(problems, key=lambda problem: line_of(text, problem.key) or 0)
    return [_say(file, text, problem) for problem in ordered]


def _say(file: Path, text: str, problem: Problem) -> str:
    return f"{_place(file, text, problem.key)}: {'.'.join(problem.key) or 'the file'}: {problem.says}"


def _place(file: Path, text: str, key: tuple[str, ...]) -> str:
    line = line_of(text, key)
    return f"{file}:{line}" if line else str(file)


def place(path: str | Path, key: tuple[str, ...]) -> str:
    """Where a key is in a declaration that was read before: `file:line: key`."""
    file = file_of(path)
    return f"{_place(file, file.read_text(encoding='utf-8'), key)}: {'.'.join(key)}"


def file_of(path: str | Path) -> Path:
    """The declaration that `path` names, as a file or its folder."""
    file = Path(path)
    return (file / CONFIG if file.is_dir() else file).resolve()


def _expand(
    value: Any, key: tuple[str, ...], environment: Mapping[str, str], folder: Path, problems: list[Problem]
) -> Any:
    if isinstance(value, dict):
        return {k: _expand(v, (*key, k), environment, folder, problems) for k, v in value.items()}
    if isinstance(value, list):
        return [_expand(v, key, environment, folder, problems) for v in value]
    if not isinstance(value, str):
        return value

    def replace(found: re.Match[str]) -> str:
        name, default = found[1], found[2]
        if not environment.get(name) and default is None:
            problems.append(
                Problem(key, f"the variable {name} is not set; set it, or write ${{{name}:-default}}")
            )
        redaction.note_expanded(name, environment.get(name))
        # Left as written if the variable is unset without default: empty text would be one more problem.
        return environment.get(name) or (found[0] if default is None else default)

    filled = _VARIABLE.sub(replace, value)
    redaction.note_declared(filled)
    if key and key[-1].endswith("_env"):  # secret_env: the name of a variable
        redaction.note_secret(filled, environment.get(filled))
    is_path = key[-1:] == ("path",) or (key[:1] == ("tables",) and key[-1:] == ("files",))
    if is_path and "://" not in filled and not Path(filled).is_absolute():
        first = _VARIABLE.match(value)
        root = Path.cwd() if first and environment.get(first[1]) else folder
        return os.path.normpath(root / filled)
    return filled


def _build(
    declared: Mapping[str, Any], folder: Path, problems: list[Problem], own: bool
) -> Recommender | None:
    for section in declared:
        if section not in SECTIONS:
            problems.append(Problem((section,), f"unknown section; {nearest(section, SECTIONS)}"))
    fields: dict[str, Any] = {"folder": str(folder), **_about(declared.get("recommender", {}), problems)}
    for section, kind in NAMED.items():
        fields[section] = dict(_named(section, kind, declared.get(section, {}), problems, own))
    for section, kind in SINGLE.items():
        if section in declared and (one := _one((section,), kind, declared[section], problems)):
            fields[section] = one
    for section, kind in LISTS.items():
        fields[section] = tuple(
            _listed(section, kind, declared.get(section, []), str(fields.get("timezone", "UTC")), problems)
        )
    for later, earlier, known_as in shared(fields["people"].values()):
        key = known_as.partition(":")[0]
        says = f'"{known_as.partition(":")[2]}" is {earlier.name} already; an account is one person\'s'
        problems.append(Problem(("people", later.name, key), says))
    if not names(declared, "tables"):
        problems.append(Problem(("tables",), "no table is declared; write at least one [tables.NAME]"))
    return None if problems else Recommender.model_validate(fields)


def _about(about: object, problems: list[Problem]) -> dict[str, Any]:
    if not isinstance(about, dict):
        problems.append(Problem(("recommender",), "write it as [recommender] with keys under it"))
        return {}
    for known in about:
        if known not in ABOUT:
            right = nearest(known, ABOUT)
            problems.append(Problem(("recommender", known), f"unknown key; {right}"))
    name = about.get("name")
    if not isinstance(name, str) or not name:
        problems.append(Problem(("recommender", "name"), 'missing; for instance name = "cinema"'))
    days, wrong = holidays_of(about.get("holidays", []))
    problems.extend(Problem(("recommender", "holidays"), says) for says in wrong)
    return {"name": name, "timezone": _zone(about.get("timezone", "UTC"), problems), "holidays": days}


def _zone(name: object, problems: list[Problem]) -> str:
    try:
        ZoneInfo(str(name))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        problems.append(
            Problem(("recommender", "timezone"), f"{name!r} is not a time zone; for instance Europe/Berlin")
        )
    return str(name)


def _named(
    section: str, kind: type[BaseModel], entries: object, problems: list[Problem], own: bool
) -> Iterator[tuple[str, BaseModel]]:
    if not isinstance(entries, dict):
        problems.append(Problem((section,), f"write it as [{section}.NAME]"))
        return
    for name, fields in entries.items():
        given = {**fields, "name": name} if isinstance(fields, dict) else fields
        of_kind = _of_kind((section, name), kind, given, problems, own)
        if of_kind is not None and (one := _one((section, name), of_kind, given, problems)) is not None:
            yield name, one


def _of_kind(
    key: tuple[str, ...], kind: type[BaseModel], given: object, problems: list[Problem], own: bool
) -> type[BaseModel] | None:
    """The model that an entry is read as; None if its kind is unknown, which is reported already."""
    options_of = OF_KIND.get(key[0])
    if options_of is None or not isinstance(given, dict) or "kind" not in given:
        return kind
    try:
        return options_of(str(given["kind"]), own)
    except ConfigurationError as error:
        problems.append(Problem((*key, "kind"), str(error)))
        return None


def _listed(
    section: str, kind: type[BaseModel], entries: object, zone: str, problems: list[Problem]
) -> Iterator[BaseModel]:
    if not isinstance(entries, list) or not all(isinstance(one, dict) for one in entries):
        problems.append(Problem((section,), f"write each as [[{section}]]"))
        return
    clock = ZoneInfo(zone) if not any(problem.key[-1:] == ("timezone",) for problem in problems) else UTC
    for place, fields in enumerate(entries):
        times = {
            key: planned_at(fields[key], clock, end=key == "to") for key in ("from", "to") if key in fields
        }
        if (one := _one((section, str(place)), kind, {**fields, **times}, problems)) is not None:
            yield one


def _one(
    key: tuple[str, ...], kind: type[BaseModel], fields: object, problems: list[Problem]
) -> BaseModel | None:
    if not isinstance(fields, dict):
        problems.append(Problem(key, f"write it as [{'.'.join(key)}] with keys under it"))
        return None
    try:
        return kind.model_validate(fields)
    except ValidationError as error:
        problems.extend(_problem(key, kind, found) for found in error.errors())
        return None


def _problem(key: tuple[str, ...], kind: type[BaseModel], found: Any) -> Problem:
    location = tuple(str(part) for part in found["loc"])
    holder = HELD.get(location[0], kind) if len(location) > 1 else kind
    named = {field.alias or name for name, field in holder.model_fields.items()}
    return problem_of(key, sorted(named if key[0] in LISTS else named - {"name"}), found)


def _selects(recommender: Recommender | None) -> Iterator[Problem]:
    """What is wrong with each `select`, before any engine is asked."""
    selecting = [table for table in recommender.tables.values() if table.select] if recommender else []
    if not selecting or recommender is None:
        return
    from workers.declaration.select import read  # noqa: PLC0415 - a parser, which most declarations do without

    for table in selecting:
        if wrong := read(table, recommender.folder).wrong:
            yield Problem(("tables", table.name, "select"), wrong)


def _misnamed(declared: Mapping[str, Any], own: bool) -> Iterator[Problem]:
    """Names in a declaration that refer to nothing declared there."""
    for key, name, right in references(declared, partial(of_items, own=own)):
        if name not in right:
            yield Problem(key, f'"{name}" is not declared; {nearest(name, right)}')
