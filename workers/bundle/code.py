"""Which code a diagnosis was made by."""

from __future__ import annotations

import platform
from functools import lru_cache
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import domain
from domain.diagnosis.bundle.manifest import Code

COMPUTES_WITH = ("numpy", "pandas", "scipy", "scikit-learn", "shap", "pyarrow")
RELEASE = "recsysops"


@lru_cache(maxsize=1)
def code_now() -> Code:
    """The release that runs, the domain's sources by their SHA-256, and the versions under them."""
    versions = {"python": platform.python_version(), **{name: version(name) for name in COMPUTES_WITH}}
    try:
        release = version(RELEASE)
    except PackageNotFoundError:  # run from its folder, not installed
        release = "of a folder"
    return Code(release=release, domain=_sources(), versions=versions)


def _sources() -> str:
    """The SHA-256 of all files of `domain`, each by its name and what is in it."""
    made, folder = sha256(), Path(str(domain.__file__)).parent
    for file in sorted(folder.rglob("*.py")):
        content = file.read_bytes()
        made.update(f"{file.relative_to(folder).as_posix()}\x00{len(content)}\x00".encode())
        made.update(content)
    return made.hexdigest()


def words(code: Code) -> str:
    """One line."""
    under = ", ".join(f"{name} {number}" for name, number in code.versions.items())
    return f"release {code.release}, domain {code.domain[:12]}…, {under}"
