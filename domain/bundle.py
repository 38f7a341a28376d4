"""The answer to whoever opens a bundle or reruns its diagnosis."""

from __future__ import annotations

from domain.values import Diagnosis, Moment, Value


class BundleFile(Value):
    """One file at `path`; `wrong` says how it differs from what was kept, None where it does not."""

    name: str
    sha256: str
    bytes: int
    rows: int | None = None
    path: str
    wrong: str | None = None


class BundleAnswer(Value):
    """
    A bundle checked against the log: `event` is the event in the log that has its `root`. `folder` holds its
    files, and those of other bundles.

    `diagnosis` is what was shown at `diagnosed_at`, from the log. `code` is what ran then, and `same_code`
    whether the domain's sources are still the same; `model` describes the model's file in words.
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
        """The files that differ from what was kept."""
        return tuple(file for file in self.files if file.wrong is not None)


class Differs(Value):
    """One difference: what was said `then` and what is said `now`; None where nothing was said."""

    what: str
    then: str | None
    now: str | None


class RerunAnswer(Value):
    """
    A diagnosis rerun from its bundle. `notes` say what could not be reproduced: the model, the code, what was
    sampled or left out. `unasked` says why the model that was asked then could not be asked now.
    """

    number: int
    root: str
    then: Diagnosis
    now: Diagnosis
    differs: tuple[Differs, ...]
    notes: tuple[str, ...]
    seconds: float
    unasked: str | None = None
