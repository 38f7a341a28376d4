"""
Which handler settles which kind of obligation: the one table, complete both ways, as a test checks.

Each science package is imported when its first obligation comes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from domain.incident import commands as c
from domain.recommender.recommender import Recommender
from workers.declaration.current import recommender
from workers.log.obligations import Handler, Work

Room = Callable[[Work, Recommender], Iterable[c.Command]]


def _diagnose() -> Room:
    from workers.respond.diagnose.diagnose import settle  # noqa: PLC0415

    return settle


def _menu() -> Room:
    from workers.respond.resolve.resolve import settle  # noqa: PLC0415

    return settle


def _draw() -> Room:
    from workers.respond.draw_again import settle  # noqa: PLC0415

    return settle


def _apply() -> Room:
    from workers.respond.resolve.deploy import apply  # noqa: PLC0415

    return apply


def _widen() -> Room:
    from workers.respond.resolve.widen import widen  # noqa: PLC0415

    return widen


def _revert() -> Room:
    from workers.respond.resolve.deploy import revert  # noqa: PLC0415

    return revert


def _expire() -> Room:
    from workers.respond.resolve.deploy import expire  # noqa: PLC0415

    return expire


def _watch() -> Room:
    from workers.respond.resolve.watch import watch  # noqa: PLC0415

    return watch


def _cost() -> Room:
    from workers.respond.resolve.cost import settle  # noqa: PLC0415

    return settle


def _worth() -> Room:
    from workers.respond.resolve.worth import settle  # noqa: PLC0415

    return settle


def _renew() -> Room:
    from workers.respond.resolve.renew import renew  # noqa: PLC0415

    return renew


def _remind() -> Room:
    from workers.respond.resolve.renew import remind  # noqa: PLC0415

    return remind


def _guard() -> Room:
    from workers.respond.resolve.watch import guard  # noqa: PLC0415

    return guard


def _follow_up() -> Room:
    from workers.respond.improve import settle  # noqa: PLC0415

    return settle


def _change() -> Room:
    from workers.respond.change import settle  # noqa: PLC0415

    return settle


def _assign() -> Room:
    from workers.respond.follow import assign  # noqa: PLC0415

    return assign


def _remind_of_follow_up() -> Room:
    from workers.respond.follow import remind  # noqa: PLC0415

    return remind


def _take_back() -> Room:
    from workers.respond.change import take_back  # noqa: PLC0415

    return take_back


def _ticket() -> Room:
    from workers.trackers.settle import open_ticket  # noqa: PLC0415

    return open_ticket


def _ticket_update() -> Room:
    from workers.trackers.settle import update_ticket  # noqa: PLC0415

    return update_ticket


def _with_declaration(room: Callable[[], Room]) -> Handler:
    return lambda work: room()(work, recommender())


HANDLERS: Mapping[str, Handler] = {
    "diagnose": _with_declaration(_diagnose),
    "menu": _with_declaration(_menu),
    "draw": _with_declaration(_draw),
    "apply": _with_declaration(_apply),
    "watch": _with_declaration(_watch),
    "cost": _with_declaration(_cost),
    "worth": _with_declaration(_worth),
    "renew": _with_declaration(_renew),
    "remind_of_expiry": _with_declaration(_remind),
    "guard": _with_declaration(_guard),
    "widen": _with_declaration(_widen),
    "revert": _with_declaration(_revert),
    "expire": _with_declaration(_expire),
    "follow_up": _with_declaration(_follow_up),
    "change": _with_declaration(_change),
    "assign": _with_declaration(_assign),
    "remind_of_follow_up": _with_declaration(_remind_of_follow_up),
    "take_back": _with_declaration(_take_back),
    "ticket": _with_declaration(_ticket),
    "ticket_update": _with_declaration(_ticket_update),
}
