"""
`python -m tests.guards [FILE …]`: take out every guard of these files, or of all; fail where no test notices.

    --only WORDS   those whose line has these words
    --list         what would be taken out
    --noticed      also what was noticed, and by which test
    --jobs N       forks at a time; as many as there are cores
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import Phase, settings
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from tests.conftest import hurry
from tests.guards.equivalent import EQUIVALENT
from tests.guards.find import guards, raising_functions
from tests.guards.targets import ROOT, SPELLED, TARGETS, WITHIN
from tests.guards.trial import Case, Trial, Verdict
from workers import embedded


def cases(paths: Sequence[str] = ()) -> list[Case]:
    """The guards of these targets, or of all."""
    sources = {path: (ROOT / path).read_text(encoding="utf-8") for path in TARGETS}
    raising = raising_functions(sources.values())
    return [
        Case(path, guard, TARGETS[path])
        for path, source in sources.items()
        if not paths or path in paths
        for guard in guards(source, raising, SPELLED.get(path, ()))
        if path not in WITHIN or guard.where in WITHIN[path] or guard.text in _spelled(path)
    ]


def _spelled(path: str) -> set[str]:
    """Guards that are named as they stand count wherever they are."""
    return {" ".join(text.split()) for text, _left in SPELLED.get(path, ())}


def main() -> int:
    """0 where every guard is held by a test."""
    arguments = _arguments()
    unknown = sorted(set(arguments.files) - set(TARGETS))
    if unknown:
        sys.exit(f"{', '.join(unknown)}: not in tests/guards/targets.py, which names the tests of each file.")
    chosen = [
        case
        for case in cases(arguments.files)
        if case.name not in EQUIVALENT and arguments.only in _shown(case)
    ]
    if not chosen:
        sys.exit("No guard there has these words.")
    if arguments.list:
        print("\n".join(_shown(case) for case in chosen))  # noqa: T201
        return 0
    begun = time.monotonic()
    console = Console(file=os.fdopen(os.dup(1), "w"), highlight=False)
    trial = _tried(chosen, arguments.jobs, console, noticed=arguments.noticed)
    if trial.broken:
        console.print(trial.broken, markup=False)
        return 2
    survivors = [verdict for verdict in trial.verdicts if verdict.by is None]
    count, seconds = len(trial.verdicts), time.monotonic() - begun
    console.print(
        f"{count} guards taken out, one at a time: {count - len(survivors)} noticed, {len(survivors)} "
        f"survivors; {len(EQUIVALENT)} more listed as equivalent. {seconds:.0f} s",
        soft_wrap=True,
    )
    return 1 if survivors else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.guards", description=(__doc__ or "").strip())
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("files", nargs="*", metavar="FILE")
    parser.add_argument("--only", default="")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--noticed", action="store_true")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    return parser.parse_args()


def _tried(chosen: Sequence[Case], jobs: int, console: Console, *, noticed: bool) -> Trial:
    # Every run tries the same examples, so that a guard which one run finds held is held in the next.
    phases = (Phase.explicit, Phase.generate)
    settings.register_profile("guards", derandomize=True, database=None, deadline=None, phases=phases)
    settings.load_profile("guards")
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    with ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="recsysops-guards-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        _serve(stack, folder)
        progress = stack.enter_context(Progress(*columns, console=console))
        bar = progress.add_task("as it is", total=len(chosen))

        def report(verdict: Verdict) -> None:
            progress.update(bar, advance=1, description=verdict.case.path)
            if noticed or verdict.by is None:
                _say(progress.console, verdict)

        trial = Trial(chosen, jobs, report)
        said = stack.enter_context((folder / "said").open("w+"))
        for stream in (1, 2):
            stack.callback(os.dup2, os.dup(stream), stream)
            os.dup2(said.fileno(), stream)
        files = sorted({file for case in chosen for file in case.files})
        options = ["-q", "-p", "no:cacheprovider", "--capture=sys", f"--basetemp={folder / 'tmp'}"]
        options += ["-o", "tmp_path_retention_policy=failed"]
        code = pytest.main([*options, *files], plugins=[trial])
        if trial.broken is None and len(trial.verdicts) < len(chosen):
            said.seek(0)
            trial.broken = f"Not every guard was taken out; pytest ended with {code!r}.\n{said.read()}"
    return trial


def _serve(stack: ExitStack, folder: Path) -> None:
    """Servers for all forks; each would start its own."""
    if "TEST_DATABASE_URL" not in os.environ or "TEST_REDIS_URL" not in os.environ:
        servers = stack.enter_context(embedded.started(folder / "servers"))
        hurry(servers.owner_url)
        os.environ.setdefault("TEST_DATABASE_URL", servers.owner_url)
        os.environ.setdefault("TEST_REDIS_URL", servers.redis_url)


def _say(console: Console, verdict: Verdict) -> None:
    style = "" if verdict.by else "bold red"
    by = verdict.by or f"nobody; {verdict.tests} tests come by"
    for line in (_shown(verdict.case), f"    noticed by {by}"):
        console.print(line, style=style, markup=False, soft_wrap=True)


def _shown(case: Case) -> str:
    return f"{case.path}:{case.guard.lines[0]} {case.guard.name}"


if __name__ == "__main__":
    sys.exit(main())
