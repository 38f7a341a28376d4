"""
Sets a feature flag's variant in the definitions that a flag server reads; confirmed by what it serves.

Definitions are in flagd's format (JSON, one file); what is served is queried with the OpenFeature Remote
Evaluation Protocol (OFREP), which flagd and other servers speak.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, NamedTuple
from urllib.parse import quote

import orjson
from pydantic import Field, ValidationError

from domain.answer import Advice
from domain.errors import DeployError, DeployUncertain, sanitized
from domain.recommender.deployer import Deployer
from domain.recommender.keys.nearest import nearest
from domain.values import Option, Value
from workers.deployers.api import Api
from workers.deployers.kind import Environment, Kind, one_of
from workers.deployers.replaced_file import ReplacedFile
from workers.environment.service import SafeAddress, authorization_of, examined

MARK = "recsysops"
"""In a flag's metadata: the key of the hotfix that set it; the flag server passes it on to its clients."""

NOTES = ".recsysops"
"""Suffix of the notes file, after the name of the definitions."""

MOST_NOTED = 500
TARGETING_KEY = "recsysops"


class FlagOptions(Deployer):
    """
    `path`: the definitions, as JSON in flagd's format. A hotfix makes `flag` serve `variant` to everybody; by
    default, the variant named like the version that the hotfix goes back to. `url` is the flag server's
    address (OFREP), which is queried with `context`; `authorization_env` names the variable that holds the
    `Authorization` header (`Bearer …`).
    """

    kind: Literal["flag"]
    path: str = Field(min_length=1)
    """Definitions, as JSON in flagd's format."""
    flag: str = Field(min_length=1)
    """The flag."""
    variant: str | None = Field(default=None, min_length=1)
    """Variant that a hotfix serves; by default the one called like the version that it goes back to."""
    url: SafeAddress
    """Address of the flag server (OFREP)."""
    context: dict[str, str | int | float | bool] = Field(default_factory=dict)
    """Context that the server is asked with."""
    authorization_env: str | None = None
    """Variable with what is sent as `Authorization` (`Bearer …`)."""


class Rule(Value):
    """What decides a flag's variant in its definition, each part as written there; None where absent."""

    state: str | None = None
    variant: str | bool | None = None
    targeting: Any = None


class Move(Value):
    """
    What a hotfix does to a flag, noted before it is done, so that after a crash the earlier state is known.
    `before` and `to` are null if it was reverted before it was ever applied.
    """

    key: str
    flag: str
    before: Rule | None = None
    to: str | None = None
    state: Literal["applied", "reverted"] = "applied"


class Noted(Value):
    """All moves on record, oldest first."""

    version: Literal[1] = 1
    moves: tuple[Move, ...] = ()

    def of(self, key: str) -> Move | None:
        """The move of a hotfix."""
        return next((move for move in self.moves if move.key == key), None)

    def with_move(self, move: Move) -> Noted:
        """The same with this move as the newest."""
        others = [one for one in self.moves if one.key != move.key]
        return Noted(moves=(*others, move)[-MOST_NOTED:])


class Served(NamedTuple):
    """The flag server's answer; `metadata` is None if it sends none."""

    variant: object
    metadata: Mapping[str, object] | None


class FlagDeployer:
    """
    Sets the flag's default variant, enabled and without targeting, and restores the earlier state on revert.

    A flag whose variant somebody set since is left as it is. The file is replaced whole, under a lock that
    this program's other writers wait for; an edit made by hand at the same moment may be lost.
    """

    def __init__(self, declared: FlagOptions, headers: Mapping[str, str]) -> None:
        self._declared, self._headers = declared, headers
        path = Path(declared.path)
        self._file, self._notes = ReplacedFile(path), ReplacedFile(path.with_name(path.name + NOTES))

    def apply(self, key: str, option: Option, expires_at: datetime | None) -> str:
        """Serve the variant; calling again with the same key changes nothing."""
        with self._file.locked():
            document, noted = self._read(), self._noted()
            flag = self._flag(document)
            move = noted.of(key)
            if move is None:
                move = self._planned(flag, key, option)
                self._note(noted, move)
            if move.state == "reverted" or move.to is None:
                raise DeployError(f"{key} was taken back; a new approval is needed to apply it again")
            if _mark(flag) == key:
                return f"{self._about(flag)} already, by {key}"
            if _rule(flag) != move.before:
                raise DeployError(
                    f"{self._about(flag)}, set by others meanwhile; look at what it should serve"
                )
            _set(flag, Rule(state="ENABLED", variant=move.to), key)
            self._write(document)
        return f"{self._about(flag)}, no longer {_said(move.before)}"

    def revert(self, key: str, option: Option) -> str:
        """Serve what was served before, unless others set the flag since; a later apply is refused."""
        with self._file.locked():
            document, noted = self._read(), self._noted()
            flag = self._flag(document)
            move = noted.of(key)
            if move is None:
                self._note(noted, Move(key=key, flag=self._declared.flag, state="reverted"))
                return f"{key} never set “{self._declared.flag}”"
            receipt = f"{self._about(flag)}, and not by {key}; left so"
            if _mark(flag) == key:
                ours = _rule(flag) == Rule(state="ENABLED", variant=move.to)
                _set(flag, move.before if ours and move.before else _rule(flag), None)
                self._write(document)
                receipt = f"{self._about(flag)}{' again' if ours else ', set by others since; left so'}"
            # Noted last: after a crash before this, the next try finds nothing left to restore and notes it.
            self._note(noted, move.model_copy(update={"state": "reverted"}))
        return receipt

    def serving(self) -> frozenset[str]:
        """The key in the served flag's metadata; if the server sends none, judged by the variant."""
        served = self.served()
        if served.metadata is not None:
            mark = served.metadata.get(MARK)
            return frozenset([mark] if isinstance(mark, str) else [])
        with self._file.locked():
            flag, noted = self._flag(self._read()), self._noted()
        rule, mark = _rule(flag), _mark(flag)
        if mark is not None:
            return frozenset([mark] if served.variant == rule.variant else [])
        last = next((one for one in noted.moves[::-1] if one.flag == self._declared.flag), None)
        late = last is not None and not rule.targeting and served.variant == last.to != rule.variant
        return frozenset([last.key] if last and late else [])

    def served(self) -> Served:
        """
        What the flag server serves now.

        Raises:
            DeployUncertain: it does not say.
        """
        declared = self._declared
        api = Api(declared.url, self._headers, seconds=declared.timeout.total_seconds())
        path = f"/ofrep/v1/evaluate/flags/{quote(declared.flag, safe='')}"
        asked = {"context": {"targetingKey": TARGETING_KEY, **declared.context}}
        reply = api.change("POST", path, asked, (200, 400, 401, 403, 404))
        found = reply.document if isinstance(reply.document, dict) else {}
        if reply.status != 200:
            raise DeployUncertain(self._refused(reply.status, found))
        metadata = found.get("metadata")
        return Served(found.get("variant"), metadata if isinstance(metadata, dict) else None)

    def wrong(self) -> Iterator[tuple[str, str, str]]:
        """What the declaration names and the definitions lack: (key, what is wrong, what would be right)."""
        with self._file.locked():
            flags = _flags(self._read(), self._declared.path)
        flag = flags.get(self._declared.flag)
        if not isinstance(flag, dict):
            says = f"{self._declared.path} has no flag “{self._declared.flag}”"
            yield "flag", says, nearest(self._declared.flag, flags)
            return
        variant, variants = self._declared.variant, _variants(flag)
        if variant is not None and variant not in variants:
            yield "variant", f"“{self._declared.flag}” has no variant “{variant}”", nearest(variant, variants)

    def _planned(self, flag: dict[str, Any], key: str, option: Option) -> Move:
        if (holder := _mark(flag)) is not None:
            raise DeployError(f"{self._about(flag)} by the hotfix {holder}; revert that one first")
        given = option.parameters
        to = given.get("variant") or self._declared.variant or given.get("version")
        if to is None:
            raise DeployError(
                f"{option.hotfix} does not say which variant; name one in `variant` of its deployer"
            )
        if str(to) not in _variants(flag):
            says = f"“{self._declared.flag}” has no variant {str(to)!r}; {nearest(str(to), _variants(flag))}"
            raise DeployError(says)
        if (before := _rule(flag)) == Rule(state="ENABLED", variant=str(to)):
            raise DeployError(f"{self._about(flag)} already, and by no hotfix; there is nothing to set")
        return Move(key=key, flag=self._declared.flag, before=before, to=str(to))

    def _flag(self, document: dict[str, Any]) -> dict[str, Any]:
        flags = _flags(document, self._declared.path)
        flag = flags.get(self._declared.flag)
        if not isinstance(flag, dict):
            says = f"{self._declared.path} has no flag {self._declared.flag!r}"
            raise DeployError(f"{says}; {nearest(self._declared.flag, flags)}")
        return flag

    def _read(self) -> dict[str, Any]:
        text = self._file.read()
        if text is None:
            raise DeployError(f"there is no file {self._declared.path}; nothing was changed")
        try:
            document = orjson.loads(text)
        except orjson.JSONDecodeError as error:
            raise DeployError(
                f"{self._declared.path} is not JSON ({sanitized(error)}); nothing was changed"
            ) from error
        if not isinstance(document, dict):
            raise DeployError(f"{self._declared.path} is no object of flags; nothing was changed")
        return document

    def _write(self, document: Mapping[str, Any]) -> None:
        self._file.write(orjson.dumps(document, option=orjson.OPT_INDENT_2) + b"\n")

    def _noted(self) -> Noted:
        text = self._notes.read()
        try:
            return Noted.model_validate_json(text) if text is not None else Noted()
        except ValidationError as error:
            says = f"{self._notes.path} is not what this program notes there; take it away"
            raise DeployError(says) from error

    def _note(self, noted: Noted, move: Move) -> None:
        self._notes.write(noted.with_move(move).model_dump_json(indent=2).encode())

    def _about(self, flag: Mapping[str, Any]) -> str:
        return f"“{self._declared.flag}” serves {_said(_rule(flag))}"

    def _refused(self, status: int, found: Mapping[str, Any]) -> str:
        code = " ".join(str(found.get(name, "")) for name in ("errorCode", "errorDetails")).strip()
        if status in (401, 403):
            variable = self._declared.authorization_env
            fix = f"correct what {variable} holds" if variable else "name what it asks for: authorization_env"
            return f"the flag server does not let us ask ({status}); {fix}"
        why = f"{status}: {code[:200] or 'it does not say why'}"
        return f"the flag server does not evaluate “{self._declared.flag}” ({why})"


def _flags(document: Mapping[str, Any], path: str) -> dict[str, Any]:
    flags = document.get("flags")
    if not isinstance(flags, dict):
        raise DeployError(f'{path}: expected an object under "flags"; nothing was changed')
    return flags


def _variants(flag: Mapping[str, Any]) -> dict[str, Any]:
    variants = flag.get("variants")
    return variants if isinstance(variants, dict) else {}


def _rule(flag: Mapping[str, Any]) -> Rule:
    """What decides the variant now; a missing targeting counts as an empty one."""
    return Rule(
        state=flag.get("state"),
        variant=flag.get("defaultVariant"),
        targeting=flag.get("targeting") or None,
    )


def _mark(flag: Mapping[str, Any]) -> str | None:
    metadata = flag.get("metadata")
    mark = metadata.get(MARK) if isinstance(metadata, dict) else None
    return mark if isinstance(mark, str) else None


def _set(flag: dict[str, Any], rule: Rule, mark: str | None) -> None:
    """Make this rule decide the flag, and record whose it is."""
    wanted = {"state": rule.state, "defaultVariant": rule.variant, "targeting": rule.targeting}
    metadata = {key: value for key, value in (flag.get("metadata") or {}).items() if key != MARK}
    wanted["metadata"] = {**metadata, MARK: mark} if mark is not None else metadata or None
    for name, value in wanted.items():
        if value is None:
            flag.pop(name, None)
        else:
            flag[name] = value


def _said(rule: Rule | None) -> str:
    if rule is None:
        return "nothing known"
    by_rule = " by its targeting" if rule.targeting else ""
    return f"“{rule.variant}”{by_rule}" + (" (disabled)" if rule.state == "DISABLED" else "")


def _opened(declared: FlagOptions, environment: Environment) -> FlagDeployer:
    headers = authorization_of(environment, declared.authorization_env, "the flag server")
    return FlagDeployer(declared, headers)


def _examine(declared: FlagOptions, environment: Environment) -> Iterator[Advice]:
    fix = "start the flag server, or correct url, flag or path"
    looked = _looked(declared, environment)
    yield from examined(f"deployers.{declared.name}", "authorization_env", looked, fix)


def _looked(declared: FlagOptions, environment: Environment) -> Iterator[Advice]:
    where, opened = f"deployers.{declared.name}", _opened(declared, environment)
    if not Path(declared.path).is_file():
        says = f"there is no file {declared.path}"
        yield Advice(level="error", where=f"{where}.path", says=says, fix="correct path, or start the server")
        return
    for key, says, fix in opened.wrong():
        yield Advice(level="error", where=f"{where}.{key}", says=says, fix=fix)
    opened.served()


KIND = Kind(
    "flag",
    FlagOptions,
    _opened,
    _examine,
    one_of("webhook", "model_rollback", "popularity_fallback"),
    needs="`path`: definitions in flagd's format (JSON), on a disk that the workers write to; `flag`, "
    "`variant`; `url` of the flag server (OFREP); `context`, `authorization_env`",
    confirms="the flag as the server evaluates it: its metadata name the hotfix, else its variant",
    reverts="variant, state and targeting are put back, unless others set them since",
)
