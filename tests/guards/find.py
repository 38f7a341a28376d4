"""
The guards of a module, each with what is left when it is taken out. Pure: source in, guards out.

A guard is what lets something through when it is gone: an early exit, a call of a rule that raises, an
operand of a condition, one end of a comparison, a clamp by `min` or `max`, an element of a set of what is
allowed, the permission that is asked for, the filter of a comprehension, a clause of a statement's WHERE.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

TAKEN_OUT = "(taken out)"
SAYING = frozenset({"said"})
"""Rules that give back what they were given where it is allowed; taken out, the first argument is left."""
WEAKEST = "respond"
STRONGER = frozenset({"deploy", "approve"})
"""What a press may need more than the weakest permission."""
CLAUSES = frozenset({"where", "filter", "having", "on_conflict_do_nothing", "with_for_update"})
CONJUNCTIONS = frozenset({"and_", "or_", "all_"})
OTHER_END: Mapping[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
}
EXITS = (ast.Return, ast.Raise, ast.Continue, ast.Break)


@dataclass(frozen=True)
class Guard:
    """
    One guard, and what the program is without it.

    Attributes:
        where: qualified name of the function, or of the constant of the module, that it is in.
        lines: first and last line of what is looked at when it acts: a test that runs none cannot notice.
        text, left: source of what stands there, and of what is left.
        number: of the node in `ast.walk` order.
        instead: the node that takes its place.
        constant: of the module, worked out before any test runs.
    """

    where: str
    lines: tuple[int, int]
    text: str
    left: str
    number: int
    instead: ast.AST
    constant: bool = False

    @property
    def name(self) -> str:
        """What names it from one version of the module to the next."""
        return f"{self.where}: {self.text} → {self.left}"

    def taken_out(self, source: str) -> ast.Module:
        """The module without it."""
        tree = ast.parse(source)
        _Replace(list(ast.walk(tree))[self.number], self.instead).visit(tree)
        return ast.fix_missing_locations(tree)


def guards(source: str, raising: Iterable[str] = (), spelled: Iterable[tuple[str, str]] = ()) -> list[Guard]:
    """
    The guards of a module in the order of its lines.

    Args:
        raising: names of functions that refuse by raising; a bare call of one is a guard too.
        spelled: guards that no rule here finds, and what is left: in texts of the module that are not Python,
            `(" AND b", "")`, or an expression of a function, `("a - b if c else a", "a")`.

    Raises:
        LookupError: one of the guards spelled out is nowhere in the module, or in several places.
    """
    tree = ast.parse(source)
    reader = _Reader(tree, frozenset(raising))
    more = [reader.spelled(*one) for one in spelled]
    found = {(guard.name, guard.number): guard for guard in (*reader.read(), *more)}
    return sorted(found.values(), key=lambda guard: (guard.lines, guard.name))


def raising_functions(sources: Iterable[str]) -> frozenset[str]:
    """The names of functions that raise by themselves, or call one of these that does."""
    calls: dict[str, set[str]] = {}
    raising: set[str] = set()
    for source in sources:
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                inside = list(ast.walk(node))
                calls.setdefault(node.name, set()).update(
                    filter(None, (_called(one) for one in inside if isinstance(one, ast.Call)))
                )
                if any(isinstance(one, ast.Raise) for one in inside):
                    raising.add(node.name)
    while more := {name for name, called in calls.items() if called & raising} - raising:
        raising |= more
    return frozenset(raising)


class _Replace(ast.NodeTransformer):
    def __init__(self, node: ast.AST, instead: ast.AST) -> None:
        self._node, self._instead = node, instead

    def visit(self, node: ast.AST) -> ast.AST:
        if node is self._node:
            return copy.deepcopy(self._instead)
        self.generic_visit(node)
        return node


class _Reader:
    """Walks a module and knows where it is."""

    def __init__(self, tree: ast.Module, raising: frozenset[str]) -> None:
        self._tree = tree
        self._raising = raising
        self._numbers = {node: number for number, node in enumerate(ast.walk(tree))}
        self._conditions = set(_conditions(tree))
        self._where: list[str] = []
        self._lines = (0, 0)
        self._handling = False
        self._constant_of_module = False

    def read(self) -> Iterator[Guard]:
        for statement in self._tree.body:
            if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                yield from self._definition(statement)
            elif isinstance(statement, ast.Assign | ast.AnnAssign):
                yield from self._constant(statement)

    def spelled(self, text: str, left: str) -> Guard:
        """A guard that is named as it stands: an expression of a function, or words in a text."""
        found = [
            (where, node)
            for where, function in _functions(self._tree)
            for node in ast.walk(function)
            if isinstance(node, ast.expr) and ast.unparse(node) == text
        ]
        if not found:
            return self._in_text(text, left)
        if len(found) > 1:
            raise LookupError(f"{text!r} is in {len(found)} places of the module; one is meant")
        ((where, node),) = found
        instead = ast.copy_location(ast.parse(left, mode="eval").body, node)
        return Guard(
            where, (node.lineno, node.end_lineno or node.lineno), text, left, self._numbers[node], instead
        )

    def _in_text(self, text: str, left: str) -> Guard:
        """A guard in a text that a constant of the module is, or is made of."""
        found = [
            (ast.unparse(statement.targets[0]), node, node.value)
            for statement in self._tree.body
            if isinstance(statement, ast.Assign)
            for node in ast.walk(statement.value)
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and text in node.value
        ]
        if len(found) != 1 or found[0][2].count(text) != 1:
            raise LookupError(f"{text!r} is in {len(found)} texts of the module; once in one is meant")
        ((where, node, value),) = found
        instead = ast.copy_location(ast.Constant(value.replace(text, left)), node)
        lines = (node.lineno, node.end_lineno or node.lineno)
        texts = " ".join(text.split()), " ".join(left.split()) or TAKEN_OUT
        return Guard(where, lines, *texts, self._numbers[node], instead, constant=True)

    def _definition(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> Iterator[Guard]:
        self._where.append(node.name)
        for statement in node.body:
            if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                yield from self._definition(statement)
            elif not isinstance(node, ast.ClassDef):
                yield from self._statement(statement)
        self._where.pop()

    def _constant(self, node: ast.Assign | ast.AnnAssign) -> Iterator[Guard]:
        """A set of what is allowed: each element left out."""
        target = node.targets[0] if isinstance(node, ast.Assign) else node.target
        if node.value is None or not isinstance(target, ast.Name):
            return
        self._where, self._lines = [target.id], (node.lineno, node.end_lineno or node.lineno)
        self._constant_of_module = True
        for part in ast.walk(node.value):
            if isinstance(part, ast.Set):
                yield from self._each_left_out(part, "elts")
            elif isinstance(part, ast.Call):
                yield from self._asked_for(part)
        self._where, self._constant_of_module = [], False

    def _statement(self, node: ast.stmt) -> Iterator[Guard]:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield from self._definition(node)
            return
        self._lines = _lines_of(node)
        match node:
            case ast.If():
                yield from self._if(node)
            case ast.Expr(value=value):
                call = value.value if isinstance(value, ast.Await) else value
                if isinstance(call, ast.Call) and _called(call) in self._raising:
                    yield self._guard(node, ast.Pass())
            case ast.Raise() if self._handling:
                yield self._guard(node, ast.Pass())
            case ast.Return(value=value) if value is not None and _is_condition(value):
                yield self._guard(value, ast.Constant(True))
                yield self._guard(value, ast.Constant(False))
        yield from self._inside(node)

    def _inside(self, node: ast.AST) -> Iterator[Guard]:
        """What stands in a statement: its expressions first, then the statements under it."""
        children = list(ast.iter_child_nodes(node))
        for child in children:
            if isinstance(child, ast.expr | ast.comprehension | ast.keyword | ast.withitem):
                yield from self._expression(child)
        for child in children:
            if isinstance(child, ast.stmt):
                yield from self._statement(child)
            elif isinstance(child, ast.match_case):
                self._lines = (child.pattern.lineno, child.body[0].lineno)
                yield from self._case(child)
            elif isinstance(child, ast.ExceptHandler):
                before, self._handling = self._handling, True
                yield from self._inside(child)
                self._handling = before

    def _if(self, node: ast.If) -> Iterator[Guard]:
        text = f"if {ast.unparse(node.test)}"
        if isinstance(node.body[-1], EXITS):
            never = ast.BoolOp(ast.And(), [node.test, ast.Constant(False)])
            yield self._guard(node.test, never, text, TAKEN_OUT)
        elif not node.orelse:
            always = ast.BoolOp(ast.Or(), [node.test, ast.Constant(True)])
            yield self._guard(node.test, always, text, "always")

    def _case(self, node: ast.match_case) -> Iterator[Guard]:
        if node.guard is not None:
            text = f"case {ast.unparse(node.pattern)} if {ast.unparse(node.guard)}"
            yield self._guard(node.guard, ast.Constant(True), text, TAKEN_OUT)
            yield from self._expression(node.guard)
        for statement in node.body:
            yield from self._statement(statement)

    def _expression(self, node: ast.AST) -> Iterator[Guard]:
        match node:
            case ast.JoinedStr():  # words let nothing through
                return
            case ast.BoolOp() if (
                isinstance(node.op, ast.And) or node in self._conditions or _is_condition(node)
            ):
                yield from self._each_left_out(node, "values")
            case ast.Compare():
                yield from self._compared(node)
            case ast.IfExp():
                for kept, other in ((node.body, node.orelse), (node.orelse, node.body)):
                    if _is_empty(other):
                        yield self._guard(node, kept)
            case ast.comprehension():
                for test in node.ifs:
                    yield self._guard(test, ast.Constant(True), f"for … if {ast.unparse(test)}", TAKEN_OUT)
            case ast.BinOp(op=ast.BitAnd()):
                yield self._guard(node, node.left)
                yield self._guard(node, node.right)
            case ast.Subscript(value=ast.Dict() as table):
                yield from self._looked_up(table)
            case ast.Call():
                yield from self._call(node)
                yield from self._asked_for(node)
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr | ast.comprehension | ast.keyword):
                yield from self._expression(child)

    def _decides(self, node: ast.BoolOp) -> bool:
        return isinstance(node.op, ast.And) or node in self._conditions or _is_condition(node)

    def _compared(self, node: ast.Compare) -> Iterator[Guard]:
        for place, operator in enumerate(node.ops):
            other = OTHER_END.get(type(operator))
            if other:
                changed = copy.deepcopy(node)
                changed.ops[place] = other()
                yield self._guard(node, changed)
            allowed = node.comparators[place]
            listed = isinstance(allowed, ast.Tuple | ast.Set | ast.List)
            if listed and isinstance(operator, ast.In | ast.NotIn):
                yield from self._each_left_out(allowed, "elts", node)

    def _call(self, node: ast.Call) -> Iterator[Guard]:
        name = _called(node)
        if name in SAYING:
            yield self._guard(node, node.args[0])
        elif name in ("min", "max") and len(node.args) > 1 and not node.keywords:
            for argument in node.args:
                rest = [one for one in node.args if one is not argument]
                left = rest[0] if len(rest) == 1 else ast.Call(node.func, rest, [])
                yield self._guard(node, left)
        elif name in CONJUNCTIONS and len(node.args) > 1:
            yield from self._each_left_out(node, "args")
        elif name in CLAUSES and isinstance(node.func, ast.Attribute):
            yield self._guard(node, node.func.value, f"….{name}({_arguments(node)})", TAKEN_OUT)
            if len(node.args) > 1:
                yield from self._each_left_out(node, "args")

    def _looked_up(self, table: ast.Dict) -> Iterator[Guard]:
        """A table that is asked at once: each key answered with what another one has."""
        keys = [ast.unparse(key) for key in table.keys if key is not None]
        for place, value in enumerate(table.values):
            other = (place + 1) % len(keys)
            text, left = f"{keys[place]}: {ast.unparse(value)}", f"as {keys[other]}"
            yield self._guard(value, table.values[other], text, left)

    def _asked_for(self, call: ast.Call) -> Iterator[Guard]:
        for argument in call.args:
            either = (argument.body, argument.orelse) if isinstance(argument, ast.IfExp) else (argument,)
            for need in either:
                if isinstance(need, ast.Constant) and need.value in STRONGER:
                    yield self._guard(need, ast.Constant(WEAKEST), ast.unparse(call), f"needs {WEAKEST}")

    def _each_left_out(self, node: ast.expr, field: str, shown: ast.expr | None = None) -> Iterator[Guard]:
        parts = getattr(node, field)
        for left_out in parts:
            rest = [part for part in parts if part is not left_out]
            changed = copy.copy(node)
            setattr(changed, field, rest)
            single = isinstance(node, ast.BoolOp) and len(rest) == 1
            if isinstance(node, ast.Set) and not rest:
                changed = ast.Call(ast.Name("set", ast.Load()), [], [])
            text = ast.unparse(shown or node)
            left = f"without {ast.unparse(left_out)}"
            yield self._guard(node, rest[0] if single else changed, text, left)

    def _guard(
        self, node: ast.AST, instead: ast.AST, text: str | None = None, left: str | None = None
    ) -> Guard:
        instead = ast.copy_location(copy.deepcopy(instead), node)
        spelled = TAKEN_OUT if isinstance(instead, ast.Pass) else ast.unparse(instead)
        where, number = ".".join(self._where), self._numbers[node]
        texts = text or ast.unparse(node), left or spelled
        return Guard(where, self._lines, *texts, number, instead, self._constant_of_module)


def _functions(tree: ast.Module) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    """The functions of a module and of its classes, by their qualified names."""
    for node in tree.body:
        for inner in node.body if isinstance(node, ast.ClassDef) else (node,):
            if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef):
                yield inner.name if inner is node else f"{getattr(node, 'name', '')}.{inner.name}", inner


def _lines_of(node: ast.stmt) -> tuple[int, int]:
    """The lines of a simple statement, and the head of one that has others under it."""
    body = getattr(node, "body", None) or getattr(node, "cases", None)
    if not body:
        return node.lineno, node.end_lineno or node.lineno
    first = body[0].pattern.lineno if isinstance(body[0], ast.match_case) else body[0].lineno
    return node.lineno, max(node.lineno, first - 1)


def _conditions(tree: ast.Module) -> Iterator[ast.expr]:
    """What is asked for true or false, and the parts of it that are."""
    waiting: list[ast.expr] = []
    for node in ast.walk(tree):
        match node:
            case ast.If(test=test) | ast.While(test=test) | ast.IfExp(test=test):
                waiting.append(test)
            case ast.comprehension(ifs=tests):
                waiting.extend(tests)
            case ast.match_case(guard=test) if test is not None:
                waiting.append(test)
    while waiting:
        yield (node := waiting.pop())
        if isinstance(node, ast.BoolOp):
            waiting.extend(node.values)
        elif isinstance(node, ast.UnaryOp):
            waiting.append(node.operand)


def _is_condition(node: ast.expr) -> bool:
    """Surely true or false, and no `value or default`."""
    match node:
        case ast.Compare() | ast.UnaryOp(op=ast.Not()):
            return True
        case ast.BoolOp():
            return any(_is_condition(value) for value in node.values)
        case ast.Call():
            return _called(node) in ("isinstance", "any", "all", "bool", "isdisjoint", "is_")
    return False


def _is_empty(node: ast.expr) -> bool:
    match node:
        case ast.Constant(value=value):
            return not value
        case ast.Tuple(elts=[]) | ast.List(elts=[]) | ast.Dict(keys=[]):
            return True
        case ast.Call(args=[], keywords=[]):
            return _called(node) in ("set", "frozenset", "dict", "timedelta")
    return False


def _called(call: ast.Call) -> str:
    function = call.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _arguments(call: ast.Call) -> str:
    return ", ".join(ast.unparse(argument) for argument in call.args)
