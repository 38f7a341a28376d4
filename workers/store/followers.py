"""
How far each follower has come, and what it could not handle.

A position only moves from where its holder read it: if a follower was meanwhile told to start elsewhere,
an effect still under way does not override that.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta
from itertools import takewhile
from typing import Any, NamedTuple

import structlog
from sqlalchemy import ColumnElement, Connection, and_, delete, select, update
from sqlalchemy.dialects.postgresql import insert

from domain.errors import LogError, Refused
from domain.incident.events import Recorded
from domain.values import Moment, Value
from workers.environment import clock
from workers.store.log.events import last_position, rows_after
from workers.store.log.recorded import decided, recorded_from
from workers.store.seal import fits, seal
from workers.store.tables import EventRow, FollowerRow, LogRow, SetAsideRow

MOST_TRIES = 5
TROUBLE_CHARACTERS = 500

_log = structlog.get_logger(__name__)
_FOLLOWERS = FollowerRow.__table__  # type: ignore[attr-defined]
_ASIDE = SetAsideRow.__table__  # type: ignore[attr-defined]
_LOG = LogRow.__table__  # type: ignore[attr-defined]
_EVENTS = EventRow.__table__  # type: ignore[attr-defined]


class Aside(Value):
    """An event that a follower could not handle, and the incident that was declared because of it."""

    position: int
    trouble: str
    at: Moment
    incident: str
    again: bool


class Standing(NamedTuple):
    """What is sealed of a follower: nobody else can move it, pause it, or count its failures."""

    position: int
    paused: bool = False
    failures: int = 0


class Following(Value):
    """
    How a follower is doing. `behind`: events it has not seen; `lag`: how long the oldest of them has waited;
    `trouble`: why it is stuck, with the number of `failures` at this event so far.
    """

    name: str
    position: int
    behind: int
    lag: timedelta
    paused: bool
    failures: int
    trouble: str | None
    moved_at: Moment
    aside: tuple[Aside, ...] = ()


def hold(connection: Connection, name: str) -> int | None:
    """
    The follower's position, or None if it is paused.

    A second process of the same follower waits here until the first one's transaction has ended.
    """
    register(connection, name)
    stands = _standing(connection, name)
    return None if stands.paused else stands.position


def _standing(connection: Connection, name: str) -> Standing:
    """How this program left a follower; if anybody else changed that, it is put right."""
    row = connection.execute(select(_FOLLOWERS).where(_FOLLOWERS.c.name == name).with_for_update()).one()
    written = Standing(row.position, row.paused, row.failures)
    stands = _believed(name, written, row.seal)
    if stands is None:
        stands = Standing(0)
        said = f"somebody moved it to {row.position} by hand; it starts over from the beginning of the log"
        _log.error("follower_moved_by_hand", follower=name, position=row.position)
        _change(connection, name, {**_at(name, stands), "trouble": said})
    elif stands != written:
        _change(connection, name, _at(name, stands))
    return stands


def moved_by_hand(connection: Connection) -> list[tuple[str, int]]:
    """The followers that somebody other than this program moved, and where they are."""
    return [
        (row.name, row.position)
        for row in connection.execute(select(_FOLLOWERS).order_by(_FOLLOWERS.c.name)).all()
        if _believed(row.name, Standing(row.position, row.paused, row.failures), row.seal) is None
    ]


def words(name: str, position: int) -> str:
    """The message about a follower that was moved by hand."""
    return f"The follower “{name}” was moved to {position} by hand; it will go over the log again."


def _believed(name: str, written: Standing, by_seal: bytes | None) -> Standing | None:
    """What of a row this program wrote; None if not even the position."""
    if by_seal is None:
        return None
    moved = Standing(written.position)
    return next((one for one in (written, moved) if fits(_sealed(name, one), by_seal)), None)


def _at(name: str, stands: Standing) -> dict[str, object]:
    """The columns that say where a follower is, and whether it goes on from there."""
    return {**stands._asdict(), "seal": seal(_sealed(name, stands))}


def _sealed(name: str, stands: Standing) -> bytes:
    waits = f"\n{stands.paused}\n{stands.failures}" if stands.paused or stands.failures else ""
    return f"follower\n{name}\n{stands.position}{waits}".encode()


def register(connection: Connection, name: str) -> None:
    """Register a follower, at the beginning of the log if it is new."""
    connection.execute(
        insert(_FOLLOWERS).values(name=name, **_at(name, Standing(0))).on_conflict_do_nothing()
    )


def unseen(connection: Connection, name: str, limit: int) -> tuple[Recorded, ...]:
    """
    What to do next: set-aside events that somebody wants retried, then those after the position.

    Raises:
        LogError: this release cannot read the very next event; any before such a one are returned first.
    """
    position = hold(connection, name)
    if position is None:
        return ()
    again = select(_ASIDE.c.position).where(_ASIDE.c.follower == name, _ASIDE.c.again)
    wanted = connection.execute(again.order_by(_ASIDE.c.position).limit(limit)).scalars().all()
    rows = [row for one in wanted for row in rows_after(connection, one - 1, 1)]
    rows = [row for row in rows if decided(row)]
    left = limit - len(rows)
    rows += _next(connection, name, position, left)
    return tuple(_readable(rows))


def _next(connection: Connection, name: str, position: int, limit: int) -> list[dict[str, Any]]:
    """
    The events right after a position, up to the first that was archived or that no rule decided.

    If such events come first, the follower is moved past them.
    """
    while True:
        rows = enumerate(rows_after(connection, position, limit), start=position + 1)
        there = [row for _, row in takewhile(lambda one: one[1]["position"] == one[0], rows)]
        if found := list(takewhile(decided, there)):
            return found
        reached = _pass_over(connection, name, there[0]) if there else _skip(connection, name, position)
        if reached == position:
            return []
        position = reached


def _pass_over(connection: Connection, name: str, row: dict[str, Any]) -> int:
    """Move a follower past an event that no rule decided: nothing is done for it."""
    place = {"position": row["position"], "stream": row["stream"], "wire_name": row["wire_name"]}
    _log.error("event_not_sealed", follower=name, **place)
    _change(connection, name, {**_at(name, Standing(row["position"])), "moved_at": clock.now()})
    return int(row["position"])


def _skip(connection: Connection, name: str, position: int) -> int:
    """Move a follower past archived events: nothing is left to be done for them."""
    of_log = "SELECT FROM archived WHERE archived.position = log.position"
    last = f"""SELECT coalesce(
        (SELECT position - 1 FROM log WHERE position > %(position)s AND NOT EXISTS ({of_log})
            ORDER BY position LIMIT 1),
        (SELECT max(position) FROM archived))
        FROM archived WHERE position = %(position)s + 1"""  # noqa: S608 - a constant
    found = connection.exec_driver_sql(last, {"position": position}).scalar_one_or_none()
    if found is None:
        return position
    _change(connection, name, {**_at(name, Standing(int(found))), "moved_at": clock.now()})
    return int(found)


def _readable(rows: Iterable[dict[str, Any]]) -> Iterator[Recorded]:
    for n, row in enumerate(rows):
        try:
            yield recorded_from(row)
        except LogError:
            if n == 0:
                raise
            return


def done(connection: Connection, name: str, position: int) -> None:
    """
    Record that the event at `position` is done.

    A workspace's positions have no gaps except for archived events (see `_skip`), so a follower moves by one.
    Nothing moves if it was meanwhile told to start elsewhere.
    """
    row = _FOLLOWERS.c
    this = and_(row.name == name, row.position == position - 1)
    moved = {"trouble": None, "moved_at": clock.now()}
    going = update(_FOLLOWERS).where(this, ~row.paused).values({**_at(name, Standing(position)), **moved})
    if connection.execute(going).rowcount:
        return
    stands = _standing(connection, name)
    if stands.position == position - 1:
        _change(connection, name, {**_at(name, Standing(position, stands.paused)), **moved})
    else:
        connection.execute(delete(_ASIDE).where(_aside(name, position), _ASIDE.c.again))


def failed(connection: Connection, name: str, position: int, trouble: str) -> int:
    """
    Count a failure at `position`, and return how many there were in a row.

    A retried event that fails again stays where it is, with its new trouble.
    """
    said = trouble[:TROUBLE_CHARACTERS]
    again = {"again": False, "trouble": said}
    if connection.execute(
        update(_ASIDE).where(_aside(name, position), _ASIDE.c.again).values(again)
    ).rowcount:
        return 0
    register(connection, name)
    stands = _standing(connection, name)
    if stands.position != position - 1:
        return 0
    counted = stands._replace(failures=stands.failures + 1)
    _change(connection, name, {**_at(name, counted), "trouble": said})
    return counted.failures


def place(connection: Connection, name: str, position: int) -> None:
    """Set a follower to start after this position, whether it is known or not."""
    register(connection, name)
    _change(connection, name, _at(name, Standing(position)))


def stuck(connection: Connection, name: str, trouble: str) -> None:
    """Record why a follower is stuck, if the event is not to blame."""
    register(connection, name)
    said = update(_FOLLOWERS).where(_FOLLOWERS.c.name == name)
    connection.execute(said.values(trouble=trouble[:TROUBLE_CHARACTERS]))


def set_aside(connection: Connection, name: str, position: int, trouble: str, incident: str) -> None:
    """Continue after the event at `position`, and remember that it is not done."""
    row = {"follower": name, "position": position, "trouble": trouble[:TROUBLE_CHARACTERS]}
    row |= {"set_aside_at": clock.now(), "incident": incident}
    connection.execute(insert(_ASIDE).values(row).on_conflict_do_nothing())
    done(connection, name, position)


def stream_of_trouble(connection: Connection, name: str) -> str | None:
    """The incident about this follower's set-aside events; None if there are none."""
    query = select(_ASIDE.c.incident).where(_ASIDE.c.follower == name)
    return connection.execute(query.order_by(_ASIDE.c.position.desc()).limit(1)).scalar_one_or_none()


def every(connection: Connection) -> list[Following]:
    """How each follower is doing, sorted by name."""
    end = last_position(connection)
    rows = connection.execute(select(_FOLLOWERS).order_by(_FOLLOWERS.c.name)).mappings().all()
    return [
        Following(
            name=row["name"],
            position=row["position"],
            behind=end - row["position"],
            lag=_waited(connection, row["position"]),
            paused=row["paused"],
            failures=row["failures"],
            trouble=row["trouble"],
            moved_at=row["moved_at"],
            aside=_all_aside(connection, row["name"]),
        )
        for row in rows
    ]


def pause(connection: Connection, name: str, paused: bool) -> None:
    """
    Pause a follower, or let it continue, within a second or so.

    Raises:
        Refused: there is no such follower.
    """
    _require(connection, name)
    _change(connection, name, _at(name, _standing(connection, name)._replace(paused=paused)))


def replay_from(connection: Connection, name: str, position: int) -> None:
    """
    Have a follower redo every event after `position`. Nothing takes effect twice: posts, deployments and jobs
    are known by their events.

    Raises:
        Refused: there is no such follower, or the log does not reach that far.
    """
    end = last_position(connection)
    if not 0 <= position <= end:
        raise Refused(f"The log goes from 0 to {end}; {position} is not in it.")
    _require(connection, name)
    begun = Standing(position, _standing(connection, name).paused)
    _change(connection, name, {**_at(name, begun), "trouble": None})


def try_again(connection: Connection, name: str) -> int:
    """
    Have a follower retry the events that it set aside; returns how many there are.

    Raises:
        Refused: there is no such follower.
    """
    _require(connection, name)
    _change(connection, name, _at(name, _standing(connection, name)._replace(failures=0)))
    asked = update(_ASIDE).where(_ASIDE.c.follower == name).values(again=True)
    return connection.execute(asked).rowcount


def _require(connection: Connection, name: str) -> None:
    names = connection.execute(select(_FOLLOWERS.c.name).order_by("name")).scalars().all()
    if name not in names:
        raise Refused(f"There is no follower “{name}”; there are: {', '.join(names) or 'none yet'}.")


def _change(connection: Connection, name: str, values: dict[str, object]) -> None:
    connection.execute(update(_FOLLOWERS).where(_FOLLOWERS.c.name == name).values(values))


def _aside(name: str, position: int) -> ColumnElement[bool]:
    return and_(_ASIDE.c.follower == name, _ASIDE.c.position == position)


def _all_aside(connection: Connection, name: str) -> tuple[Aside, ...]:
    rows = connection.execute(select(_ASIDE).where(_ASIDE.c.follower == name).order_by(_ASIDE.c.position))
    return tuple(
        Aside(position=r.position, trouble=r.trouble, at=r.set_aside_at, incident=r.incident, again=r.again)
        for r in rows
    )


def _waited(connection: Connection, position: int) -> timedelta:
    oldest = select(_EVENTS.c.at).join(_LOG, _LOG.c.event_id == _EVENTS.c.id)
    at = connection.execute(oldest.where(_LOG.c.position == position + 1)).scalar_one_or_none()
    return max(clock.now() - at, timedelta(0)) if at else timedelta(0)
