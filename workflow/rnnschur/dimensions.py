r"""Counting dimensions: the bits that a network must keep beside the sizes of its sectors.

Replaying L symbols of m elements, each -1 or +1, takes a state that holds L m bits without decay.
If each takes a dimension of its own, the leading sector has

.. math::  |R| = L m, \qquad |C| = N_h - L m,

and whether there is a coupling within C at all is a matter of counting: CC is empty unless C has
two blocks. Of a network with fewer units than bits this says nothing but |R| <= N_h.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from rnnschur.findings import with_damage
from rnnschur.tables import CONDITION, NETWORK

#: Lost accuracy up to which a coupling counts as free, as in the claims of the paper.
FREE = 0.02

LAW = ["bits", "trained", "networks", "accuracy", "R_median", "R_least", "R_most", "R_is_bits"]
LAW += ["with_CC", "CC_free"]


def dimensions(
    networks: pd.DataFrame,
    spectra: pd.DataFrame,
    ablations: pd.DataFrame,
    bits: Mapping[str, int],
) -> pd.DataFrame:
    """Return the bits and the sizes of the sectors, a row a network.

    Parameters
    ----------
    networks, spectra, ablations : pandas.DataFrame
        Tables of the study, whose networks have one recurrent matrix each.
    bits : mapping of str to int
        What a network must keep, by task; other tasks are left out.

    Returns
    -------
    pandas.DataFrame
        Columns task, architecture, width, seed, learned, value (of the intact network), leading
        (|R|), bits, complement (|C|), blocks (diagonal blocks of C) and damage_CC.
    """
    table = networks.loc[networks["task"].isin(bits), [*NETWORK, "learned", "value", "leading"]]
    table = table.assign(
        bits=table["task"].map(bits).astype(int), complement=table["width"] - table["leading"]
    )
    rows = spectra.merge(table[[*NETWORK, "leading"]], on=NETWORK)
    blocks = rows[rows["index"] >= rows["leading"]].groupby(NETWORK)["block"].nunique()
    damage = with_damage(ablations[ablations["removed"] == "CC"].reset_index(drop=True))
    table = table.join(blocks.rename("blocks"), on=NETWORK)
    table = table.join(damage.set_index(NETWORK)["damage"].rename("damage_CC"), on=NETWORK)
    return table.assign(blocks=table["blocks"].fillna(0).astype(int)).reset_index(drop=True)


def law(table: pd.DataFrame) -> pd.DataFrame:
    """Return what becomes of the law of dimensions, a row a condition.

    Parameters
    ----------
    table : pandas.DataFrame
        As `dimensions` returns it.

    Returns
    -------
    pandas.DataFrame
        Columns task, architecture, width, bits, trained, networks (those of them that learned),
        accuracy (median over all that were trained), R_median, R_least and R_most (|R|), R_is_bits
        (share of networks), with_CC (networks with two blocks or more in C) and CC_free (the share
        of these that lose at most 0.02 without CC). All but accuracy are of networks that have
        learned, and empty (NaN) where there are none.
    """
    rows = []
    for condition, members in table.groupby(CONDITION, sort=False):
        learned = members[members["learned"]]
        coupled = learned[learned["blocks"] >= 2]
        row = dict(zip(CONDITION, condition, strict=True))
        row |= {"bits": members["bits"].iloc[0], "trained": len(members), "networks": len(learned)}
        row |= {"accuracy": members["value"].median(), "R_median": learned["leading"].median()}
        row |= {"R_least": learned["leading"].min(), "R_most": learned["leading"].max()}
        row |= {"R_is_bits": _share(learned["leading"] == learned["bits"])}
        row |= {"with_CC": len(coupled), "CC_free": _share(coupled["damage_CC"] <= FREE)}
        rows.append(row)
    return pd.DataFrame(rows, columns=[*CONDITION, *LAW])


def _share(true: pd.Series) -> float:
    return float(true.mean()) if len(true) else np.nan
