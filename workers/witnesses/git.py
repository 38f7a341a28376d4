"""
A Git repository: one commit per checkpoint, on a branch of its own, pushed if there is a remote.

Commits are made without a working tree, so that a checkout that somebody works in is not touched. Pushes are
never forced: a branch that was rewritten elsewhere is reported, not overwritten.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Literal, Self

import structlog
from pydantic import model_validator

from domain.errors import WitnessError
from domain.recommender.witness import Witness
from workers.store.log.checkpoint import Checkpoint, Held, spell
from workers.witnesses.kind import Kind, Surroundings
from workers.witnesses.lines import held_in, is_kept

AUTHOR = "RecSysOps"
ADDRESS = "recsysops@localhost"
PASSED_ON = ("PATH", "HOME", "SSH_AUTH_SOCK", "LANG")
SILENT = {
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ASKPASS": "true",
    "SSH_ASKPASS": "true",
    "GIT_SSH_COMMAND": "ssh -o BatchMode=yes",
    # Not `ext`, which runs whatever command an address names.
    "GIT_ALLOW_PROTOCOL": "file:git:http:https:ssh",
}
NOT_LET_IN = "the remote does not let us in; correct the login in url, or the SSH key"
NO_REPOSITORY = "there is no repository at that address; correct it"
MOVED = "somebody else pushed meanwhile; it is tried again"
WHY = (
    ("could not resolve host", "the host of url is not known; correct url"),
    ("not allowed", "such an address is not allowed; use https or ssh"),
    ("to connect to", "the host of url does not answer; start it, or correct url"),
    ("authentication failed", NOT_LET_IN),
    ("could not read username", NOT_LET_IN),
    ("permission denied", "it may not write there; let this user, or its SSH key"),
    ("not appear to be a git repository", NO_REPOSITORY),
    ("not a git repository", NO_REPOSITORY),
    ("not found", NO_REPOSITORY),
    ("non-fast-forward", MOVED),
    ("fetch first", MOVED),
    ("declined", "the remote takes no pushes to this branch; let it"),
)
"""Phrases in what Git says, and what is said of it."""
_log = structlog.get_logger(__name__)
SEEN = "refs/recsysops/seen"
"""The remote's state when it was last fetched."""

NOTHING = "0" * 40
"""Tells Git that there is no such branch yet."""

_WITH_PASSWORD = re.compile(r"://\S*@")
_BRANCH = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*")


class GitWitness(Witness):
    """
    `path`: a local repository, bare or not, created if missing; or `url`: a remote one, with a copy kept
    in the data folder.
    """

    kind: Literal["git"]
    path: str | None = None
    """A repository on this machine, bare or not; created if missing."""
    url: str | None = None
    """A remote repository, of which a copy is kept under `RECSYSOPS_VAR`."""
    branch: str = "recsysops-checkpoints"
    """Branch that checkpoints are committed on."""

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if bool(self.path) == bool(self.url):
            raise ValueError("say where the repository is: either path or url")
        if self.url is not None and self.url.startswith("-"):
            raise ValueError("url does not name a repository")
        if not _BRANCH.fullmatch(self.branch):
            raise ValueError(f"branch: {self.branch!r} is not the name of a branch")
        return self


class Git:
    """One branch of one repository. `remote`: where it is fetched from and pushed to, None for nowhere."""

    def __init__(self, folder: Path, branch: str, remote: str | None, seconds: float) -> None:
        self._folder = folder
        self._branch = branch
        self._ref = f"refs/heads/{branch}"
        self._remote = remote
        self._until = time.monotonic() + seconds

    def hand(self, checkpoint: Checkpoint) -> str:
        """Commit the checkpoint, unless it is there already, and push."""
        self._ready()
        tip = self._tip(self._ref)
        name = f"{checkpoint.workspace}.jsonl"
        content = self._show(name) if tip else b""
        kept = is_kept(checkpoint, held_in(content, self._where(name)))
        if not kept:
            self._commit(checkpoint, name, content + spell(checkpoint), tip)
        if self._remote is not None:
            self._run("push", "--quiet", self._remote, f"{self._ref}:{self._ref}")
        already = "already " if kept else ""
        return f"{self._where(name)} {already}holds position {checkpoint.position}"

    def held(self, workspace: str) -> list[Held]:
        """The checkpoints on the branch; the remote's version of it if there is one."""
        self._ready()
        name = f"{workspace}.jsonl"
        if not self._tip(self._ref):
            return []
        return held_in(self._show(name), self._where(name))

    def _where(self, name: str) -> str:
        at = _WITH_PASSWORD.sub("://", self._remote) if self._remote else str(self._folder)
        return f"{name} on {self._branch} of {at}"

    def _ready(self) -> None:
        if not self._folder.exists() or not any(self._folder.iterdir()):
            self._run("init", "--quiet", "--bare", str(self._folder), at_home=False)
        if self._remote is None:
            self._remote = self._ask("remote").partition("\n")[0] or None
        if self._remote is not None:
            self._join(self._remote)

    def _join(self, remote: str) -> None:
        """Continue from the remote's state; what a kill left here committed but not pushed stays."""
        if not self._ask("ls-remote", "--heads", remote, self._ref):
            return
        self._run("fetch", "--quiet", "--no-tags", remote, f"+{self._ref}:{SEEN}")
        theirs, ours = self._tip(SEEN), self._tip(self._ref)
        if ours == theirs or (ours and self._is_before(theirs, ours)):
            return
        if ours and not self._is_before(ours, theirs):
            raise WitnessError(
                f"{self._where(self._branch)} was written anew: it lacks what was pushed before"
            )
        self._run("update-ref", self._ref, theirs, ours or NOTHING)

    def _tip(self, ref: str) -> str:
        return self._ask("rev-parse", "--verify", "--quiet", ref, missing="")

    def _is_before(self, one: str, other: str) -> bool:
        return self._ask("merge-base", "--is-ancestor", one, other, missing="no") != "no"

    def _show(self, name: str) -> bytes:
        listed = self._ask("ls-tree", "--name-only", self._ref, name)
        return self._run("show", f"{self._ref}:{name}") if listed else b""

    def _commit(self, checkpoint: Checkpoint, name: str, content: bytes, tip: str) -> None:
        blob = self._run("hash-object", "-w", "--stdin", given=content).decode().strip()
        tree = self._run("ls-tree", tip).decode().splitlines() if tip else []
        others = [line for line in tree if line.partition("\t")[2] != name]
        listing = "\n".join([*others, f"100644 blob {blob}\t{name}"]) + "\n"
        made = self._run("mktree", given=listing.encode()).decode().strip()
        says = f"{checkpoint.workspace} at position {checkpoint.position}"
        parents = ("-p", tip) if tip else ()
        commit = self._run("commit-tree", made, *parents, "-m", says).decode().strip()
        # Only from the state that was read: somebody else's commit since then is not overwritten.
        self._run("update-ref", self._ref, commit, tip or NOTHING)

    def _ask(self, *words: str, missing: str | None = None) -> str:
        try:
            return self._run(*words).decode(errors="replace").strip()
        except _Failed:
            if missing is None:
                raise
            return missing

    def _run(self, *words: str, given: bytes = b"", at_home: bool = True) -> bytes:
        where = ("-C", str(self._folder)) if at_home else ()
        fixed = ("-c", "core.hooksPath=/dev/null", "-c", "commit.gpgSign=false", "-c", "gc.auto=0")
        # A folder that is not a repository must not resolve to one around it.
        around = {"GIT_CEILING_DIRECTORIES": str(self._folder.parent)}
        return _git(*where, *fixed, *words, given=given, until=self._until, around=around)


class _Failed(WitnessError):
    """Git ended with an exit code other than 0."""


def _git(*words: str, given: bytes, until: float, around: dict[str, str]) -> bytes:
    """
    Run Git: no shell, no prompt, no longer than until the deadline, and without any of our secrets.

    Raises:
        WitnessError: it is not installed, took too long, or failed.
    """
    executable = shutil.which("git")
    if executable is None:
        raise WitnessError("there is no git on this machine's PATH; install it")
    identity = {f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER") for what, value in _IDENTITY}
    kept = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    process = subprocess.Popen(  # noqa: S603 - no shell; declared values follow an option of their own
        [executable, *words],
        env={**kept, **SILENT, **identity, **around},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        out, said = process.communicate(given, timeout=max(0.0, until - time.monotonic()))
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)  # including the ssh that it may have started
        process.communicate()
        raise WitnessError("git took longer than its timeout") from None
    if process.returncode:
        raise _Failed(f"git {_verb(words)} ended with {process.returncode}: {_why(said)}")
    return out


def _why(said: bytes) -> str:
    """What keeps Git from it, in our words: what it says may hold the address, and stays in the log."""
    text = said.decode(errors="replace").strip()
    _log.info("foreign_answer", to="git", says=text)
    return next((why for phrase, why in WHY if phrase in text.lower()), "the log of this process says more")


_IDENTITY = (("NAME", AUTHOR), ("EMAIL", ADDRESS))


def _verb(words: tuple[str, ...]) -> str:
    """The first word that is neither an option nor its value."""
    rest = list(words)
    while rest and rest[0] in {"-C", "-c"}:
        rest = rest[2:]
    return rest[0] if rest else ""


def _opened(witness: GitWitness, around: Surroundings) -> Git:
    seconds = witness.timeout.total_seconds()
    if witness.path is not None:
        return Git(Path(witness.path), witness.branch, None, seconds)
    return Git(_copy(witness, around), witness.branch, witness.url, seconds)


def _copy(witness: GitWitness, around: Surroundings) -> Path:
    folder = around.var / "witness"
    folder.mkdir(parents=True, exist_ok=True)
    return (folder / f"{witness.name}.git").resolve()


KIND = Kind("git", GitWitness, _opened)
