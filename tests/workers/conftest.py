"""Findings, actors and short ways to say things, for the tests of the workers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from domain.incident.commands import Command, OpenIncident
from domain.incident.state import Incident
from domain.recommender.hotfix import DeclaredHotfix
from domain.values import Actor, Estimate, Finding, Option, Severity, slice_of
from workers.log.handle import Answer, handle
from workers.store import cards

NOON = datetime(2026, 3, 3, 12, 0, tzinfo=UTC)


@pytest.fixture
def noon() -> datetime:
    """When the tests' first window ends."""
    return NOON


@pytest.fixture
def detector() -> Actor:
    """The worker that finds."""
    return Actor(kind="worker", id="worker:detect")


@pytest.fixture
def on_call() -> Actor:
    """The person who presses."""
    return Actor(kind="person", id="terminal:on-call", groups=("oncall",))


@pytest.fixture
def read_cards(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every card that is read and checked, from here on."""
    read: list[str] = []
    before = cards.read

    def counted(stream: str, incident: str | None, *proof: Any) -> Incident | None:
        read.append(str(incident))
        return before(stream, incident, *proof)

    monkeypatch.setattr(cards, "read", counted)
    return read


def make_finding(genre: str = "Drama", minutes: int = 0, observed: float = 29.0) -> Finding:
    """A slice that is shown less than expected, in the minute that ends `minutes` after noon."""
    end = NOON + timedelta(minutes=minutes)
    return Finding(
        check="impressions_by_slice",
        table="impressions",
        slice=slice_of(genre=genre),
        window_start=end - timedelta(minutes=1),
        window_end=end,
        observed=observed,
        expected=100.0,
        low=80.0,
        high=120.0,
        p_value=1e-6,
        severity=Severity.SEV2,
        title=f"{genre} films are shown 71 % less",
    )


def make_option(**changes: Any) -> Option:
    """A hotfix that fills a language in through the overrides' file; `changes` are other fields."""
    share = Estimate(value=0.9, low=0.8, high=1.0, unit="share", basis="replay")
    option = Option(
        key="fill",
        hotfix="fill_language",
        label="Fill language in",
        does="fills it in",
        repairs=share,
        costs=share,
        deploy_seconds=1.0,
        undo="1 click",
        expires_after=timedelta(days=1),
        watch=timedelta(minutes=5),
        blast_share=0.1,
        deployer="overrides",
        parameters={"kind": "fill_feature", "items": ["7"], "feature": "language", "value": "Danish"},
    )
    return option.model_copy(update=changes)


def declared_fill(**changes: Any) -> DeclaredHotfix:
    """The hotfix that `make_option` is of, as a team declares it; `changes` are other keys."""
    fill: dict[str, Any] = {
        "name": "fill_language",
        "kind": "fill_feature",
        "label": "Fill language in",
        "does": "fills it in",
        "causes": ("feature",),
        "deployer": "overrides",
        "expires": timedelta(days=1),
        "watch": timedelta(minutes=5),
    }
    return DeclaredHotfix.model_validate({**fill, **changes})


@pytest.fixture
def finding() -> Callable[..., Finding]:
    """Makes findings: `finding("Drama", minutes=3)`."""
    return make_finding


@pytest.fixture
def opened(log: Engine, detector: Actor) -> Callable[..., Answer]:
    """Opens an incident: `opened("Drama", key="a", minutes=3)`."""

    def ask(genre: str = "Drama", key: str = "open", **more: int) -> Answer:
        command = OpenIncident(number=0, finding=make_finding(genre, **more))
        return handle(None, command, actor=detector, key=key, at=NOON, log=log)

    return ask


@pytest.fixture
def pressed(log: Engine, on_call: Actor) -> Callable[[str, Command, str], Answer]:
    """A person asks: `pressed(stream, AddNote(text="…"), "key")`."""

    def ask(stream: str, command: Command, key: str) -> Answer:
        return handle(stream, command, actor=on_call, key=key, log=log)

    return ask
