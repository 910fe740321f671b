"""Expressions: the same values as Python's and pandas' own, and nothing but values."""

import re
import unicodedata
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from rnnschur.paper import expressions, statements
from rnnschur.paper.expressions import ALLOWED, DEEPEST, LONGEST, parse

ROOT = Path(__file__).parents[2]
CLAIMS = yaml.safe_load((ROOT / "report" / "claims.yaml").read_text())["claims"]
CLAIMS = [claim for claim in CLAIMS if "finding" not in claim]  # those have no expression
BOUNDS = {"epsilon": 0.1, "minimum_mass": 0.01, "unchanged_accuracy": 0.005, "unchanged_fvu": 0.01}
BOUNDS |= {name: value for claim in CLAIMS for name, value in claim.get("bounds", {}).items()}
SPECIAL = [0.0, -0.0, 0.02, 0.1, 0.01, 1.0, np.nan, np.inf, -np.inf]
ROWS = pd.DataFrame(
    {
        "a": [1.5, -2.0, 0.0, np.nan, 3.0, np.inf],
        "b": [0.5, -2.0, 0.0, 1.0, np.nan, -np.inf],
        "c": [-0.0, 4.0, 2.0, 0.02, 1e300, 1e-300],
    },
    index=list("uvwxyz"),
)


def refusal(text, values=None):
    """Return the message with which a text is refused: by `parse`, or on evaluation of values."""
    with pytest.raises(ValueError) as refused:  # noqa: PT011, the caller looks at the message
        parse(text) if values is None else parse(text).evaluate(values)
    message = str(refused.value)
    assert len(message.splitlines()) == 1 and message.isprintable() and len(message) < 250
    return message


def published():
    """Return the published networks, one row a network and threshold, with columns by name."""
    table = pd.read_csv(ROOT / "results" / "published" / "tables" / "thresholds.csv")
    table["damage"] = np.where(table["task"] == "copy", -table["delta"], table["delta"])
    table = table.rename(columns={"removed_mass": "mass", "rollout_difference": "difference"})
    table["removed"] = table["removed"].replace("RR+CR+CC", "all").str.replace("+", "_")
    table["cell"] = table["task"] + "/" + table["architecture"] + "/" + table["width"].astype(str)
    quantities = ["value", "damage", "mass", "sensitivity", "difference"]
    table = table.pivot(index=["cell", "seed", "alpha"], columns="removed", values=quantities)
    table.columns = ["_".join(column) for column in table.columns]
    return table


def observed(claim, table):
    """Return the networks that a claim is about, beside each other if it is about several tasks."""
    cells = claim["networks"]
    if isinstance(cells, dict):
        return pd.concat([table.loc[cell].add_prefix(f"{n}_") for n, cell in cells.items()], axis=1)
    return table.loc[[cells] if isinstance(cells, str) else cells]


def like_pandas(claim, table):
    """Compare the expressions of a claim with what pandas makes of them, on the same table."""
    for key in ("quantity", "agrees"):
        if key in claim:
            ours = parse(claim[key]).evaluate({**BOUNDS, **table})
            known = {"engine": "python", "resolvers": [BOUNDS]}
            pd.testing.assert_series_equal(ours, table.eval(claim[key], **known), check_names=False)
            table = table.assign(**{key: ours})
    return table


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim["id"])
def test_the_claims_are_what_pandas_makes_of_them_on_random_tables(claim):
    rng = np.random.default_rng(1)
    names = {n for key in ("quantity", "agrees") for n in parse(claim.get(key, "0")).names}
    names -= {"quantity", *BOUNDS}
    columns = {name: rng.normal(0, 0.1, 500) for name in sorted(names)}
    table = pd.DataFrame(columns).mask(rng.random((500, len(names))) < 0.1)
    special = pd.DataFrame({name: rng.choice(SPECIAL, 500) for name in sorted(names)})
    table = like_pandas(claim, pd.concat([table, special], ignore_index=True))
    assert table["agrees"].dtype == bool and table["agrees"].nunique() == 2
    assert like_pandas(claim, table[:0].drop(columns=["quantity", "agrees"], errors="ignore")).empty


def test_the_claims_are_what_pandas_makes_of_them_on_the_published_tables():
    table = published()
    known = {*table, *BOUNDS, "quantity"}
    rows = [(claim, observed(claim, table)) for claim in CLAIMS]
    seen = {
        claim["id"]: like_pandas(claim, of_claim)
        for claim, of_claim in rows
        if statements.names(claim) <= {*known, *of_claim}  # others are about other tables, too
    }
    assert len(seen) > 20
    assert all(len(rows) >= 30 for rows in seen.values())
    assert {agrees for rows in seen.values() for agrees in rows["agrees"]} == {True, False}


# Numbers of the generated texts are between braces, so that each reader has them as it needs.
numbers = st.recursive(
    st.sampled_from(["a", "b", "c", "{0}", "{1}", "{2.5}", "{.02}", "{1e-3}"]),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["+", " - ", "*", " / "]), inner).map("".join),
        st.tuples(st.sampled_from("+-"), inner).map("".join),
        inner.map("(%s)".__mod__),
        inner.map("abs(%s)".__mod__),
    ),
    max_leaves=8,
)
comparisons = st.lists(numbers, min_size=2, max_size=4).flatmap(
    lambda operands: st.lists(
        st.sampled_from(["<", " <= ", ">", ">=", " == ", "!="]),
        min_size=len(operands) - 1,
        max_size=len(operands) - 1,
    ).map(lambda signs: operands[0] + "".join(map(str.__add__, signs, operands[1:])))
)
truths = st.recursive(
    comparisons,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from([" and ", " or ", "\n  and\n"]), inner).map("".join),
        inner.map("not %s".__mod__),
        inner.map("(%s)".__mod__),
    ),
    max_leaves=6,
)


@given(st.one_of(numbers, truths))
@example("a - b - c")
@example("a / b * c")
@example("-a < b == c != {0}")
@example("not a < b and b < c or c == c")
@example("a < b or b < c and c > a")
def test_values_are_those_of_python_row_by_row(generated):
    """Python itself evaluates the text that was generated here, of one row of scalars at a time."""
    expression = parse(re.sub("[{}]", "", generated))
    assert expression.names == set(re.findall(r"\b[abc]\b", generated))
    python = re.sub(r"\{(.*?)\}", r"float64(\1)", generated).replace("\n", " ")
    python = compile(python, "generated", "eval")
    known = {"__builtins__": {}, "abs": abs, "float64": np.float64}
    with np.errstate(all="ignore"):
        rows = [eval(python, known, dict(row)) for _, row in ROWS.iterrows()]
    for values in (ROWS, {name: column.to_numpy() for name, column in ROWS.items()}):
        found = expression.evaluate(values)
        np.testing.assert_array_equal(found if expression.names else [found] * len(ROWS), rows)
    scalars = [expression.evaluate(dict(row)) for _, row in ROWS.iterrows()]
    np.testing.assert_array_equal(scalars, rows)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2 + 3 * 4", 14),
        ("(2 + 3) * 4", 20),
        ("8 / 4 / 2", 1),
        ("2 - 3 - 4", -5),
        ("-2 * -3 - +1", 5),
        ("abs(1 - 3) * 2", 4),
        ("1 < 2 < 3", True),
        ("3 > 2 > 2", False),
        ("1 < 3 > 2 == 2 != 1", True),
        ("0 < 2 < 1 or 1 <= 1", True),
        ("not 1 > 2 and 1 > 2", False),
        ("not (1 > 2 and 1 > 2)", True),
        ("1 < 2 or 1 < 2 and 1 > 2", True),
        ("(1 < 2 or 1 < 2) and 1 > 2", False),
        ("1 + 1 == 2 and not 1 + 1 < 2", True),
        ("1 / 0", np.inf),
        ("-1 / 0", -np.inf),
        ("0 / 0", np.nan),
        ("1e308 * 10", np.inf),
        ("\t1\n\n+\r\n1 ", 2),
        ("0x10 + 1_000 + 1.5e1", 1031),
        (f"{'9' * 300} > 1", True),
    ],
)
def test_precedence_chains_and_numbers(text, value):
    found = parse(text).evaluate({})
    assert np.ndim(found) == 0
    assert isinstance(found, bool | np.bool_) == isinstance(value, bool)
    np.testing.assert_equal(found, value)


def test_comparisons_with_nan_are_false_but_for_unequal():
    values = {"x": np.array([np.nan, 1.0, np.nan]), "y": np.array([1.0, np.nan, np.nan])}
    for sign in ("<", "<=", ">", ">=", "=="):
        assert not parse(f"x {sign} y").evaluate(values).any()
        assert parse(f"not x {sign} y").evaluate(values).all()
    assert parse("x != y and x != x or y != y").evaluate(values).all()
    assert np.isnan(parse("abs(x) + y / x").evaluate(values)).all()


def test_values_keep_their_type_and_index():
    found = parse("a / 0 > b and not flag").evaluate({**ROWS, "flag": np.arange(6) > 2})
    assert isinstance(found, pd.Series) and found.dtype == bool
    assert found.index.equals(ROWS.index) and list(found) == [True] + [False] * 5
    assert type(parse("-x").evaluate({"x": np.arange(3)})) is np.ndarray
    assert parse("x").evaluate({"x": 2.0}) == 2.0
    assert parse("flag or x > 1").evaluate({"flag": False, "x": 2}) is np.True_
    # Numbers in the text are floats, however whole or large.
    assert parse("x + 1").evaluate({"x": np.arange(3)}).dtype == float
    assert parse(f"x < {'9' * 300}").evaluate({"x": np.arange(3)}).all()
    # A float among numbers of low precision does not raise theirs, as everywhere in NumPy.
    assert parse("x <= 0.1").evaluate({"x": np.float32([0.1])}).all()


def test_an_expression_knows_its_names():
    expression = parse("abs(damage_RR_CC) <= epsilon\nand (damage_RR_CC > 1 or ε > 0)")
    assert expression.names == {"damage_RR_CC", "epsilon", "ε"}
    assert expression == parse(expression.text) and hash(expression) == hash(parse(expression.text))
    assert parse("1 < 2").names == frozenset()


# What each would do if anything ran it: write a file, say something, take forever, or mislead.
HOSTILE = {
    # With the piece that the message names, where it is not the whole.
    "@Path('written').write_text('y') == 1": "@",
    "Path('written').write_text('y')": "'",
    "__import__('os').system('touch written')": "'",
    'open("written", mode="w")': '"',
    "().__class__.__base__.__subclasses__()": "().__class__.__base__.__subclasses__()",
    "__import__(os)": "__import__(os)",
    "__builtins__": "__builtins__",
    "a.__class__ == 1": "a.__class__",
    "a.to_csv == 1": "a.to_csv",
    "a.to_csv()": "a.to_csv()",
    "1 + a.sum() > 0": "a.sum()",
    "a__b > 0": "a__b",
    "a[0]": "[",
    "{a}": "{",
    "[x for x in a]": "[",
    "(x for x in a)": "(x for x in a)",
    "lambda: 1": ":",
    "print()": "print()",
    "print(a)": "print(a)",
    "eval(a)": "eval(a)",
    "exec(a) or 1 < 2": "exec(a)",
    "breakpoint()": "breakpoint()",
    "abs": "abs",
    "abs + 1": "abs",
    "abs()": "abs()",
    "abs(a, b)": ",",
    "abs(a, b=c)": ",",
    "abs(a, **b)": ",",
    "abs(x=a)": "abs(x=a)",
    "abs(*a)": "*a",
    "abs(**a)": "abs(**a)",
    "abs(a)(b)": "abs(a)(b)",
    "a.abs(b)": "a.abs(b)",
    "f'{print(a)}'": "'",
    "'a' * 1000000000": "'",
    "b'a'": "'",
    "(b := a)": ":",
    "a = 1": "= 1",
    "a @ b": "@",
    "a ** b": "a ** b",
    "9 ** 9 ** 9 ** 9": "9 ** 9 ** 9 ** 9",
    "a // b": "a // b",
    "a % b": "%",
    "a << b": "a << b",
    "a & b": "&",
    "a | b": "|",
    "~a": "~",
    "a, b": ",",
    "a; b": ";",
    "a in b": "a in b",
    "1 < a not in b": "1 < a not in b",
    "a is b": "a is b",
    "a > 0 is not b": "a > 0 is not b",
    "a if a > 0 else b": "a if a > 0 else b",
    "(yield)": "yield",
    "(yield a)": "yield a",
    "await a": "await a",
    "import os": "import os",
    "True": "True",
    "a == None": "None",
    "False or a > 1": "False",
    "...": "...",
    "1j": "1j",
    "1e999": "1e999",
    "a > 0 # and b > 0": "#",
    "a > 0 \\\n and b > 0": "\\",
    "a\0": "\0",
    "a \u200b> 0": "\u200b",
    "a \ud800": "\ud800",
    "a “b”": "“",
    "a b": "b",
    "a >": "a >",
    "(a": "(a",
    "a)": ")",
    "a <> b": "<> b",
    "1and 2": "1and 2",
    "01": "01",
    "": "",
    " \n": "",
}


@pytest.mark.parametrize("text", HOSTILE)
def test_all_else_is_refused_and_nothing_happens(text, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    message = refusal(text)
    assert message.startswith(f"{HOSTILE[text]!r} ")
    assert message.endswith(f"; allowed: {ALLOWED}")
    assert list(tmp_path.iterdir()) == [] and capfd.readouterr() == ("", "")


@pytest.mark.parametrize("text", [text for text in HOSTILE if not {"#", "\\"} & set(text)])
def test_the_tree_alone_keeps_out_what_its_characters_give_away(text, tmp_path, monkeypatch, capfd):
    """Comments and broken lines are not in the tree; of all else, both guards are enough."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(expressions, "STRANGE", re.compile("(?!)"))
    with pytest.raises(ValueError):  # noqa: PT011, some are Python's own
        parse(text)
    assert list(tmp_path.iterdir()) == [] and capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1 and 2", "'1' is a number; allowed: true or false"),
        ("not a + 1", "'a + 1' is a number; allowed: true or false"),
        ("a > 0 and -b", "'-b' is a number; allowed: true or false"),
        ("(a > 0) + 1", "'a > 0' is true or false; allowed: a number"),
        ("-(not a)", "'not a' is true or false; allowed: a number"),
        ("abs(a and b)", "'a and b' is true or false; allowed: a number"),
        ("(a > 0) == (b > 0)", "'a > 0' is true or false; allowed: a number"),
        ("1 < (2 < 3)", "'2 < 3' is true or false; allowed: a number"),
        (True, "'True' is of type bool; allowed: text"),
        (0.02, "'0.02' is of type float; allowed: text"),
        (["a", "b"], "\"['a', 'b']\" is of type list; allowed: text"),
        (None, "'None' is of type NoneType; allowed: text"),
    ],
)
def test_numbers_are_not_truths(text, message):
    assert refusal(text) == message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("damage_RC > 0", "'damage_RC' is unknown; allowed: 6 names, such as 'damage_CC'"),
        ("damage_CC > zzz", "'zzz' is unknown; allowed: 6 names"),
        ("print > open", "'open' is unknown; allowed: 6 names"),
        ("flag + 1", "'flag' is of type bool; allowed: a number"),
        ("damage_CC < flag", "'flag' is of type bool; allowed: a number"),
        ("abs(truths)", "'truths' is of type bool; allowed: a number"),
        ("damage_CC and flag", "'damage_CC' is of type float64; allowed: true or false"),
        ("flag or not one", "'one' is of type int64; allowed: true or false"),
        ("word > 0", "'word' is of type object; allowed: a number"),
        ("word", "'word' is of type object; allowed: a number or true or false"),
        ("complex < 1", "'complex' is of type complex128; allowed: a number"),
    ],
)
def test_names_and_their_values_are_checked(text, message):
    values = {"damage_CC": pd.Series([1.0]), "flag": True, "truths": np.array([True]), "one": 1}
    values |= {"word": pd.Series(["a"], dtype=object), "complex": 1j}
    assert refusal(text, values) == message


def test_a_message_does_not_list_hundreds_of_names():
    values = {f"quantity_{i}": 0.0 for i in range(500)}
    message = refusal("quantity_1x > 0", values)
    assert message.startswith("'quantity_1x' is unknown; allowed: 500 names, such as 'quantity_1")
    assert message.count("quantity_") == 4
    assert refusal("x" * 1500, values) == f"'{'x' * 59}…' is unknown; allowed: 500 names"


def test_length_and_depth_are_bounded():
    assert refusal("1" * (LONGEST + 1)).endswith(f"has 2001 characters; allowed: {LONGEST}")
    assert parse("x" * LONGEST).names == {"x" * LONGEST}
    # A sum leans to the left, each term within the next.
    for text in ("+x" * DEEPEST, "abs(" * DEEPEST + "x" + ")" * DEEPEST, "-" * DEEPEST + "x"):
        assert parse(text).evaluate({"x": 1.0}) in (1, DEEPEST)
        assert f"is nested too deeply; allowed: {DEEPEST} operations" in refusal(f"abs({text})")
    flat = ["x < " * 400 + "x", "x > 0 and " * 190 + "x > 0", "(" * 150 + "x" + ")" * 150]
    assert all(parse(text).names == {"x"} for text in flat)
    deep = ["-" * 1999 + "x", "not " * 499 + "x", "x" + "+x" * 999, "(" * 300 + "x" + ")" * 300]
    deep += ["(" * 2000, "abs(" * 400, "x<(" * 600, "-(" * 180 + "x" + ")" * 180, "9" * 2000]
    deep += ["x if x else " * 150 + "x", "x." * 900 + "x", "x" + "()" * 900, "await " * 300 + "x"]
    assert all(refusal(text) for text in deep)


tokens = ["a", "b", "1", ".5", "1e9", "(", ")", "abs", "abs(", "+", "-", "*", "/", "<", "==", "="]
tokens += ["and", "or", "not", "in", "is", "if", "else", "for", "lambda", ":", ",", ".", "[", "]"]
tokens += ["'", '"', "\\", "#", "@", "\n", "\0", "__", "f'", "{", "}", "await", "yield", "ª", "é"]


@given(st.lists(st.sampled_from(tokens) | st.text(max_size=3), max_size=12), st.sampled_from(" \n"))
def test_any_text_is_read_or_refused(pieces, space):
    text = space.join(pieces)
    try:
        expression = parse(text)
    except ValueError:
        refusal(text)
    else:
        # Python reads letters such as ª as the plain ones.
        assert expression.names <= set(re.findall(r"\w+", unicodedata.normalize("NFKC", text)))
