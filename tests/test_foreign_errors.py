"""What somebody else's error says is turned into words of ours in one place; no other makes a text of it."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator
from pathlib import Path

import domain

ROOT = Path(domain.__file__).parents[1]
FOLDERS = ("domain", "workers", "bot")
MAY = {
    "domain/errors.py",  # the place
    "workers/environment/journal.py",  # the process's own log, without any piece of a secret
}
READ = {
    # To tell by it which case of ours it is, or a name from a list of ours:
    "workers/embedded/postgres.py": "if NOT_LET_IN in str(error):",
    "workers/environment/address.py": "said = str(error).lower()",
    "workers/sources/engines/engine.py": "said = str(error)",
    "workers/store/migrate.py": "reason = str(error.orig)",
    "workers/store/log/events.py": (
        'return VersionConflict(f"Somebody else appended first ({error.diag.constraint_name}); read again.")'
    ),
    # The file that was to be opened:
    "bot/cli/main.py": "_fail(f\"{error.filename or 'a file'}: {why}\", 1)",
    # Ours, raised as ValueError for pydantic:
    "domain/improvement/rubric.py": "raise Refused(str(error)) from None",
    "workers/declaration/own_keys.py": "wrong.append(Problem(key, str(error)))",
}
FILES = sorted(
    file
    for folder in FOLDERS
    for file in (ROOT / folder).rglob("*.py")
    # The workspace stands for Slack, in a process of its own.
    if str(file.relative_to(ROOT)) not in MAY and file.parts[len(ROOT.parts) :][:2] != ("bot", "workspace")
)


def names_of_errors() -> frozenset[str]:
    """The project's own classes of errors, whose words are ours."""
    classes = [one for file in FILES for one in ast.walk(parsed(file)) if isinstance(one, ast.ClassDef)]
    classes += [one for one in ast.walk(parsed(ROOT / "domain/errors.py")) if isinstance(one, ast.ClassDef)]
    foreign = {name for name, one in vars(builtins).items() if isinstance(one, type)}
    ours: set[str] = set()
    for _ in range(6):  # deeper than any of them derives
        known = ours | {one for one in foreign if one.endswith(("Error", "Exception"))}
        ours |= {one.name for one in classes if known & {ast.unparse(base) for base in one.bases}}
    return frozenset(ours)


def parsed(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


OURS = names_of_errors()


def foreign(kind: ast.expr | None) -> bool:
    """Whether an error of this annotation, or caught so, may be somebody else's."""
    if kind is None:
        return True
    named = [one for one in ast.walk(kind) if isinstance(one, ast.Name | ast.Attribute)]
    last = {one.id if isinstance(one, ast.Name) else one.attr for one in named} - {"errors", "c"}
    return not last <= OURS


def holds(node: ast.AST, name: str) -> bool:
    """Whether the error's own words get into this expression."""
    if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in {"sanitized", "type"}:
        return False
    if isinstance(node, ast.Call) and ast.unparse(node.func) not in {"str", "repr", "format"}:
        # Handed on as an error: the function that takes it is looked at itself.
        return any(holds(one, name) for one in node.args if not isinstance(one, ast.Name))
    if isinstance(node, ast.Name):
        return node.id == name
    return any(holds(below, name) for below in ast.iter_child_nodes(node))


def texts(scope: ast.AST, name: str) -> Iterator[int]:
    """The lines on which the error `name` becomes a text."""
    for node in ast.walk(scope):
        makes = isinstance(node, ast.Call) and ast.unparse(node.func) in {"str", "repr", "format"}
        quotes = isinstance(node, ast.Attribute) and node.attr in {"strerror", "msg", "reason", "args"}
        is_text = makes or quotes or isinstance(node, ast.FormattedValue)
        if isinstance(node, ast.expr) and is_text and holds(node, name):
            yield node.lineno


def made_of_foreign_errors(tree: ast.Module) -> set[int]:
    found: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler) and node.name and foreign(node.type):
            found.update(line for part in node.body for line in texts(part, node.name))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            for given in node.args.args:
                said = ast.unparse(given.annotation) if given.annotation else ""
                if said.endswith(("Error", "Exception")) and foreign(given.annotation):
                    found.update(line for part in node.body for line in texts(part, given.arg))
    return found


def test_no_words_of_a_foreign_error_are_passed_on() -> None:
    found: list[str] = []
    for file in FILES:
        written = file.read_text(encoding="utf-8").splitlines()
        read = READ.get(name := str(file.relative_to(ROOT)))
        lines = sorted(made_of_foreign_errors(parsed(file)))
        found += [f"{name}:{line}" for line in lines if written[line - 1].strip() != read]
    assert not found, "say sanitized(error), which keeps what a driver quotes to the log of its process"


def test_a_text_made_of_a_foreign_error_is_found() -> None:
    wrong = """
try:
    ask()
except (OSError, SourceError) as error:
    raise SourceError(f"no: {error}") from error
except ValueError as error:
    says = str(error)
except SourceError as error:
    says = str(error)
except KeyError as error:
    says = f"{type(error).__name__}: {sanitized(error)}"
def said(error: Exception) -> str:
    return error.args[0]
"""
    assert made_of_foreign_errors(ast.parse(wrong)) == {5, 7, 13}
