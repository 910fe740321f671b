"""How numbers and tables are written: uncertainty, HTML, Markdown, LaTeX."""

import re
import textwrap
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
    return re.sub(r"(?=[\\|]|<[A-Za-z/!])", r"\\", text).replace("\n", " ")


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
    text = str(text).replace("<=", "≤").replace(">=", "≥").translate(_TEX)
    text = re.sub(r"\bN\\_h\b", "$N_h$", text)
    text = re.sub(r"(?<![\w.])-inf\b", r"$-\\infty$", text)
    text = re.sub(r"(?<![\w.])-(?=\d)|(?<= )-(?= )", "$-$", text)
    return re.sub(r"(?<=[\d)])e([+-]\d+)", lambda e: rf"$\times10^{{{int(e[1])}}}$", text)


#: Where a table may stand, the first place where it fits: the letters, how wide one is, and how
#: wide the text of a page (6.75 inches) or of one that is turned (9 inches), in points.
_PLACES = [("footnotesize", 4.4, 488), ("footnotesize", 4.4, 650), ("scriptsize", 3.8, 650)]
#: The space beside a column in points, and the letters that a line of sentences has at most.
_SPACE, _SENTENCE = 3, 40


def latex(table: pd.DataFrame, caption: str, label: str) -> str:
    """Return a table as LaTeX with the rules of booktabs, for a text that is 6.75 inches wide.

    Columns are between their longest word and their longest cell wide, as a browser lays them out,
    and headings break into lines. A table too wide for a page is turned, and one too long for it
    breaks. Numbers stand to the right.
    """
    table = _plain(table)
    # A power of ten is longer than what it is written for.
    cells = table.astype(str).replace(r"e[+-]\d\d", "xxxxx", regex=True)
    lengths = cells.map(len).astype(int)
    longest = lengths.max().fillna(0)  # of no row
    size, letter, line, width = _layout(cells, longest)
    wrapped = width < longest
    formats = [
        rf">{{\raggedright\arraybackslash}}p{{{letter * width[name]:.0f}pt}}"
        if wrapped[name]
        else "r"
        if pd.api.types.is_numeric_dtype(table[name])
        else "l"
        for name in table
    ]
    turned = line > _PLACES[0][2]
    breaks = np.ceil(lengths / width).max(axis="columns").sum() > (25 if turned else 40)
    headings = {
        name: textwrap.wrap(name, round(width[name]), break_long_words=False) for name in table
    }
    styler = table.style.hide(axis="index").format(tex)
    styler = styler.format(
        lambda cell: tex(cell).replace(r"\_", r"\_\allowbreak "), subset=list(width.index[wrapped])
    )
    styler = styler.format_index(lambda name: _stacked(headings[name]), axis="columns")
    text = styler.to_latex(
        column_format="".join(formats),
        caption=tex(caption),
        label=label,
        hrules=True,
        environment="longtable" if breaks else "table",
        **({} if breaks else {"position_float": "centering"}),
    )
    look = rf"\{size}\setlength{{\tabcolsep}}{{{_SPACE}pt}}"
    look += r"\renewcommand{\arraystretch}{1.2}" if wrapped.any() else ""
    if breaks:
        text = f"{{{look}\\setlength{{\\LTcapwidth}}{{\\linewidth}}\n{text}}}\n"
    else:
        text = text.replace(
            "\\centering\n", f"\\centering{look}\\setlength{{\\belowcaptionskip}}{{6pt}}\n"
        )
    if turned:
        text = f"\\begin{{landscape}}\n{text}\\end{{landscape}}\n"
    packages = ["array", "booktabs", *["longtable"] * bool(breaks), *["pdflscape"] * bool(turned)]
    return f"% Packages: {', '.join(packages)}.\n{text}"


def _layout(cells: pd.DataFrame, longest: pd.Series) -> tuple[str, float, int, pd.Series]:
    """Return where a table may stand, one of `_PLACES`, and how many letters its columns hold."""
    words = [
        max(len(word) for cell in [name, *cells[name]] for word in re.split("[ _]", cell))
        for name in cells
    ]
    least = pd.Series(words, cells.columns)
    wish = longest.clip(upper=_SENTENCE).clip(lower=least)
    for size, letter, line in _PLACES:
        room = (line - 2 * _SPACE * len(wish)) / letter
        if wish.sum() <= room:
            return size, letter, line, wish
    share = (room - least.sum()) / max(1, (wish - least).sum())
    return size, letter, line, least + (wish - least) * max(0, share)


def _stacked(lines: list[str]) -> str:
    """Return the lines of a heading for LaTeX, one above the other."""
    text = r" \\ ".join(map(tex, lines))
    return text if len(lines) < 2 else rf"\begin{{tabular}}[b]{{@{{}}l@{{}}}}{text}\end{{tabular}}"


def _plain(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table as it is read: an index that has a name is a column, alpha has two digits."""
    table = table if table.index.name is None else table.reset_index()
    if "alpha" in table:
        table = table.assign(alpha=table["alpha"].map("{:.2f}".format))
    return table
