"""The answer to whoever opens a bundle, or has its diagnosis made again."""

from __future__ import annotations

from domain.values import Diagnosis, Moment, Value


class BundleFile(Value):
    """One file; `wrong` says what is not as it was kept, None where nothing is. `path` is where it lies."""

    name: str
    sha256: str
    bytes: int
    rows: int | None = None
    path: str
    wrong: str | None = None


class BundleAnswer(Value):
    """
    A bundle, held against the log: `event` is the one of the log that has its `root`. Under `folder` lie its
    files, and those of others.

    `diagnosis` is what was shown at `diagnosed_at`, from the log. `code` is what ran then, and `same_code`
    whether the domain's sources are still these; `model` is the model's file in words.
    """

    number: int
    title: str
    event: str
    root: str
    folder: str
    kept_at: Moment
    diagnosed_at: Moment
    diagnosis: Diagnosis
    files: tuple[BundleFile, ...]
    left_out: tuple[str, ...]
    sampled: tuple[str, ...]
    seed: int
    code: str
    same_code: bool
    model: str | None = None

    @property
    def wrong(self) -> tuple[BundleFile, ...]:
        """The files that are not what was kept."""
        return tuple(file for file in self.files if file.wrong is not None)


class Differs(Value):
    """One thing that is not the same: what was said `then` and what `now`; None where nothing was."""

    what: str
    then: str | None
    now: str | None


class RerunAnswer(Value):
    """
    A diagnosis made again from its bundle. `notes` say what could not be as it was: the model, the code, what
    was sampled or left out.
    """

    number: int
    root: str
    then: Diagnosis
    now: Diagnosis
    differs: tuple[Differs, ...]
    notes: tuple[str, ...]
    seconds: float
