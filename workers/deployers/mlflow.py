"""Moves an alias in an MLflow registry, to change which version of a model serves, and moves it back."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from urllib.parse import quote, urlencode

from pydantic import Field, ValidationError

from domain.answer import Advice
from domain.errors import DeployError
from domain.recommender.deployer import Deployer
from domain.recommender.keys.nearest import nearest
from domain.values import Option, Value
from workers.deployers.api import Api
from workers.deployers.kind import Environment, Kind, one_of
from workers.environment.service import SafeAddress, authorization_of, examined

PATH = "/api/2.0/mlflow"
TAG = "recsysops."
MOST_VERSIONS = 1_000


class MlflowOptions(Deployer):
    """
    Serving follows `alias` of the registered model `model`. A hotfix moves it to the version that the alias
    `back_to` points to, or by default to the newest ready version before. `authorization_env` names the
    variable that holds the `Authorization` header (`Bearer …`, `Basic …`).
    """

    kind: Literal["mlflow"]
    url: SafeAddress
    """Address of the MLflow server."""
    model: str = Field(min_length=1, pattern=r"^[^'\"\\]+$")
    """Registered model."""
    alias: str = Field(min_length=1)
    """Alias that serving follows."""
    back_to: str | None = None
    """Alias whose version a hotfix goes to; by default the newest ready version before."""
    authorization_env: str | None = None
    """Variable with what is sent as `Authorization` (`Bearer …`, `Basic …`)."""


class Move(Value):
    """
    What a hotfix does to an alias, stored as a tag of the model before it is done, so that both versions are
    known even after a crash. Versions are null if it was reverted before it was ever applied.
    """

    key: str
    alias: str
    before: str | None = None
    to: str | None = None
    state: Literal["applied", "reverted"] = "applied"


@dataclass(frozen=True)
class Registered:
    """A model as the registry shows it: versions by alias, and moves by hotfix key."""

    aliases: Mapping[str, str]
    moves: Mapping[str, Move]

    def in_force(self, move: Move) -> bool:
        """Whether the alias is where the move put it."""
        return move.state == "applied" and self.aliases.get(move.alias) == move.to


class MlflowDeployer:
    """
    Moves the alias through the registry's REST API: the client library takes its deadlines from process-wide
    variables, and retries on its own.

    The registry has no compare-and-set: if others move the alias between check and move, their move is
    overwritten. An alias that was moved since the hotfix is left where it is.
    """

    def __init__(self, declared: MlflowOptions, headers: Mapping[str, str]) -> None:
        self._declared, self._headers = declared, headers

    def apply(self, key: str, option: Option, expires_at: datetime | None) -> str:
        """Move the alias to the previous version, or to the one that the hotfix's `version` names."""
        api = self._api()
        model = self._registered(api)
        move = model.moves.get(key)
        if move is None:
            move = self._planned(api, model, key, option)
            self._note(api, move)
        if move.state == "reverted" or move.to is None:
            raise DeployError(f"{key} was taken back; a new approval is needed to apply it again")
        if model.in_force(move):
            return f"{self._about(move.to)} already, by {key}"
        if model.aliases.get(move.alias) != move.before:
            now = model.aliases.get(move.alias, "none")
            raise api.failed(f"{self._about(now)} by others meanwhile; look at what should serve")
        self._move(api, move.alias, move.to)
        return f"{self._about(move.to)}, no longer {move.before}"

    def revert(self, key: str, option: Option) -> str:
        """Move it back, unless others moved it since; a later apply is refused."""
        api = self._api()
        model = self._registered(api)
        move = model.moves.get(key)
        if move is None:
            self._note(api, Move(key=key, alias=self._declared.alias, state="reverted"))
            return f"{key} never moved “{self._declared.alias}” of {self._declared.model}"
        if model.in_force(move) and move.before is not None:
            self._move(api, move.alias, move.before)
            receipt = f"{self._about(move.before)} again"
        else:
            receipt = f"{self._about(model.aliases.get(move.alias, 'none'))}, and not by {key}; left so"
        # Noted last: after a crash before this, the alias is moved back again, which changes nothing.
        if move.state != "reverted":
            self._note(api, move.model_copy(update={"state": "reverted"}))
        return receipt

    def serving(self) -> frozenset[str]:
        """The keys of the hotfixes whose move put the alias where it is."""
        model = self._registered(self._api())
        return frozenset(key for key, move in model.moves.items() if model.in_force(move))

    def aliases(self) -> Mapping[str, str]:
        """The model's versions by alias."""
        return self._registered(self._api()).aliases

    def _planned(self, api: Api, model: Registered, key: str, option: Option) -> Move:
        alias = self._declared.alias
        now = model.aliases.get(alias)
        if now is None:
            says = f"{self._declared.model} has no alias {alias!r}; {nearest(alias, model.aliases)}"
            raise DeployError(says)
        holder = next((other.key for other in model.moves.values() if model.in_force(other)), None)
        if holder is not None:
            raise DeployError(f"{self._about(now)} by the hotfix {holder}; revert that one first")
        named = option.parameters.get("version")
        to = self._former(api, model, now) if named is None else self._existing(api, str(named))
        if to == now:
            raise DeployError(f"{self._about(now)} already, and by no hotfix; there is nothing to move")
        return Move(key=key, alias=alias, before=now, to=to)

    def _existing(self, api: Api, version: str) -> str:
        asked = urlencode({"name": self._declared.model, "version": version})
        api.get(f"{PATH}/model-versions/get?{asked}")
        return version

    def _former(self, api: Api, model: Registered, now: str) -> str:
        back_to = self._declared.back_to
        if back_to is not None:
            if back_to not in model.aliases:
                says = f"{self._declared.model} has no alias {back_to!r}; {nearest(back_to, model.aliases)}"
                raise DeployError(says)
            return model.aliases[back_to]
        asked = {"filter": f"name='{self._declared.model}'", "max_results": MOST_VERSIONS}
        found = api.get(f"{PATH}/model-versions/search?{urlencode(asked)}").document
        ready = [one["version"] for one in found.get("model_versions", ()) if one.get("status") == "READY"]
        earlier = [version for version in ready if int(version) < int(now)]
        if not earlier:
            raise DeployError(
                f"{self._declared.model} has no ready version before {now}; name one in `version`"
            )
        return str(max(earlier, key=int))

    def _registered(self, api: Api) -> Registered:
        path = f"{PATH}/registered-models/get?name={quote(self._declared.model, safe='')}"
        held = api.get(path).document["registered_model"]
        texts = [tag["value"] for tag in held.get("tags", ()) if tag["key"].startswith(TAG)]
        try:
            moves = [Move.model_validate_json(text) for text in texts]
        except ValidationError as error:
            says = f"{self._declared.model} has a tag {TAG}… that is not ours; remove it"
            raise DeployError(says) from error
        aliases = {one["alias"]: str(one["version"]) for one in held.get("aliases", ())}
        return Registered(aliases, {move.key: move for move in moves})

    def _note(self, api: Api, move: Move) -> None:
        # A key may be longer than a tag's name, and hold characters that it may not.
        name = TAG + hashlib.sha256(move.key.encode()).hexdigest()[:32]
        tag = {"name": self._declared.model, "key": name, "value": move.model_dump_json()}
        api.change("POST", f"{PATH}/registered-models/set-tag", tag)

    def _move(self, api: Api, alias: str, version: str) -> None:
        where = {"name": self._declared.model, "alias": alias, "version": version}
        api.change("POST", f"{PATH}/registered-models/alias", where)

    def _about(self, version: str) -> str:
        return f"“{self._declared.alias}” of {self._declared.model} is version {version}"

    def _api(self) -> Api:
        seconds = self._declared.timeout.total_seconds()
        return Api(self._declared.url, self._headers, seconds=seconds)


def _opened(declared: MlflowOptions, environment: Environment) -> MlflowDeployer:
    return MlflowDeployer(declared, authorization_of(environment, declared.authorization_env, "MLflow"))


def _examine(declared: MlflowOptions, environment: Environment) -> Iterator[Advice]:
    fix = "start it, or correct url, model or the variable"
    looked = _looked(declared, environment)
    yield from examined(f"deployers.{declared.name}", "authorization_env", looked, fix)


def _looked(declared: MlflowOptions, environment: Environment) -> Iterator[Advice]:
    aliases = _opened(declared, environment).aliases()
    for key, alias in (("alias", declared.alias), ("back_to", declared.back_to)):
        if alias is not None and alias not in aliases:
            where, says = f"deployers.{declared.name}.{key}", f"{declared.model} has no alias “{alias}”"
            yield Advice(level="error", where=where, says=says, fix=nearest(alias, aliases))


KIND = Kind(
    "mlflow",
    MlflowOptions,
    _opened,
    _examine,
    one_of("webhook", "model_rollback"),
    needs="`url`, `model` and the `alias` that serving follows; `back_to` (an alias) or the version before; "
    "`authorization_env`",
    confirms="the registry's alias, read back",
    reverts="the alias is moved forward again, unless others moved it since",
)
