"""Every event of the log: wire name, schema version, fields."""

from __future__ import annotations

from docs.generate.keys import type_of
from docs.generate.markdown import code, first_paragraph, page, table
from domain.incident.codec import EVENTS
from domain.incident.events.event import Event


def events() -> str:
    """The page."""
    return page(
        "Events",
        "What the log may hold. A wire name is never renamed; a new schema version only adds fields that "
        "have a default, and any other change is a new wire name. An exported line has the event's fields "
        "under `data`.",
        *(_event(name, cls) for name, cls in EVENTS.items()),
    )


def _event(name: str, cls: type[Event]) -> str:
    rows = [
        (code(field), type_of(info), "needed" if info.is_required() else "may be left out")
        for field, info in cls.model_fields.items()
    ]
    fields = table(("field", "type", ""), rows) if rows else "No fields."
    said = f"`{cls.__name__}`, schema version {cls.schema_version}. {first_paragraph(cls)}"
    return f"## `{name}`\n\n{said}\n\n{fields}"
