"""The fewest slices that hold the wrong rows, out of those in which something was discovered."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from domain.detection.data.counts import Floats
from domain.values import Slice, share_rows

HOLDS = 0.8  # of the wrong rows, above which a slice describes all of them better
MOST_REPORTED = 3  # slices of one column in one look


def narrowest(
    cells: tuple[Slice, ...], excess: Floats, rows: Floats, found: npt.NDArray[np.bool_]
) -> list[int]:
    """
    Places of the slices to report, disjoint, worst first.

    Args:
        cells: the slices, the whole table among them; excess: (n_cells,) wrong rows beyond the usual.
        rows: (n_cells,) all rows; found: (n_cells,) whether it is more than chance and matters.

    >>> cells = ((), (("device", "tv"),), (("device", "web"),))
    >>> found = np.array([True, True, False])
    >>> narrowest(cells, np.array([90.0, 88.0, 2.0]), np.array([200.0, 100.0, 100.0]), found)
    [1]
    """
    left, picked = found.copy(), list[int]()
    while left.any() and len(picked) < MOST_REPORTED:
        worst = int(np.argmax(np.where(left, excess, -np.inf)))
        within = [
            int(place) for place in np.flatnonzero(left) if _holds_most(cells, excess, int(place), worst)
        ]
        chosen = min(within, key=lambda place: (rows[place], len(cells[place])))
        picked.append(int(chosen))
        if not cells[worst]:
            break  # the whole table is reported, and everything in it with it
        left &= np.array([not share_rows(cells[chosen], cell) for cell in cells])
    return picked


def slices_to_report(
    cells: tuple[Slice, ...],
    off: Floats,
    size: Floats,
    rows: Floats,
    found: npt.NDArray[np.bool_],
    least_rows: float,
    *,
    together: bool = False,
) -> list[int]:
    """
    Places of the slices to report, none within another: the `narrowest`, or those at fault instead.

    Args:
        off: (n_cells,) rows beyond the usual; size: (n_cells,) the number from which they matter. Both add
            up.
        rows, found: as in `narrowest`.
        together: whether all slices of a window may be off a little together (see `at_fault`).
    """
    narrow = narrowest(cells, off, rows, found)
    picked = dict.fromkeys(
        at_fault(cells, place, off, size, found, least_rows, together=together) for place in narrow
    )
    return [place for place in picked if not any(set(cells[wide]) < set(cells[place]) for wide in picked)]


def at_fault(
    cells: tuple[Slice, ...],
    place: int,
    off: Floats,
    size: Floats,
    found: npt.NDArray[np.bool_],
    least_rows: float,
    *,
    together: bool = False,
) -> int:
    """
    The slice to report instead of `place`: a wider one (not the whole table) whose remainder is worth
    reporting as well, since most of a slice may lie in one part of it, though all of its parts are at fault.

    If all slices of a window may be off a little `together`, the one at fault makes up less of a wider
    slice's distance than `narrowest` asks for: in that case a narrower one that leaves nothing worth
    reporting. Of rows that are wrong in themselves, the few that are left are no less wrong.
    """

    def rest_matters(wide: int, narrow: int) -> bool:
        return bool(off[wide] - off[narrow] >= max(least_rows, size[wide] - size[narrow]))

    here = set(cells[place])
    others = [int(one) for one in np.flatnonzero(found) if cells[one]]
    wider = [one for one in others if set(cells[one]) < here and rest_matters(one, place)]
    narrower = [one for one in others if together and here < set(cells[one]) and not rest_matters(place, one)]
    return max(wider or narrower, key=lambda one: off[one], default=place)


def _holds_most(cells: tuple[Slice, ...], excess: Floats, place: int, worst: int) -> bool:
    """
    Whether a slice holds most of the wrong rows of the `worst`: one within it; or one that crosses it, as a
    supplier's goods lie in a country, if both have so many that there are not enough for two.
    """
    if excess[place] < HOLDS * excess[worst]:
        return False
    if set(cells[worst]) <= set(cells[place]):
        return True
    whole = cells.index(()) if () in cells else None
    if whole is None or not share_rows(cells[worst], cells[place]):
        return False
    in_both = excess[worst] + excess[place] - max(float(excess[whole]), float(excess[worst]))
    return bool(in_both >= HOLDS * excess[worst])
