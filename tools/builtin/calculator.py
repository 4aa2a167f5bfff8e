"""calculate: arithmetic, in bounded time.

The expression is parsed by Python and walked by us: only what is listed here exists. Every size is checked before the
operation that would make it, so that no expression takes longer than a few milliseconds.
"""

import ast
import math
import operator
from collections.abc import Callable
from typing import Annotated, Any

from pydantic import Field

from tools.base import Tool, tool
from tools.exceptions import ToolError

Number = int | float

MAX_LENGTH = 200  # characters
MAX_DEPTH = 20
MAX_BITS = 4096
MAX_DIGITS = 300  # that round() may be asked for: integers are rounded by a power of ten
EXACT = 2**53  # integers beyond it lose digits in readers whose numbers are floats
SYMBOLS = str.maketrans({"^": "**", "×": "*", "·": "*", "÷": "/", "−": "-"})
CONSTANTS: dict[str, float] = {"pi": math.pi, "e": math.e, "tau": math.tau}


def calculator_tool() -> Tool:
    """The tool."""

    @tool
    async def calculate(expression: Annotated[str, Field(min_length=1)]) -> dict[str, Any]:
        """Evaluate a mathematical expression.

        Args:
            expression: Numbers with + - * / // % ^ and parentheses; sqrt, sin, cos, tan, log, log10, exp, abs, round,
                min, max, floor, ceil, factorial; pi, e, tau. Angles are in radians.
        """
        return {"expression": expression, "result": _readable(evaluate(expression))}

    return calculate


def evaluate(expression: str) -> Number:
    """The value of an expression; raises ToolError for whatever is not one. `^` is power."""
    if len(expression) > MAX_LENGTH:
        raise ToolError(f"The expression is longer than {MAX_LENGTH} characters")
    try:
        return _value(_parsed(expression), 0)
    except ZeroDivisionError:
        raise ToolError("Division by zero") from None
    except OverflowError:
        raise ToolError("The result is too large") from None
    except ValueError:
        raise ToolError("A function has no value there") from None
    except TypeError:
        raise ToolError("A function is given the wrong number of values") from None


def _parsed(expression: str) -> ast.expr:
    try:
        return ast.parse(expression.translate(SYMBOLS).strip(), mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        raise ToolError(f"{expression!r} is not an expression that can be calculated") from None


def _value(node: ast.expr, depth: int) -> Number:
    if depth > MAX_DEPTH:
        raise ToolError(f"The expression is nested more than {MAX_DEPTH} levels deep")
    match node:
        case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
            return _bounded(number)
        case ast.Name(id=name):
            return _constant(name)
        case ast.UnaryOp(op=ast.UAdd() | ast.USub() as sign, operand=operand):
            number = _value(operand, depth + 1)
            return number if isinstance(sign, ast.UAdd) else -number
        case ast.BinOp(left=left, op=sign, right=right):
            # 1 + 2 + 3 … leans to the left: a long sum is not a deep one.
            return _bounded(_operation(sign)(_value(left, depth), _value(right, depth + 1)))
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]):
            return _bounded(_function(name)(*(_value(argument, depth + 1) for argument in arguments)))
        case _:
            raise ToolError("Only numbers, operators, parentheses and the listed functions can be calculated")


def _bounded(number: Number | complex) -> Number:
    """The number, if it is real, finite and of an allowed size."""
    if isinstance(number, int):
        if number.bit_length() > MAX_BITS:
            raise OverflowError
    elif not isinstance(number, float) or math.isnan(number):
        raise ToolError("The result is not a real number")
    elif math.isinf(number):
        raise OverflowError
    return number


def _constant(name: str) -> float:
    if name not in CONSTANTS:
        raise ToolError(f"{name!r} is not known; there are {', '.join(CONSTANTS)}")
    return CONSTANTS[name]


def _operation(sign: ast.operator) -> Callable[[Number, Number], Any]:
    if type(sign) not in OPERATIONS:
        raise ToolError("Only the operators + - * / // % and ^ can be calculated")
    return OPERATIONS[type(sign)]


def _function(name: str) -> Callable[..., Any]:
    if name not in FUNCTIONS:
        raise ToolError(f"{name!r} is not a function here; there are {', '.join(FUNCTIONS)}")
    return FUNCTIONS[name]


def _multiply(left: Number, right: Number) -> Number:
    if isinstance(left, int) and isinstance(right, int) and left.bit_length() + right.bit_length() > MAX_BITS + 1:
        raise OverflowError
    return left * right


def _power(base: Number, exponent: Number) -> Any:
    # A base of n bits is at least 2 ** (n - 1): the smallest that the result can be.
    if isinstance(base, int) and isinstance(exponent, int) and (base.bit_length() - 1) * exponent >= MAX_BITS:
        raise OverflowError
    return base**exponent


def _factorial(number: Number) -> int:
    whole = int(number)
    if whole != number or whole < 0:
        raise ToolError("factorial needs a whole number that is not negative")
    if whole > MAX_BITS or math.lgamma(whole + 1) / math.log(2) > MAX_BITS:
        raise OverflowError
    return math.factorial(whole)


def _round(number: Number, digits: Number = 0) -> Number:
    if not isinstance(digits, int) or abs(digits) > MAX_DIGITS:
        raise ToolError(f"round needs a whole number of digits, up to {MAX_DIGITS}")
    return round(number, digits)


def _whole_turns(function: Callable[[float], float]) -> Callable[[float], float]:
    """sin(pi) and its like are 0: what pi lacks in digits is not told to people."""
    return lambda angle: 0.0 if abs(angle) >= 1 and abs(function(angle)) < 1e-15 else function(angle)


def _readable(number: Number) -> Number | str:
    """Floats to 15 digits (0.1 + 0.2 is 0.3), whole ones as integers; integers that readers would round as text."""
    if isinstance(number, float):
        number = float(f"{number:.15g}")
        return int(number) if number.is_integer() and abs(number) < EXACT else number
    return number if abs(number) <= EXACT else str(number)


OPERATIONS: dict[type[ast.operator], Callable[[Number, Number], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: _multiply,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: _power,
}
FUNCTIONS: dict[str, Callable[..., Any]] = {
    "sqrt": math.sqrt,
    "sin": _whole_turns(math.sin),
    "cos": _whole_turns(math.cos),
    "tan": _whole_turns(math.tan),
    "log": math.log,
    "log10": math.log10,
    "exp": math.exp,
    "abs": abs,
    "round": _round,
    "min": lambda *numbers: min(numbers),
    "max": lambda *numbers: max(numbers),
    "floor": math.floor,
    "ceil": math.ceil,
    "factorial": _factorial,
}
