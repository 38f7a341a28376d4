"""Which logged candidates lie in a slice."""

from __future__ import annotations

import numpy as np

from domain.diagnosis.replay import Bools, Traffic
from domain.resolution.way import Parameters
from domain.values import Slice, slice_of

NOT_SET = "∅ (not set)"


def in_slice(traffic: Traffic, where: Slice) -> Bools | None:
    """(rows,) whether a candidate lies in the slice; None where one of its dimensions is not logged."""
    if any(name not in traffic.rows for name, _value in where):
        return None
    inside = np.ones(len(traffic.rows), dtype=bool)
    for name, value in where:
        inside &= (traffic.rows[name].astype("string").fillna(NOT_SET) == value).to_numpy(bool)
    return inside


def whole_requests(traffic: Traffic, inside: Bools) -> bool:
    """Whether each request has all of its candidates inside or none."""
    count = traffic.per_request(inside.astype(float))
    size = traffic.per_request(np.ones(len(inside)))
    return bool(((count == 0) | (count == size)).all())


def slice_given(parameters: Parameters) -> Slice:
    """The slice that is handed to a deployer."""
    given = parameters.get("slice")
    return slice_of(**given) if isinstance(given, dict) else ()
