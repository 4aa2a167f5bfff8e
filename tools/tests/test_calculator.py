import math
import string
import time
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tools.builtin.calculator import FUNCTIONS, calculator_tool, evaluate
from tools.exceptions import ToolError


def result_of(expression: str):
    """The result as the tool tells it."""
    call = calculator_tool().function(expression)
    try:
        call.send(None)
    except StopIteration as done:
        return done.value["result"]
    raise AssertionError("the calculator waits for nothing")


@pytest.mark.parametrize(
    ("expression", "result"),
    [
        ("15 + 27", 42),
        ("0.1 + 0.2", 0.3),
        ("1.1 * 1.1", 1.21),
        ("10 / 2", 5),
        ("7 / 2", 3.5),
        ("7 // 2", 3),
        ("-7 % 3", 2),
        ("2 ^ 10", 1024),
        ("2 ** 3 ** 2", 512),
        ("-2 ^ 2", -4),
        ("2 ^ -1", 0.5),
        ("+3 - -3", 6),
        ("2 × 3 ÷ 4 − 1", 0.5),
        ("(1 + 2) * (3 + 4)", 21),
        ("sqrt(144)", 12),
        ("sin(pi)", 0),
        ("cos(pi / 2)", 0),
        ("sin(pi / 2)", 1),
        ("sin(1e-16)", 1e-16),
        ("tan(0)", 0),
        ("log(e)", 1),
        ("log(8, 2)", 3),
        ("log10(1000)", 3),
        ("exp(0)", 1),
        ("abs(-3)", 3),
        ("round(2.567, 1)", 2.6),
        ("round(2.5)", 2),
        ("min(3, 1, 2)", 1),
        ("max(3, 1, 2)", 3),
        ("floor(-1.5)", -2),
        ("ceil(1.2)", 2),
        ("factorial(5)", 120),
        ("factorial(5.0)", 120),
        ("tau / pi", 2),
        ("1e-20", 1e-20),
        ("1e300", 1e300),
        ("2 ^ 53", 2**53),
        ("2 ^ 64", "18446744073709551616"),
        ("-(10 ^ 30)", "-1000000000000000000000000000000"),
        ("10^400 / 10^399", 10),
        ("1_000 + 1", 1001),
        ("  1 +\t1 ", 2),
        ("+".join(["1"] * 100), 100),
        ("(" * 90 + "1" + ")" * 90, 1),
    ],
)  # fmt: skip
def test_results(expression, result):
    told = result_of(expression)
    assert told == result
    assert type(told) is type(result)


@pytest.mark.parametrize(
    ("expression", "error"),
    [
        ("1 / 0", "Division by zero"),
        ("1 % 0", "Division by zero"),
        ("0 ^ -1", "Division by zero"),
        ("9 ** 9 ** 9", "too large"),
        ("9 ** (4 * 10 ** 6)", "too large"),
        ("factorial(10 ** 7)", "too large"),
        ("factorial(600)", "too large"),
        ("3 ^ 4000", "too large"),
        ("2 ^ 4000 * 2 ^ 4000", "too large"),
        ("1e308 * 10", "too large"),
        ("exp(1000)", "too large"),
        ("10 ^ 400 + 0.5", "too large"),
        ("1e999", "too large"),
        ("(-8) ^ (1 / 3)", "not a real number"),
        ("1e308 * 10 - 1e308 * 10", "too large"),
        ("log(0)", "no value"),
        ("sqrt(-1)", "no value"),
        ("max()", "no value"),
        ("sin(1, 2)", "wrong number of values"),
        ("factorial(-1)", "whole number"),
        ("factorial(1.5)", "whole number"),
        ("round(5, 10 ^ 9)", "round needs"),
        ("round(5, -10 ^ 9)", "round needs"),
        ("round(5, 0.5)", "round needs"),
        ("x + 1", "'x' is not known; there are pi, e, tau"),
        ("open(1)", "'open' is not a function here; there are sqrt"),
        ("__import__('os')", "'__import__' is not a function here"),
        ("(1).real", "Only numbers"),
        ("'a' * 9", "Only numbers"),
        ("True", "Only numbers"),
        ("1j", "Only numbers"),
        ("1, 2", "Only numbers"),
        ("1 < 2", "Only numbers"),
        ("~1", "Only numbers"),
        ("sin(angle=1)", "Only numbers"),
        ("max(*[1, 2])", "Only numbers"),
        ("1 << 2", "Only the operators"),
        ("1 @ 2", "Only the operators"),
        ("1 +", "not an expression"),
        ("1or 2", "not an expression"),
        ("\0", "not an expression"),
        (" ", "not an expression"),
        ("(" * 150, "not an expression"),
        ("-" * 30 + "1", "nested more than 20 levels"),
        ("abs(" * 30 + "1" + ")" * 30, "nested more than 20 levels"),
        ("1" * 201, "longer than 200 characters"),
    ],
)
def test_errors(expression, error):
    with pytest.raises(ToolError, match=error):
        evaluate(expression)


def test_numbers_keep_their_4096_bits():
    assert evaluate("2 ^ 4095") == 2**4095
    with pytest.raises(ToolError, match="too large"):
        evaluate("2 ^ 4096")
    assert evaluate("2 ^ 2048 * 2 ^ 2047") == 2**4095
    with pytest.raises(ToolError, match="too large"):
        evaluate("2 ^ 2048 * 2 ^ 2048")
    assert evaluate("factorial(536)") == math.factorial(536)


async def test_the_tool_answers_with_the_expression_and_its_result(run):
    result = await run(calculator_tool(), {"expression": "15 + 27"})
    assert result.value == {"expression": "15 + 27", "result": 42}
    assert (await run(calculator_tool(), {"expression": "1 / 0"})).error == "Division by zero"
    assert (await run(calculator_tool(), {"expression": ""})).error.startswith("Invalid arguments: expression:")


ALPHABET = "0123456789.+-*/%^()e, " + string.ascii_letters
TOKENS = [*FUNCTIONS, "pi", "e", "tau", "(", ")", ",", "+", "-", "*", "/", "//", "%", "^", "**", "9", "99999", "1e308",
          ".5", "0", "4095", " ", "lambda:", "[", "{", "x", "'", "\\"]  # fmt: skip


HOSTILE = ["(", "[", "{", "-", "~", "not ", "lambda:", "f'{", "a(", "1+(", "{1:", "9^", "9*9^", "a.", "1if 1else ",
           "factorial(", "abs("]  # fmt: skip


def seconds_for(expression: str) -> float:
    """The time of this thread that an expression takes, whatever comes of it."""
    started = time.thread_time()
    with suppress(ToolError):
        value = evaluate(expression)
        assert isinstance(value, int) or math.isfinite(value)
    return time.thread_time() - started


@settings(max_examples=200, deadline=None)
@given(
    st.text(st.characters(), max_size=220)
    | st.text(ALPHABET, max_size=200)
    | st.lists(st.sampled_from(TOKENS), max_size=60).map("".join)
)
def test_any_text_is_a_number_or_a_tool_error_within_50_ms(expression):
    assert seconds_for(expression) < 0.05


@pytest.mark.parametrize("unit", HOSTILE)
@pytest.mark.parametrize("tail", ["", "9", " a b", "!", "3)"])
def test_hostile_patterns_are_done_within_50_ms(unit, tail):
    assert seconds_for((unit * 200)[: 200 - len(tail)] + tail) < 0.05


@pytest.mark.parametrize(
    "expression",
    [
        "*".join(["(2^4000)"] * 20),
        "+".join(["factorial(530)"] * 13),
        "%".join(["(2^4095-1)"] * 18),
        "//".join(["3^2583"] * 24),
        "(2^4095)^(2^4095)",
        "(-1)^(2^4095)",
        "2^-(2^4095)",
        "round(2^4095,-300)",
    ],
)
def test_the_largest_numbers_are_done_within_50_ms(expression):
    assert seconds_for(expression) < 0.05


NUMBERS = st.integers(0, 99).map(str) | st.decimals(0, 99, places=2).map(str)
EXPRESSIONS = st.recursive(
    NUMBERS,
    lambda inner: (
        st.builds("({} {} {})".format, inner, st.sampled_from(["+", "-", "*", "/", "//", "%"]), inner)
        | st.builds("-{}".format, inner)
    ),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None)
@given(EXPRESSIONS)
def test_arithmetic_agrees_with_python(expression):
    try:
        expected = eval(expression, {"__builtins__": {}})  # noqa: S307 - digits and operators that we made
    except ZeroDivisionError:
        with pytest.raises(ToolError, match="Division by zero"):
            evaluate(expression)
        return
    assert evaluate(expression) == expected
    assert float(result_of(expression)) == pytest.approx(expected, rel=1e-14)
