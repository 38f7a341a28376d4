"""Checks hotfixes, their deployers, and who may press them against what exists, for the doctor."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from domain.answer import Advice, Level
from domain.recommender.deployer import Deployer
from domain.recommender.hotfix import DeclaredHotfix
from domain.recommender.recommender import Recommender
from domain.recommender.route import NEEDS
from workers.declaration.hotfix_kinds import find
from workers.deployers.kind import DEPLOYERS

_CHANNEL = re.compile(r"^(#[a-z0-9][a-z0-9_-]{0,79}|[CGD][A-Z0-9]{8,})$")


def examine_hotfixes(recommender: Recommender) -> Iterator[Advice]:
    """What a hotfix needs from its deployer, the items and its replay, and does not find."""
    if recommender.checks and not recommender.hotfixes:
        says = "none is declared: an incident will have an empty menu"
        yield Advice(level="note", where="hotfixes", says=says, fix="add [hotfixes.NAME]")
    for hotfix in recommender.hotfixes.values():
        kind = find(hotfix.kind)
        yield from kind.examine(hotfix, kind.read(hotfix), recommender)
        yield from _sent(hotfix, recommender)
        yield from _compared(hotfix, recommender)
        if kind.way_of(hotfix) is None:
            says = "has no replay: its menu line will have no numbers"
            where = f"hotfixes.{hotfix.name}"
            yield Advice(level="note", where=where, says=says, fix="add replay = { kind = … }")


def _sent(hotfix: DeclaredHotfix, recommender: Recommender) -> Iterator[Advice]:
    """What its deployer cannot do: carry it at all, or serve it to only some of the members."""
    where, to = f"hotfixes.{hotfix.name}", hotfix.deployer
    sent_by = recommender.deployers[to].kind
    kind = DEPLOYERS.find(sent_by)
    if not kind.carries(hotfix.kind):
        says = f'is a {hotfix.kind}, which deployer "{to}", a {sent_by}, does not carry'
        yield Advice(level="error", where=f"{where}.deployer", says=says, fix="name another deployer")
    if hotfix.stages and not kind.in_stages:
        says = f'deployer "{to}", a {sent_by}, cannot serve some members only'
        able = " or ".join(one.name for one in DEPLOYERS.ours().values() if one.in_stages)
        fix = f"take stages away, or name a {able} deployer"
        yield Advice(level="error", where=f"{where}.stages", says=says, fix=fix)


def _compared(hotfix: DeclaredHotfix, recommender: Recommender) -> Iterator[Advice]:
    """What prevents comparing the choices of held-out members with those of the others."""
    if not hotfix.hold_out:
        return
    where, exposure = f"hotfixes.{hotfix.name}.hold_out", recommender.exposure
    if exposure is None:
        says = "nothing says what members choose: what it gains or loses cannot be compared"
        yield Advice(level="warning", where=where, says=says, fix="declare [exposure]")
    elif recommender.tables[exposure.shown].member is None:
        says = f'"{exposure.shown}" does not say whose row it is: members cannot be compared'
        fix = f'add member = "…" to [tables.{exposure.shown}]'
        yield Advice(level="warning", where=where, says=says, fix=fix)


SHARED_ACCOUNTS = frozenset({"root", "admin", "administrator", "ubuntu", "debian", "ec2-user", "centos"})
"""Operating system users that seldom belong to one person."""


def examine_people(recommender: Recommender, environment: Mapping[str, str]) -> Iterator[Advice]:
    """
    Invalid channels, accounts that hardly belong to one person, and buttons nobody may press: an error if
    Slack is connected.
    """
    channels = {f"stakeholders.{s.name}.channel": s.channel for s in recommender.stakeholders.values()}
    channels |= {f"routes.{k}": v for k, v in recommender.routes.model_dump().items() if v is not None}
    for where, channel in channels.items():
        if not _CHANNEL.match(channel):
            says = f'"{channel}" is not a channel'
            yield Advice(
                level="error", where=where, says=says, fix="write #lower-case-name or a channel's id"
            )
    for person in recommender.people.values():
        for account in sorted(SHARED_ACCOUNTS & set(person.terminal)):
            says = f"whoever works as {account} is taken for {person.name}, and may approve as they may"
            fix = "name an account that only they can use"
            yield Advice(level="warning", where=f"people.{person.name}.terminal", says=says, fix=fix)
    for key in NEEDS:
        if key != "break_glass" and not getattr(recommender.permissions, key):
            says = f"nobody may {key} in Slack"
            level: Level = "error" if environment.get("SLACK_BOT_TOKEN") else "warning"
            yield Advice(level=level, where=f"permissions.{key}", says=says, fix=f'add {key} = ["oncall"]')


def examine_deployer(deployer: Deployer, environment: Mapping[str, str]) -> Iterator[Advice]:
    """Whether what it names exists and answers; it is not asked to do anything."""
    yield from DEPLOYERS.find(deployer.kind).examine(deployer, environment)
