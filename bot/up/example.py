"""The example that `recsysops up --example cinema` runs: its processes, its environment, its first fault."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import bot
from bot.up.chat import PROCESS, chat_environment
from bot.up.machine import LOOPBACK, Environment, Ports, keep_secrets
from domain.errors import ConfigurationError

EXAMPLES: Mapping[str, str] = {"cinema": "recsysops_cinema"}
"""The package under which a wheel installs each; in the repository it is a folder of `examples/`."""

DECLARED = "recsysops.toml"
EXAMPLE_LEFT = ("CINEMA_FOLDER", "CINEMA_URL", "CINEMA_WEBHOOK_SECRET")
"""Variables named in its declaration, for `recsysops doctor` in a second terminal."""

FIRST_FAULT = "language"
FAULTS = (FIRST_FAULT, "upstream", "launch", "missing_values", "training_segment", "production_bias")


@dataclass(frozen=True)
class Example:
    """A recommender to try everything on: the package that runs it, and the file that declares it."""

    package: str
    declared: Path

    @property
    def processes(self) -> Mapping[str, str]:
        """Name → command, in addition to those of the Procfile."""
        return {**PROCESS, "cinema": f"exec python -m {self.package} serve"}

    @property
    def history(self) -> tuple[str, str]:
        """Written first: a history that is still being written looks like a dozen incidents."""
        return "history", f"exec python -m {self.package} backfill"


def found_example(name: str, beside: Path | None = None) -> Example:
    """
    The example of this name: the one in the repository, otherwise the one that is installed.

    Args:
        beside: the folder with our packages; this package's own, if not given.

    Raises:
        ConfigurationError: there is no such example, or it is not installed.
    """
    if name not in EXAMPLES:
        raise ConfigurationError(f"there is no example {name!r}; there is: {', '.join(EXAMPLES)}.")
    folder = beside or Path(str(bot.__file__)).parents[1]
    for package in (f"examples.{name}", EXAMPLES[name]):
        declared = folder.joinpath(*package.split("."), DECLARED)
        if declared.is_file():
            return Example(package, declared)
    raise ConfigurationError(
        f"the example {name!r} is not installed; it is a wheel of its own, {EXAMPLES[name]}. `make dist` in "
        "the repository builds it beside this one, and `pip install dist/*.whl` installs both."
    )


def example_environment(example: Example, var: Path, ports: Ports, fault: str = FIRST_FAULT) -> Environment:
    """
    The environment of the example's and its chat's processes; its secret is kept with the chat's. The chat
    switches the cinema's `fault` on when somebody first looks.

    Raises:
        ConfigurationError: the cinema has no such fault.
    """
    if fault not in FAULTS:
        raise ConfigurationError(f"the cinema has no fault {fault!r}; there are: {', '.join(FAULTS)}.")
    cinema = f"http://{LOOPBACK}:{ports.cinema}"
    return {
        **chat_environment(var, ports),
        "RECSYSOPS_CONFIG": str(example.declared.resolve()),
        "WORKSPACE_ON_FIRST_VIEW_URL": f"{cinema}/faults/{fault}",
        "WORKSPACE_FIRST_VIEW": fault,
        "CINEMA_FOLDER": str(var / "cinema"),
        "CINEMA_PORT": str(ports.cinema),
        "CINEMA_HOST": LOOPBACK,
        "CINEMA_URL": cinema,
        "CINEMA_WEBHOOK_SECRET": keep_secrets(var / "secrets.json")["webhook_secret"],
    }
