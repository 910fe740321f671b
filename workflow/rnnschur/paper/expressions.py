"""Expressions of named numbers: arithmetic, comparisons and logic, read and never executed.

Python reads the text into a syntax tree. The few nodes that have a meaning here are translated
into calls of NumPy's functions; whatever else the language has is refused, unevaluated.
"""

import ast
import difflib
import re
import sys
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial, reduce
from itertools import pairwise

import numpy as np

ALLOWED = "finite numbers, names without __, + - * /, < <= > >= == !=, and or not, abs(x), ( )"
#: Quotes, brackets, comments and invisible characters do not even reach Python's parser.
STRANGE = re.compile(r"[^\w\s.+*/<>=!()-]")
#: The most characters of an expression, and the most operations one within the other.
LONGEST, DEEPEST = 2000, 50

#: What a value can be, and the kinds of NumPy's types that are so.
NUMBER, TRUTH, EITHER = "a number", "true or false", "a number or true or false"
KINDS = {NUMBER: "iuf", TRUTH: "b", EITHER: "iufb"}

ARITHMETIC = {ast.Add: np.add, ast.Sub: np.subtract, ast.Mult: np.multiply, ast.Div: np.divide}
ARITHMETIC |= {ast.UAdd: np.positive, ast.USub: np.negative}
COMPARISONS = {ast.Lt: np.less, ast.LtE: np.less_equal, ast.Eq: np.equal}
COMPARISONS |= {ast.Gt: np.greater, ast.GtE: np.greater_equal, ast.NotEq: np.not_equal}
LOGIC = {ast.And: np.logical_and, ast.Or: np.logical_or}


@dataclass(frozen=True)
class Expression:
    """An expression that `parse` has read: its text, and the names that it uses."""

    text: str
    names: frozenset[str]
    _value: Callable[[Mapping], object] = field(repr=False, compare=False)

    def evaluate(self, values: Mapping[str, object]):
        """Return the value of the expression, element by element.

        Infinities and NaN are NumPy's, without a warning: ``1 / 0`` is infinite, ``0 / 0`` is NaN,
        and comparisons with NaN are false, ``!=`` apart.

        Parameters
        ----------
        values : mapping of str to float, bool, numpy.ndarray or pandas.Series
            Values by name, of shapes that go together in NumPy; of `names` or more.

        Returns
        -------
        float, bool, numpy.ndarray or pandas.Series
            A scalar if all the values are.

        Raises
        ------
        ValueError
            For a name that is not in `values`, for a value that is no number in arithmetic or a
            comparison, and for one that is not true or false in logic; the message names it.
        """
        known = [str(name) for name in values]
        if unknown := sorted(self.names.difference(known)):
            near = ", ".join(map(repr, difflib.get_close_matches(unknown[0], known)))
            allowed = f"{len(known)} names" + (f", such as {near}" if near else "")
            raise _refusal(unknown[0], "is unknown", allowed)
        with np.errstate(all="ignore"):
            return self._value(values)


def parse(text: str) -> Expression:
    """Read an expression.

    Operators bind as in Python, and ``a < b < c`` is ``a < b and b < c``. A line break is a space.
    All numbers in the text are floats.

    Raises
    ------
    ValueError
        For text with anything in it but what is allowed, for arithmetic with truth values and
        logic with numbers; the message, of one line, names the piece.
    """
    if not isinstance(text, str):
        raise _refusal(str(text), f"is of type {type(text).__name__}", "text")
    if len(text) > LONGEST:
        raise _refusal(text, f"has {len(text)} characters", LONGEST)
    if strange := STRANGE.search(text):
        raise _refusal(strange[0])
    line = " ".join(text.split())
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # of text such as `1and 2`: refused, too
            tree = ast.parse(line, mode="eval").body
    except SyntaxError as error:
        piece = line[max(error.offset or 1, 1) - 1 :]
        raise _refusal(piece or line, f"cannot be read ({error.msg})") from None
    except (RecursionError, MemoryError):
        raise _refusal(line, "is nested too deeply", f"{DEEPEST} operations") from None
    value = _translate(tree, line, EITHER)
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    return Expression(text, frozenset(names - {"abs"}), value)


def _translate(node: ast.expr, line: str, needed: str, depth: int = 0) -> Callable:
    """Return the function from values by name to the value of a node in the tree of `line`."""
    if depth > DEEPEST:
        raise _refusal(line, "is nested too deeply", f"{DEEPEST} operations")
    match node:
        case ast.Name(id=name) if name != "abs" and "__" not in name:
            return partial(_look_up, name, needed)  # what it is, only its value tells
        # True is an int, but not of type int; 1e999 is infinite.
        case ast.Constant(value=x) if type(x) in (int, float) and x <= sys.float_info.max:
            function, takes, gives, operands = partial(float, x), NUMBER, NUMBER, []
        case ast.Call(func=ast.Name(id="abs"), args=[x], keywords=[]):
            function, takes, gives, operands = np.abs, NUMBER, NUMBER, [x]
        case ast.UnaryOp(op=sign, operand=x) if type(sign) in ARITHMETIC:
            function, takes, gives, operands = ARITHMETIC[type(sign)], NUMBER, NUMBER, [x]
        case ast.BinOp(left=x, op=sign, right=y) if type(sign) in ARITHMETIC:
            function, takes, gives, operands = ARITHMETIC[type(sign)], NUMBER, NUMBER, [x, y]
        case ast.Compare(left=x, ops=signs, comparators=y) if {*map(type, signs)} <= {*COMPARISONS}:
            function, takes, gives, operands = partial(_chain, signs), NUMBER, TRUTH, [x, *y]
        case ast.UnaryOp(op=ast.Not(), operand=x):
            function, takes, gives, operands = np.logical_not, TRUTH, TRUTH, [x]
        case ast.BoolOp(op=sign, values=operands):
            link = LOGIC[type(sign)]
            function, takes, gives = lambda *truths: reduce(link, truths), TRUTH, TRUTH
        case _:
            raise _refusal(ast.get_source_segment(line, node))
    if needed not in (gives, EITHER):
        raise _refusal(ast.get_source_segment(line, node), f"is {gives}", needed)
    parts = [_translate(operand, line, takes, depth + 1) for operand in operands]
    return lambda values: function(*(part(values) for part in parts))


def _look_up(name: str, needed: str, values: Mapping):
    """Return the value of a name, which must be what its place in the expression needs."""
    kind = np.asarray(values[name]).dtype
    if kind.kind not in KINDS[needed]:
        raise _refusal(name, f"is of type {kind}", needed)
    return values[name]


def _chain(signs: list[ast.cmpop], *operands):
    """Return whether neighbours compare as the sign between them says, all of them."""
    pairs = zip(signs, pairwise(operands), strict=True)
    return reduce(np.logical_and, (COMPARISONS[type(sign)](*pair) for sign, pair in pairs))


def _refusal(piece: str, reason: str = "is not allowed", allowed: object = ALLOWED) -> ValueError:
    """Return the error that names, in one line, a piece, what is wrong and what is allowed."""
    piece = piece if len(piece) <= 60 else f"{piece[:59]}…"
    return ValueError(f"{piece!r} {reason}; allowed: {allowed}")
