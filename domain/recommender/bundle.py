"""What is kept of a diagnosis in files, how much of it, and what is left out."""

from __future__ import annotations

from pydantic import Field

from domain.values import Value


class Bundle(Value):
    """
    How bundles are kept: under the folder `path` (`bundles` in RECSYSOPS_VAR where none is named), each up to
    `limit_mb` (of 10⁶ bytes); beyond that its largest tables are sampled.

    `leave_out` are columns with personal data, in any table: their values are hashed where rows are found by
    them, and otherwise not kept. The tables' own `member` columns are always among them.
    """

    path: str | None = None
    """Folder that all workers see; relative to the declaration. By default `bundles` in `RECSYSOPS_VAR`."""
    limit_mb: int = Field(default=64, ge=1)
    """Largest size of a bundle, in 10⁶ bytes, before its largest tables are sampled."""
    leave_out: tuple[str, ...] = ()
    """Columns with personal data, in whatever table: hashed where rows are found by them, else not kept."""
