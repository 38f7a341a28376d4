"""What a team expects of its model, whatever it learned: declared once, tested on logged candidates."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from domain.values import Value

ONE_OF = ("rises_with", "falls_with", "ignores", "between", "swaps", "tells_unset")


class Expectation(Value):
    """
    One of: the score `rises_with` or `falls_with` a numeric feature, all else being equal; it `ignores`
    features; it lies `between` two numbers, in the model's own unit; two features may be swapped (`swaps`);
    an unset feature is different from one that is 0 (`tells_unset`).
    """

    rises_with: str | None = None
    """The score does not fall as this numeric feature rises, all else being equal."""
    falls_with: str | None = None
    """The score does not rise as this numeric feature rises, all else being equal."""
    ignores: tuple[str, ...] | None = Field(default=None, min_length=1)
    """Features whose value changes nothing."""
    between: tuple[float, float] | None = None
    """The score lies between these two numbers, in the model's own unit."""
    swaps: tuple[str, str] | None = None
    """Two features that may be swapped without changing the score."""
    tells_unset: str | None = None
    """A feature for which unset is different from 0."""

    @model_validator(mode="after")
    def _one(self) -> Self:
        given = [name for name in ONE_OF if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(
                f"says {' and '.join(given) or 'nothing'}; write one of {', '.join(ONE_OF)} in each "
                "[[models.NAME.expects]]"
            )
        if self.between is not None and not self.between[0] < self.between[1]:
            raise ValueError(f"between [{self.between[0]:g}, {self.between[1]:g}] holds nothing")
        if self.swaps is not None and self.swaps[0] == self.swaps[1]:
            raise ValueError(f"swaps `{self.swaps[0]}` with itself")
        return self

    @property
    def features(self) -> tuple[str, ...]:
        """The features that it is about."""
        alone = (self.rises_with, self.falls_with, self.tells_unset)
        return (*(one for one in alone if one is not None), *(self.ignores or ()), *(self.swaps or ()))

    @property
    def words(self) -> str:
        """What is expected, after “the score …”."""
        if self.between is not None:
            return f"lies between {self.between[0]:g} and {self.between[1]:g}"
        named = " and ".join(f"`{name}`" for name in self.features)
        if self.rises_with is not None or self.falls_with is not None:
            return f"{'rises' if self.rises_with is not None else 'falls'} with {named}"
        if self.ignores is not None:
            return f"does not depend on {named}"
        if self.swaps is not None:
            return f"stays where {named} are swapped"
        return f"tells {named} not set from 0"
