"""
Which handler settles which kind of obligation: the one table, complete both ways, as a test checks.

Each science package is imported when its first obligation comes.
"""

from __future__ import annotations

from collections.abc import Mapping
from pkgutil import resolve_name

from workers.declaration.current import recommender
from workers.log.obligations import Handler

RESOLVE = "workers.respond.resolve"
FUNCTIONS: Mapping[str, str] = {
    "diagnose": "workers.respond.diagnose.diagnose:settle",
    "menu": f"{RESOLVE}.resolve:settle",
    "draw": "workers.respond.draw_again:settle",
    "apply": f"{RESOLVE}.deploy:apply",
    "watch": f"{RESOLVE}.watch:watch",
    "cost": f"{RESOLVE}.cost:settle",
    "worth": f"{RESOLVE}.worth:settle",
    "renew": f"{RESOLVE}.renew:renew",
    "remind_of_expiry": f"{RESOLVE}.renew:remind",
    "guard": f"{RESOLVE}.watch:guard",
    "widen": f"{RESOLVE}.widen:widen",
    "revert": f"{RESOLVE}.deploy:revert",
    "expire": f"{RESOLVE}.deploy:expire",
    "follow_up": "workers.respond.improve:settle",
    "change": "workers.respond.change:settle",
    "assign": "workers.respond.follow:assign",
    "remind_of_follow_up": "workers.respond.follow:remind",
    "take_back": "workers.respond.change:take_back",
    "ticket": "workers.trackers.settle:open_ticket",
    "ticket_update": "workers.trackers.settle:update_ticket",
}
"""Kind of obligation → the function that settles one, given the work and the declaration."""


def _handler(function: str) -> Handler:
    return lambda work: resolve_name(function)(work, recommender())


HANDLERS: Mapping[str, Handler] = {kind: _handler(function) for kind, function in FUNCTIONS.items()}
