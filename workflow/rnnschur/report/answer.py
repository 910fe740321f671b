"""The answer of a study in words: how many networks it rests on, and what reproduces.

The report opens on it, and `make` ends with it.
"""

from collections.abc import Iterable

import pandas as pd

from rnnschur.paper.verdicts import CHECKED, VERDICTS, counts, groups
from rnnschur.tables import CONDITION, NETWORK


def some(number: int, noun: str) -> str:
    """Return a number with its noun.

    Examples
    --------
    >>> some(1, "network"), some(3, "network")
    ('1 network', '3 networks')
    """
    return f"{number} {noun}{'' if number == 1 else 's'}"


def listed(texts: Iterable[str]) -> str:
    """Return texts as a list in a sentence.

    Examples
    --------
    >>> listed(["RR", "CR", "CC"])
    'RR, CR and CC'
    """
    *most, last = texts
    return f"{', '.join(most)} and {last}" if most else last


def size(networks: pd.DataFrame, ledger: pd.DataFrame) -> str:
    """Return how many networks a study has, in how many conditions, and its verdicts rest on.

    Parameters
    ----------
    networks, ledger : pandas.DataFrame
        Rows of networks.csv and ledger.csv.

    Examples
    --------
    >>> networks = pd.DataFrame([("sine", "normal", 64, seed) for seed in (0, 1)], columns=NETWORK)
    >>> size(networks, pd.DataFrame({"verdict": ["not"], "networks": [2]}))
    'This study has 2 networks in 1 condition; a verdict rests on 2 of them.'
    """
    by = networks.drop_duplicates(NETWORK).groupby(CONDITION)["seed"].size()
    said = f"This study has {some(by.sum(), 'network')} in {some(len(by), 'condition')}"
    if len(by) > 1:
        said += f", {_between(by)} in each"
    judged = ledger.loc[ledger["verdict"].notna(), "networks"]
    return f"{said}; a verdict rests on {_between(judged)} of them." if len(judged) else f"{said}."


def verdict(ledger: pd.DataFrame) -> list[str]:
    """Return what became of the paper's claims and numbers; nothing where none is judged.

    Parameters
    ----------
    ledger : pandas.DataFrame
        Rows of ledger.csv.
    """
    said = []
    for kind, row in counts(ledger).iterrows():
        if row["independent"]:
            one = row["reproduced"] == 1
            parts = [f"{row['reproduced']} {'is' if one else 'are'} reproduced"]
            parts += [f"{row[name]} {name}" for name in VERDICTS[1:] if row[name]]
            said.append(
                f"Of the paper's {some(row['statements'], kind)}, {row['independent']} "
                f"{'is' if row['independent'] == 1 else 'are'} independent: {listed(parts)}."
            )
    missing = int((ledger["networks"] == 0).sum())
    if said and missing:
        more = "claim or number is" if missing == 1 else "claims and numbers are"
        said.append(f"{missing} more {more} about networks that this study does not have.")
    failed = ledger[ledger["verdict"] == CHECKED[1]]
    said += [f"A theorem fails, which is an error of the study: {text}" for text in failed["claim"]]
    return said


def at_fault(ledger: pd.DataFrame) -> list[str]:
    """Return the statements for which independent claims and numbers are not reproduced."""
    rows = groups(ledger)
    return list(rows[rows["verdict"] == VERDICTS[-1]]["claim"])


def _between(numbers: pd.Series) -> str:
    """Return the least and the largest of some numbers: '2 to 6', or the one that they all are."""
    least, most = int(numbers.min()), int(numbers.max())
    return f"{least}" if least == most else f"{least} to {most}"
