"""Which code made a diagnosis."""

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
    """The running release, the SHA-256 of the domain's sources, and the versions of what it computes with."""
    versions = {"python": platform.python_version(), **{name: version(name) for name in COMPUTES_WITH}}
    try:
        release = version(RELEASE)
    except PackageNotFoundError:  # run from its folder, not installed
        release = "of a folder"
    return Code(release=release, domain=_sources(), versions=versions)


def _sources() -> str:
    """The SHA-256 over all files of `domain`, each with its name and content."""
    made, folder = sha256(), Path(str(domain.__file__)).parent
    for file in sorted(folder.rglob("*.py")):
        content = file.read_bytes()
        made.update(f"{file.relative_to(folder).as_posix()}\x00{len(content)}\x00".encode())
        made.update(content)
    return made.hexdigest()


def words(code: Code) -> str:
    """The code in one line."""
    under = ", ".join(f"{name} {number}" for name, number in code.versions.items())
    return f"release {code.release}, domain {code.domain[:12]}…, {under}"
