"""`python -m docs.generate`: write the generated pages, or with `--check` say which are out of date."""

from __future__ import annotations

import sys

from docs.generate.pages import ROOT, written
from domain.errors import ConfigurationError


def main(check: bool) -> int:
    """The exit code: 1 if `check` finds a page that differs from what would be written."""
    pages = written()
    stale = [name for name, text in pages.items() if _read(name) != text]
    for name in stale:
        sys.stdout.write(f"{name}{' is out of date; run `make docs`' if check else ' written'}\n")
        if not check:
            (ROOT / name).write_text(pages[name], encoding="utf-8")
    return int(check and bool(stale))


def _read(name: str) -> str | None:
    file = ROOT / name
    return file.read_text(encoding="utf-8") if file.exists() else None


if __name__ == "__main__":
    try:
        raise SystemExit(main("--check" in sys.argv[1:]))
    except ConfigurationError as lacking:
        raise SystemExit(f"No page can be made: {lacking}") from None
