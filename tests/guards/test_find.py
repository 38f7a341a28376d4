"""What counts as a guard, and what is left of a module without it."""

from __future__ import annotations

import ast
from textwrap import dedent

import pytest

from tests.guards.find import guards, raising_functions


def without_each(body: str, raising: tuple[str, ...] = ()) -> list[str]:
    """The body of a function without each of its guards."""
    source = f"def f():\n{body.strip()}" if body.startswith("\n") else f"def f():\n    {body}"
    found = guards(source, raising)
    trees = [guard.taken_out(source).body[0] for guard in found]
    return [ast.unparse(tree).removeprefix("def f():\n").strip() for tree in trees]


@pytest.mark.parametrize(
    ("body", "left"),
    [
        ("return () if x else (y,)", ["return (y,)"]),
        ("return (y,) if x else None", ["return (y,)"]),
        ("return y if x else z", []),
        ("not_closed(incident)", ["pass"]),
        ("await self.not_closed(incident)", ["pass"]),
        ("log(incident)", []),
        ("a = said(text, 'empty')", ["a = text"]),
        ("a = max(applied_at, start)", ["a = applied_at", "a = start"]),
        ("a = max(one.end for one in looks)", []),
        ("a = b and c", ["a = b", "a = c"]),
        ("a = b or c", []),
        ("a = not b or c", ["a = c", "a = not b"]),
        ("a = b < c", ["a = b <= c"]),
        ("a = low <= b <= high", ["a = low < b <= high", "a = low <= b < high"]),
        ("a = b in (1, 2)", ["a = b in (1,)", "a = b in (2,)"]),
        ("a = [b for b in c if d]", ["a = [b for b in c if True]"]),
        ("return a == b", ["return False", "return True"]),
        ("return a", []),
        ("a = q.where(b, c)", ["a = q", "a = q.where(b)", "a = q.where(c)"]),
        ("a = and_(b, c)", ["a = and_(b)", "a = and_(c)"]),
        ("a = b & c", ["a = b", "a = c"]),
        ("a = {'x': 1, 'y': 2}[b]", ["a = {'x': 1, 'y': 1}[b]", "a = {'x': 2, 'y': 2}[b]"]),
        ("self.actor(body, 'approve')", ["self.actor(body, 'respond')"]),
        ("self.actor(body, 'deploy' if a else 'look')", ["self.actor(body, 'respond' if a else 'look')"]),
        ("a = f'{1 if b else 0}'", []),
    ],
)
def test_a_guard_is_taken_out_of_an_expression(body: str, left: list[str]) -> None:
    assert sorted(without_each(body, ("not_closed",))) == sorted(left)


def test_an_early_exit_is_taken_out_and_its_condition_still_asked() -> None:
    left = without_each("if (why := against(incident)):\n        raise Refused(why)")
    assert left == ["if (why := against(incident)) and False:\n        raise Refused(why)"]


def test_what_is_done_under_a_condition_is_done_always() -> None:
    assert without_each("if a:\n        b()") == ["if a or True:\n        b()"]


def test_each_operand_of_a_condition_is_left_out_however_deep() -> None:
    left = without_each("if a and (b or not c):\n        return 1")
    heads = sorted(one.partition(":")[0] for one in left)
    whole = "if (a and (b or not c)) and False"
    assert heads == [whole, "if a", "if a and (not c)", "if a and b", "if b or not c"]


def test_a_case_loses_its_condition_and_a_handler_what_it_raises_again() -> None:
    matched = dedent("""
        match a:
            case B() if c:
                d()
    """)
    (guard,) = guards(f"def f():\n{matched.replace(chr(10), chr(10) + '    ')}")
    assert guard.text == "case B() if c"
    handled = "try:\n        a()\n    except E:\n        raise"
    assert [one.partition("except E:")[2].strip() for one in without_each(handled)] == ["pass"]


def test_each_element_of_a_constant_set_is_left_out() -> None:
    source = (
        "DEPLOYED = frozenset({'applied', 'verified'})\nNAME = 'x'\nNEEDS = {'revert': Press('deploy', f)}"
    )
    found = {guard.name: guard for guard in guards(source)}
    assert {name.partition(":")[0] for name in found} == {"DEPLOYED", "NEEDS"}
    without = [ast.unparse(guard.taken_out(source)) for guard in found.values()]
    assert sum("frozenset({'applied'})" in one for one in without) == 1
    assert sum("Press('respond', f)" in one for one in without) == 1


def test_a_function_that_calls_one_that_raises_raises() -> None:
    sources = ("def a():\n    raise E", "def b():\n    a()\ndef c():\n    d()")
    assert raising_functions(sources) == {"a", "b"}


def test_a_guard_knows_the_lines_that_a_test_has_to_come_by() -> None:
    source = "class C:\n  def f(self):\n    if (\n      a and\n      b\n    ):\n      return 1\n"
    assert {(guard.where, guard.lines) for guard in guards(source)} == {("C.f", (3, 6))}


def test_a_guard_in_a_text_is_spelled_out_and_has_to_be_there_once() -> None:
    source = 'ASK = f"SELECT {x} FROM t WHERE a AND b"\n'
    (guard,) = guards(source, spelled=[(" AND b", "")])
    assert (guard.where, guard.text, guard.left, guard.constant) == ("ASK", "AND b", "(taken out)", True)
    assert ast.unparse(guard.taken_out(source)) == "ASK = f'SELECT {x} FROM t WHERE a'"
    for wrong in (" AND c", "E"):
        with pytest.raises(LookupError, match="texts of the module"):
            guards(source, spelled=[(wrong, "")])


def test_an_expression_is_spelled_out_where_no_rule_finds_it() -> None:
    source = (
        "class C:\n    def f(self):\n        return a - b if c == 0 else a\n\ndef g():\n    return a - b\n"
    )
    (guard,) = [one for one in guards(source, spelled=[("a - b if c == 0 else a", "a")]) if one.left == "a"]
    assert (guard.where, guard.lines, guard.constant) == ("C.f", (3, 3), False)
    assert "return a\n" in ast.unparse(guard.taken_out(source))
    with pytest.raises(LookupError, match="2 places"):
        guards(source, spelled=[("a - b", "a")])
