"""The alias of a model in a real MLflow registry, moved back, forward, and by others meanwhile."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest

from domain.errors import ConfigurationError, DeployError, DeployUncertain
from tests.proxy import Proxy
from tests.workers.conftest import make_option
from tests.workers.deployers.mlflow_server import Registry
from workers.deployers.confirming import open_deployer
from workers.deployers.deployer import Deployer
from workers.deployers.mlflow import KIND, MlflowOptions
from workers.environment import clock

OPTION = make_option(deployer="models", parameters={"kind": "webhook"})


@pytest.fixture
def model(registry: Registry) -> str:
    """A model of this test's own with three versions, the third one the champion."""
    name = f"ranker {uuid.uuid4().hex[:8]}"
    registry.register(name, 3)
    return name


def declared(registry: Registry, model: str, /, **keys: Any) -> MlflowOptions:
    given = {"name": "models", "kind": "mlflow", "url": registry.url, "model": model, "alias": "champion"}
    return MlflowOptions.model_validate({**given, "timeout": timedelta(seconds=60), **keys})


def deployer(registry: Registry, model: str, /, **keys: Any) -> Deployer:
    return open_deployer(declared(registry, model, **keys), {})


def apply(one: Deployer, key: str = "event:1", **parameters: object) -> str:
    option = OPTION.model_copy(update={"parameters": {**OPTION.parameters, **parameters}})
    return one.apply(key, option, clock.now() + timedelta(days=1))


def test_the_alias_goes_back_a_version_and_forward_again(registry: Registry, model: str) -> None:
    one = deployer(registry, model)
    assert apply(one) == f"“champion” of {model} is version 2, no longer 3"
    assert (registry.alias(model), one.serving()) == ("2", frozenset({"event:1"}))
    assert "already, by event:1" in apply(one)
    assert one.revert("event:1", OPTION) == f"“champion” of {model} is version 3 again"
    assert (registry.alias(model), one.serving()) == ("3", frozenset())
    assert "left so" in one.revert("event:1", OPTION)
    with pytest.raises(DeployError, match="was taken back"):
        apply(one)
    assert registry.alias(model) == "3"


def test_tags_of_others_are_theirs_and_one_of_ours_that_cannot_be_read_is_refused(
    registry: Registry, model: str
) -> None:
    one = deployer(registry, model)
    registry.tag(model, "owner", "a team")
    apply(one)
    registry.tag(model, "recsysops.by_hand", "3")
    with pytest.raises(DeployError, match=r"has a tag recsysops\.… that is not ours; remove it"):
        one.revert("event:1", OPTION)
    assert registry.alias(model) == "2"


def test_it_goes_where_the_hotfix_or_another_alias_says(registry: Registry, model: str) -> None:
    apply(deployer(registry, model), version="1")
    assert registry.alias(model) == "1"
    deployer(registry, model).revert("event:1", OPTION)
    registry.move(model, "last-good", "1")
    apply(deployer(registry, model, back_to="last-good"), key="event:2")
    assert registry.alias(model) == "1"


def test_what_others_moved_since_is_left_where_it_is(registry: Registry, model: str) -> None:
    one = deployer(registry, model)
    apply(one)
    registry.move(model, "champion", "1")
    assert one.serving() == frozenset()
    assert "is version 1, and not by event:1; left so" in one.revert("event:1", OPTION)
    assert registry.alias(model) == "1"


def test_a_revert_that_overtook_its_apply_refuses_it_and_a_revert_twice_is_once(
    registry: Registry, model: str
) -> None:
    one = deployer(registry, model)
    assert "never moved" in one.revert("event:1", OPTION)
    with pytest.raises(DeployError, match="was taken back") as caught:
        apply(one)
    assert not isinstance(caught.value, DeployUncertain)
    apply(one, key="event:2")
    one.revert("event:2", OPTION)
    registry.move(model, "champion", "2")  # by hand, to where the hotfix had it
    one.revert("event:2", OPTION)
    assert (registry.alias(model), one.serving()) == ("2", frozenset())


def test_two_hotfixes_at_once_on_one_alias_and_the_second_is_told_so(registry: Registry, model: str) -> None:
    apply(deployer(registry, model))
    with pytest.raises(DeployError, match="by the hotfix event:1; revert that one first"):
        apply(deployer(registry, model), key="event:2")
    assert registry.alias(model) == "2"


@pytest.mark.parametrize(
    ("keys", "parameters", "says"),
    [
        ({"alias": "champoin"}, {}, 'did you mean "champion"'),
        ({"back_to": "last"}, {}, "has no alias 'last'"),
        ({}, {"version": "9"}, "version"),
        ({}, {"version": "3"}, "there is nothing to move"),
        ({"model": "nobodys"}, {}, "404"),
    ],
)
def test_what_cannot_be_moved_is_refused_in_words(
    registry: Registry, model: str, keys: dict[str, Any], parameters: dict[str, Any], says: str
) -> None:
    with pytest.raises(DeployError) as caught:
        apply(deployer(registry, model, **keys), **parameters)
    assert says in str(caught.value)
    assert registry.alias(model) == "3"


def test_a_model_with_one_version_has_none_before(registry: Registry) -> None:
    name = f"ranker {uuid.uuid4().hex[:8]}"
    registry.register(name, 1)
    with pytest.raises(DeployError, match="no ready version before 1"):
        apply(deployer(registry, name))


def test_an_alias_that_others_moved_before_it_was_moved_for_the_hotfix_is_left_where_it_is(
    registry: Registry, model: str
) -> None:
    with Proxy("127.0.0.1", int(registry.url.rpartition(":")[2])) as way:
        way.lose(b"POST /api/2.0/mlflow/registered-models/set-tag", answer=True)
        with pytest.raises(DeployUncertain):
            apply(deployer(registry, model, url=f"http://127.0.0.1:{way.port}"))
    registry.move(model, "champion", "1")
    with pytest.raises(DeployError, match="is version 1 by others meanwhile"):
        apply(deployer(registry, model))
    assert registry.alias(model) == "1"


@pytest.mark.parametrize("answer", [True, False], ids=["done and not answered", "never arrived"])
@pytest.mark.parametrize("request_path", ["set-tag", "registered-models/alias"])
def test_a_lost_answer_is_uncertain_and_asking_again_moves_it_once(
    registry: Registry, model: str, request_path: str, answer: bool
) -> None:
    with Proxy("127.0.0.1", int(registry.url.rpartition(":")[2])) as way:
        over = deployer(registry, model, url=f"http://127.0.0.1:{way.port}")
        way.lose(
            f"POST /api/2.0/mlflow/registered-models/{request_path.rpartition('/')[2]}".encode(),
            answer=answer,
        )
        with pytest.raises(DeployUncertain):
            apply(over)
        way.open()
        apply(over)
        assert (registry.alias(model), over.serving()) == ("2", frozenset({"event:1"}))
        over.revert("event:1", OPTION)
        assert registry.alias(model) == "3"
        way.cut()
        with pytest.raises(DeployError, match="is it running") as caught:
            apply(over, key="event:2")
        assert not isinstance(caught.value, DeployUncertain)


def test_only_https_or_this_machine_is_asked_and_the_variable_has_to_be_set(registry: Registry) -> None:
    with pytest.raises(ValueError, match="it needs https"):
        declared(registry, "m", url="http://mlflow.example")
    one = declared(registry, "m", authorization_env="MLFLOW_AUTHORIZATION")
    with pytest.raises(ConfigurationError, match="MLFLOW_AUTHORIZATION is not set"):
        open_deployer(one, {})


def test_the_doctor_looks_whether_model_and_alias_are_there(registry: Registry, model: str) -> None:
    def examined(**keys: Any) -> list[tuple[str, str]]:
        one = declared(registry, model, **keys)
        return [(line.level, line.where) for line in KIND.examine(one, {})]

    assert examined() == []
    assert examined(alias="champoin", back_to="last") == [
        ("error", "deployers.models.alias"),
        ("error", "deployers.models.back_to"),
    ]
    assert examined(model="nobodys") == [("warning", "deployers.models")]
    assert examined(authorization_env="TOKEN") == [("error", "deployers.models.authorization_env")]
