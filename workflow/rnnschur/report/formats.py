"""How numbers and tables are written: uncertainty, HTML, Markdown, LaTeX."""

import re
from collections.abc import Iterable

import numpy as np
import pandas as pd
from markupsafe import escape
from pandas.io.formats.style import Styler


def digits(value: float) -> str:
    """Return a number with three significant digits, whole up to 100,000; nothing for NaN."""
    if np.isnan(value):
        return ""
    return f"{value:.0f}" if 1000 <= abs(value) < 100_000 else f"{value:.3g}"


def shorthand(mean: float, sd: float) -> str:
    """Return a mean over networks and their standard deviation, as in 0.858(17): 0.858 and 0.017.

    The parentheses hold two digits of the standard deviation, in units of the last digit of the
    mean. It is that of the networks; how well the mean is known is what an interval says. The
    notation is that of the metrologists' guide (JCGM 100:2008, 7.2.2), and of siunitx. Without a
    standard deviation there are three significant digits.
    """
    if not (np.isfinite([mean, sd]).all() and sd > 0):
        return digits(mean)
    power = int(np.floor(np.log10(max(abs(mean), sd))))
    power = 0 if -4 <= power < 5 else power
    mean, sd = mean / 10.0**power, sd / 10.0**power
    places = max(0, 1 - int(np.floor(np.log10(float(f"{sd:.1e}")))))
    if places > 9:  # nothing but rounding
        return digits(mean * 10.0**power)
    exponent = f"e{power:+03d}" if power else ""
    return f"{mean:.{places}f}({sd * 10**places:.0f}){exponent}"


def interval(row: pd.Series, of: str = "") -> str:
    """Return '[low, high]' of a row of a summary; nothing where there is no interval.

    `of` is what its ends are the `low` and `high` of, such as ``share_``.
    """
    low = row[f"{of}low"]
    return "" if np.isnan(low) else f"[{digits(low)}, {digits(row[f'{of}high'])}]"


def with_interval(row: pd.Series) -> str:
    """Return 'mean(sd) [low, high]' of a row of a summary."""
    return f"{shorthand(row['mean'], row['sd'])} {interval(row)}".strip()


def page(table: pd.DataFrame, caption: str) -> Styler:
    """Return a table as a page of HTML."""
    look = [
        {"selector": "", "props": "border-collapse: collapse; font: 14px sans-serif;"},
        {"selector": "caption", "props": "text-align: left; padding: 8px; max-width: 60em;"},
        {"selector": "th, td", "props": "padding: 3px 10px; text-align: left;"},
        {"selector": "thead th", "props": "border-bottom: 1px solid #888;"},
    ]
    # A fixed identity instead of a random one: the same table gives the same page.
    styler = table.style.set_uuid("table").set_caption(escape(caption)).set_table_styles(look)
    styler = styler.set_table_attributes('cellspacing="0"').format(
        {"alpha": "{:.2f}"} if "alpha" in table else None, escape="html"
    )
    styler = styler.format_index(escape="html").format_index(escape="html", axis="columns")
    return styler.hide(axis="index") if table.index.name is None else styler


def markdown(table: pd.DataFrame, caption: str | None = None) -> str:
    """Return a table as Markdown, with its caption above it if there is one."""
    table = _plain(table)
    rows = markdown_rows(table.columns, table.to_numpy())
    return rows if caption is None else f"{caption}\n\n{rows}\n"


def markdown_rows(header: Iterable, rows: Iterable[Iterable]) -> str:
    """Return the lines of a table of Markdown."""
    header = list(header)
    lines = [header, ["---"] * len(header), *rows]
    cells = ([_cell(str(cell)) for cell in line] for line in lines)
    return "\n".join(f"| {' | '.join(line)} |" for line in cells)


def _cell(text: str) -> str:
    """Return a text that ends no cell and no row, and in which nothing is a tag of HTML."""
    return re.sub(r"(?=[|]|<[A-Za-z/!])", r"\\", text).replace("\n", " ")


#: What LaTeX would take for something else, and letters that it has no text of.
_TEX = str.maketrans(
    {
        **{sign: f"\\{sign}" for sign in "&%$#_{}"},
        **{"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"},
        **{"ε": r"$\epsilon$", "α": r"$\alpha$", "‖": r"$\|$", "|": r"$|$"},
        **{"<": "$<$", ">": "$>$", "≤": r"$\leq$", "≥": r"$\geq$", "π": r"$\pi$"},
    }
)


def tex(text: object) -> str:
    """Return text for LaTeX: signs with a meaning escaped, -1.5e-06 with minus and power of ten."""
    text = re.sub(r"(?<![\w.])-(?=\d)", "$-$", str(text).translate(_TEX))
    return re.sub(r"(?<=[\d)])e([+-]\d+)", lambda e: rf"$\times10^{{{int(e[1])}}}$", text)


def latex(table: pd.DataFrame, caption: str, label: str) -> str:
    """Return a table as LaTeX with the rules of booktabs; one of more than 40 rows may break.

    Columns of long text are a quarter of a line wide, numbers stand to the right.
    """
    table = _plain(table)
    formats = []
    for name in table:
        longest = table[name].astype(str).str.len().max()
        numeric = pd.api.types.is_numeric_dtype(table[name])
        formats.append("r" if numeric else r"p{0.25\linewidth}" if longest > 40 else "l")
    environment = "longtable" if len(table) > 40 else "table"
    styler = table.style.hide(axis="index").format(tex).format_index(tex, axis="columns")
    text = styler.to_latex(
        column_format="".join(formats),
        caption=tex(caption),
        label=label,
        hrules=True,
        environment=environment,
        **({"position_float": "centering"} if environment == "table" else {}),
    )
    packages = "booktabs" if environment == "table" else "booktabs, longtable"
    return f"% Packages: {packages}.\n{text}"


def _plain(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table as it is read: an index that has a name is a column, alpha has two digits."""
    table = table if table.index.name is None else table.reset_index()
    if "alpha" in table:
        table = table.assign(alpha=table["alpha"].map("{:.2f}".format))
    return table
