"""What of a diagnosis is kept in files, how much of it, and what is left out of them."""

from __future__ import annotations

from pydantic import Field

from domain.values import Value


class Bundle(Value):
    """
    How bundles are kept: under the folder `path` (`bundles` in RECSYSOPS_VAR where none is named), each of at
    most `limit_mb` (of 10⁶ bytes) before what it has of the largest tables is sampled.

    `leave_out` are columns with personal data, of whatever table: their values are replaced by a hash where
    rows are found by them, and are not kept elsewhere. The tables' own `member` columns are always among
    them.
    """

    path: str | None = None
    """Folder that all workers see; relative to the declaration. By default `bundles` in `RECSYSOPS_VAR`."""
    limit_mb: int = Field(default=64, ge=1)
    """Largest size of a bundle, in 10⁶ bytes, before its largest tables are sampled."""
    leave_out: tuple[str, ...] = ()
    """Columns with personal data, in whatever table: hashed where rows are found by them, else not kept."""
