"""All kinds: those of the page first, then by data flow, thirty faults in all; then ten innocent events."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from . import catalogue, features, feed, innocent, logs, model, serving, training
from .fault import Fault

_EVERY = (
    *catalogue.FAULTS,
    *features.FAULTS,
    *training.FAULTS,
    *model.FAULTS,
    *serving.FAULTS,
    *logs.FAULTS,
    *feed.FAULTS,
    *innocent.EVENTS,
)
SWITCHES = ("language", "upstream", "launch", "missing_values", "training_segment", "production_bias")
"""Those on the page and of `make run FAULT=…`; any of `KINDS` can be switched by name."""

_NAMED = {one.name: one for one in _EVERY}
KINDS: Mapping[str, Fault] = MappingProxyType({name: _NAMED[name] for name in (*SWITCHES, *_NAMED)})
FAULTS: tuple[str, ...] = tuple(name for name, one in KINDS.items() if not one.innocent)
INNOCENT: tuple[str, ...] = tuple(name for name, one in KINDS.items() if one.innocent)
