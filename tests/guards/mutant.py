"""The program without one guard, in this process and for good: made in a fork that ends after it."""

from __future__ import annotations

import ast
import gc
import sys
from collections.abc import Iterator, Mapping, MutableMapping, MutableSet
from types import CodeType, FunctionType, ModuleType
from typing import Any

from tests.guards.find import Guard

Place = tuple[str, int, int]
"""Qualified name and first line of a function, and which of several such it is."""


class Program:
    """
    Imported modules, and who holds their functions: they are looked for once, as that reads all there is.

    Args:
        modules: by the name they are known by here.
    """

    def __init__(self, modules: Mapping[str, ModuleType]) -> None:
        self._modules = modules
        self._sources = {name: _source(module) for name, module in modules.items()}
        self._codes = {name: self._compiled(name, source) for name, source in self._sources.items()}
        places = {code: (name, place) for name, codes in self._codes.items() for place, code in codes.items()}
        self._held: dict[tuple[str, Place], list[FunctionType]] = {}
        for function in gc.get_objects():
            if isinstance(function, FunctionType) and function.__code__ in places:
                self._held.setdefault(places[function.__code__], []).append(function)

    def take_out(self, name: str, guard: Guard) -> None:
        """
        Give every function of a module, wherever somebody holds it, its code without the guard.

        Raises:
            LookupError: nobody holds what the guard is in, so that no test could notice.
        """
        module, left = self._modules[name], guard.taken_out(self._sources[name])
        after, taken = self._compiled(name, left), False
        for place, code in self._codes[name].items():
            if after[place] != code:
                for function in self._held.get((name, place), ()):
                    function.__code__, taken = after[place], True
        if not taken and not _constant(module, guard, left):
            raise LookupError(f"{module.__name__}: {guard.name} is held by nobody")

    def _compiled(self, name: str, source: str | ast.Module) -> dict[Place, CodeType]:
        file = self._modules[name].__file__ or ""
        return _functions(compile(source, file, "exec", dont_inherit=True))


def _source(module: ModuleType) -> str:
    with open(module.__file__ or "", encoding="utf-8") as file:  # noqa: PTH123 - the path is a string here
        return file.read()


def _functions(code: CodeType, seen: dict[tuple[str, int], int] | None = None) -> dict[Place, CodeType]:
    """The code of the functions of a module and of its classes; what is within these comes with them."""
    seen = {} if seen is None else seen
    found: dict[Place, CodeType] = {}
    for inner in _inner(code):
        place = (inner.co_qualname, inner.co_firstlineno)
        seen[place] = seen.get(place, -1) + 1
        if _is_class(inner):
            found |= _functions(inner, seen)
        else:
            found[(*place, seen[place])] = inner
    return found


def _inner(code: CodeType) -> Iterator[CodeType]:
    return (one for one in code.co_consts if isinstance(one, CodeType))


def _is_class(code: CodeType) -> bool:
    return "__module__" in code.co_names and "__qualname__" in code.co_names


def _constant(module: ModuleType, guard: Guard, left: ast.Module) -> bool:
    """A constant of the module worked out anew, for everybody who imported it."""
    for statement in left.body:
        target = statement.targets[0] if isinstance(statement, ast.Assign) else statement
        target = target.target if isinstance(target, ast.AnnAssign) else target
        value = getattr(statement, "value", None)
        if isinstance(target, ast.Name) and target.id == guard.where and value is not None:
            # The module's own words: what is made anew here is its constant without an element.
            expression = compile(ast.Expression(value), module.__file__ or "", "eval")
            _replace(module.__dict__[target.id], eval(expression, module.__dict__))
            return True
    return False


def _replace(before: Any, after: Any) -> None:
    if isinstance(before, MutableMapping | MutableSet):
        before.clear()
        before.update(after)  # type: ignore[union-attr]
        return
    for module in list(sys.modules.values()):
        for name, value in list(vars(module).items()):
            if value is before:
                setattr(module, name, after)
